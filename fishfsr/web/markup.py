"""What came of the work → HTML. Whatever comes from outside is escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from PIL import Image

from fishfsr.evaluation.pictures import lossless_uri
from fishfsr.upscaling.pasting import BICUBIC, enlarged_size
from fishfsr.upscaling.photo import UpscaledFace, describe_face
from fishfsr.upscaling.results import Result
from fishfsr.web.parsing import ParsedCrop
from fishfsr.web.photos import PhotoLook
from fishfsr.web.results import Restoration, RestoredPhoto
from fishfsr.web.shards import MEASURES, ShardPage, ShardRow
from fishfsr.web.shelf import Slot
from fishprep.common.opencv import cv2
from fishprep.common.pages import page_environment

LARGEST_VIEW = 1600  # pixels of a picture's longer side on the page
MOST_CARDS = 40
"""Faces of a photo that get a card; all are in the download."""

GUESS = "A restored face is a guess of a network. It is no evidence of what somebody looks like."
LR_SIZES = (64, 32, 16, 8)


@dataclass(frozen=True)
class Spot:
    """Where a face stands in a picture, in percent of its width and height; `angle` in degrees."""

    left: float
    top: float
    width: float
    height: float
    angle: float


@dataclass(frozen=True)
class FaceView:
    """A face as the page shows it. Its pictures are `data:` addresses, `file` that of its download; empty where there is none."""

    number: int
    face: UpscaledFace
    taken: bool
    spot: Spot
    crop: str = ""
    bicubic: str = ""
    restored: str = ""
    lr: str = ""
    map: str = ""
    file: str = ""

    @property
    def pose(self) -> str:
        """In words; empty where the picture was not searched."""
        if self.face.angles is None or not np.isfinite(self.face.angles).all():
            return ""
        return ", ".join(
            f"{name} {angle:+.0f}°" for name, angle in zip(("yaw", "pitch", "roll"), self.face.angles, strict=True)
        )


@dataclass(frozen=True)
class PhotoView:
    """A picture as the page shows it: `before` and `after` are addresses relative to the page."""

    number: int
    name: str
    size: tuple[int, int] = (0, 0)
    kind: str = ""
    before: str = ""
    after: str = ""
    photo: str = ""
    enlarged: tuple[int, int] = (0, 0)
    faces: tuple[FaceView, ...] = ()
    unseen: int = 0
    problem: str = ""
    note: str = ""

    @property
    def restored(self) -> int:
        """Faces that were restored, or would be."""
        return sum(face.taken for face in self.faces)


def looks_page(looks: Sequence[PhotoLook], slot: Slot) -> str:
    """Pictures with the faces found in them; their views are written into the slot."""
    return _render("found", photos=[_looked(number, look, slot) for number, look in enumerate(looks)])


def restoration_page(restoration: Restoration, slot: Slot) -> str:
    """Restored photos and faces; views go into the slot, in which the downloads lie already."""
    photos = [_worked(number, photo, slot) for number, photo in enumerate(restoration.photos)]
    return _render("restored", photos=photos, restoration=restoration, slot=slot, guess=GUESS)


def parsed_page(crops: Sequence[ParsedCrop], slot: Slot) -> str:
    """Maps of face crops."""
    return _render("parsed", crops=crops, slot=slot)


def shards_page(page: ShardPage) -> str:
    """Faces of shards, or dropped photos with their reasons."""
    return _render("faces", page=page, cards=[_shard_card(row) for row in page.rows], measures=MEASURES)


def rescue_page(**values: Any) -> str:
    """What is said beside a dropped photo in which a face is marked."""
    return _render("rescue", **values)


def heading() -> str:
    """What stands above the tabs."""
    return _render("heading", guess=GUESS)


def build_heading(name: str, report: bool) -> str:
    """What stands above the faces of a build."""
    return _render("build", name=name, report=report)


def alert(text: str) -> str:
    """A message of something that cannot be done."""
    return _render("alert", text=text)


@cache
def style() -> str:
    """The page's own style sheet."""
    return _text("page.css")


def script(most_bytes: int) -> str:
    """The page's own script, as an element of its head. most_bytes: of a file that is sent."""
    return f"<script>const MOST_BYTES = {most_bytes};\n{_text('page.js')}</script>"


def _looked(number: int, look: PhotoLook, slot: Slot) -> PhotoView:
    if look.result is None:
        return PhotoView(number, look.path.name, problem=look.refusal)
    plan = look.result.plan
    height, width = plan.image.shape[:2]
    return PhotoView(
        number=number,
        name=look.path.name,
        size=(width, height),
        kind=str(plan.kind),
        before=_view(Image.fromarray(plan.image), _fitted(width, height), slot, f"look{number}.webp"),
        faces=_faces(look.result),
        problem=plan.problem.reason if plan.problem else "",
        note=plan.note,
    )


def _worked(number: int, photo: RestoredPhoto, slot: Slot) -> PhotoView:
    row, result = photo.row, photo.result
    if result is None:
        return PhotoView(number, Path(row.path).name, problem=row.reason)
    plan = result.plan
    height, width = plan.image.shape[:2]
    view = PhotoView(
        number=number,
        name=Path(row.path).name,
        size=(width, height),
        kind=row.kind,
        faces=_faces(result, {number: slot.address(name) for number, name in photo.faces.items()}),
        unseen=max(0, len(plan.faces) - MOST_CARDS),
        problem="" if row.status in ("ok", "enlarged") else row.reason,
        note="; ".join(text for text in (row.reason if row.status in ("ok", "enlarged") else "", row.note) if text),
    )
    if not photo.photo:
        return view
    with Image.open(slot.folder / photo.photo) as image:
        enlarged, size = image.size, _fitted(*image.size)
        after = _view(image, size, slot, f"after{number}.webp")
    before = _view(Image.fromarray(plan.image), size, slot, f"before{number}.webp")
    values = {**vars(view), "before": before, "after": after, "photo": slot.address(photo.photo), "enlarged": enlarged}
    return PhotoView(**values)


def _faces(result: Result, files: Mapping[int, str] | None = None) -> tuple[FaceView, ...]:
    """The faces of a picture; with pictures where the files of those that were restored are given."""
    height, width = result.plan.image.shape[:2]
    views = []
    for number, planned in enumerate(result.plan.faces[:MOST_CARDS]):
        x0, y0, x1, y1 = planned.box
        spot = Spot(
            100 * (x0 + 0.5) / width,
            100 * (y0 + 0.5) / height,
            100 * (x1 - x0) / width,
            100 * (y1 - y0) / height,
            planned.angle,
        )
        face = describe_face(result, number, result.plan.image, read_map=files is not None)
        shown = _pictures(planned.crop, face) if files is not None else {}
        views.append(
            FaceView(number, face, planned.model is not None, spot, file=(files or {}).get(number, ""), **shown)
        )
    return tuple(views)


def _pictures(crop: np.ndarray, face: UpscaledFace) -> dict[str, str]:
    if not crop.size:
        return {}
    shown = {"crop": lossless_uri(crop)}
    if face.restored is None:
        return shown
    height, width = face.restored.shape[:2]
    bicubic = np.asarray(Image.fromarray(crop).resize((width, height), BICUBIC))
    shown |= {"bicubic": lossless_uri(bicubic), "restored": lossless_uri(face.restored), "lr": lossless_uri(face.lr)}
    if face.map is not None:
        levels = np.rint(face.map * 255).astype(np.uint8)
        shown["map"] = lossless_uri(levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=2))
    return shown


def _shard_card(row: ShardRow) -> dict[str, Any]:
    if row.face is None:
        return {"row": row}
    hr, skin = np.asarray(row.face.image()), np.ascontiguousarray(row.face.skin())
    outlines, _ = cv2.findContours(skin, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return {
        "row": row,
        "hr": lossless_uri(hr),
        "lr": [(size, lossless_uri(np.asarray(row.face.image(size)))) for size in LR_SIZES],
        "map": lossless_uri(np.repeat(skin[..., None] * np.uint8(255), 3, axis=2)),
        "points": "".join(f"M{x:.4g} {y:.4g}h0" for x, y in row.face.landmarks.tolist()),
        "outline": "".join(
            f"M{'L'.join(f'{x} {y}' for x, y in each[:, 0].tolist())}Z" for each in outlines if len(each) > 2
        ),
    }


def _fitted(width: int, height: int) -> tuple[int, int]:
    """The size of a view of a picture: its longer side is `LARGEST_VIEW` at most."""
    return enlarged_size(width, height, min(1.0, LARGEST_VIEW / max(width, height)))


def _view(image: Image.Image, size: tuple[int, int], slot: Slot, name: str) -> str:
    shown = image if image.size == size else image.resize(size, BICUBIC, reducing_gap=3.0)
    _on_white(shown).save(slot.folder / name, "WEBP", quality=92, method=2)
    return slot.address(name)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


@cache
def _environment() -> Environment:
    return page_environment("fishfsr.web")


def _render(template: str, /, **values: Any) -> str:
    return _environment().get_template(f"{template}.html.j2").render(**values)


def _text(name: str) -> str:
    return resources.files("fishfsr.web").joinpath(name).read_text(encoding="utf-8")
