"""One picture in a program: the picture in, its faces and the enlarged photo out, nothing written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from fishfsr.errors import FishFSRError, InputError
from fishfsr.inference.kinds import as_tensor, like, pixels_of
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.pictures import PictureFormat
from fishfsr.upscaling.planning import PicturePlan, PlannedFace, Planner
from fishfsr.upscaling.record import Fate
from fishfsr.upscaling.restoring import restore
from fishfsr.upscaling.results import PhotoSize, Result
from fishprep.common.errors import DecodeError
from fishprep.common.status import Status
from fishprep.common.words import joined
from fishprep.decoding.decode import Limits, Picture, decode_picture, read_file
from fishprep.landmarks.base import Box

PhotoInput = str | Path | Image.Image | np.ndarray
BATCH = 32


@dataclass(frozen=True, eq=False)
class UpscaledFace:
    """A face of a picture.

    box: x0, y0, x1, y1 of its crop in the upright photo, angle: the degrees by which it stands turned there (docs/coordinates.md).
    side: pixels of the crop's longer side. model: the file of the pair that took it, of `scale`; empty and 0 where it was left alone.
    why: it took it, or the face was left alone.
    lr: what the model saw, restored: what it made of that; of the kind of the picture, None where the face was left alone.
    map: (h, w) float32 in [0, 1] of ParsingNet, at the LR size; (h, w, 3) of the authors' networks; None where none was read.
    angles: yaw, pitch, roll in degrees, None where the picture was not searched. warnings: what of it is outside of the training.
    """

    box: Box
    side: int
    model: str
    scale: int
    why: str
    lr: Any = None
    restored: Any = None
    map: np.ndarray | None = None
    angles: tuple[float, float, float] | None = None
    warnings: tuple[str, ...] = ()
    angle: float = 0.0


@dataclass(frozen=True, eq=False)
class UpscaledPhoto:
    """A picture enlarged. photo: of the kind of the picture (of a file: a Pillow image), enlarged by `outscale`.

    None, and `outscale` 0, where no face was restored, which `reason` explains, or the picture is itself a face; unless the
    enlargement was asked for. faces: from left to right. kind: what the picture is, or was taken for: aligned, crop, photo.
    note: what was found out about the picture as a whole.
    """

    photo: Any
    outscale: float
    faces: tuple[UpscaledFace, ...]
    kind: str
    reason: str = ""
    note: str = ""


def upscaled(image: PhotoInput, planner: Planner, size: PhotoSize) -> UpscaledPhoto:
    """As `fishfsr.upscale_photo`, with what restores it made ready."""
    picture, kind = _opened(image)
    plan = planner.plan(picture.pixels)
    [restored] = restore([plan], BATCH)
    result = Result(picture, plan, restored, planner.models.largest_scale)
    refusal = result.problem(size, PictureFormat())
    if refusal is not None and refusal.status == Fate.FAILED:
        raise FishFSRError(refusal.reason)
    if refusal is not None and refusal.status == Status.TOO_LARGE:
        raise InputError(refusal.reason)
    outscale = 0.0 if refusal else result.outscale(size)
    return UpscaledPhoto(
        photo=like(result.photo(outscale), kind) if outscale else None,
        outscale=outscale,
        faces=tuple(describe_face(result, number, kind) for number in range(len(plan.faces))),
        kind=str(plan.kind),
        reason=(refusal or result.fate()).reason,
        note=joined(picture.note, plan.note),
    )


def _opened(image: PhotoInput) -> tuple[Picture, Image.Image | np.ndarray]:
    """The picture, and one of the kind in which its faces are given back."""
    if isinstance(image, str | Path):
        return _read(Path(image), Limits()), Image.new("RGB", (1, 1))
    if isinstance(image, Image.Image) and image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        raise InputError("the image is not upright: give the path of its file, or PIL.ImageOps.exif_transpose(image)")
    return Picture(pixels_of(image)), image


def _read(path: Path, limits: Limits) -> Picture:
    try:
        return decode_picture(read_file(path, limits), limits)
    except DecodeError as error:
        raise DecodeError(error.status, f"{path}: {error.reason}") from error


def describe_face(result: Result, number: int, kind: Image.Image | np.ndarray, read_map: bool = True) -> UpscaledFace:
    """What is known of a face of a picture, restored or not; its pictures are of the kind of `kind`.

    read_map: have ParsingNet read the face's map, which takes a moment.
    """
    face, restored = result.plan.faces[number], result.face(number)
    return UpscaledFace(
        box=face.box,
        side=face.side,
        model=face.model.name if face.model else "",
        scale=face.model.scale if face.model else 0,
        why=_why(result.plan, face),
        lr=None if face.lr is None else like(face.lr, kind),
        restored=None if restored is None else like(restored, kind),
        map=_map(face) if read_map else None,
        angles=face.angles,
        warnings=face.warnings,
        angle=face.angle,
    )


def _why(plan: PicturePlan, face: PlannedFace) -> str:
    """Why the model took the face, or why none did."""
    if face.model is None:
        return face.reason
    lr_size = f"the {face.model.lr_size} px of x{face.model.scale}"
    if plan.kind is Kind.ALIGNED:
        return f"an LR face of {face.side} px, to which {lr_size} are nearest"
    crop = f"its crop has {face.side} px a side"
    if face.lr is not None and max(face.lr.shape[:2]) < face.side:
        return f"{crop}, and is shrunk to {max(face.lr.shape[:2])} px for x{face.model.scale} by force"
    return f"{crop}, which {lr_size} fit best"


def _map(face: PlannedFace) -> np.ndarray | None:
    if face.model is None or face.lr is None:
        return None
    resolver = face.model.resolver
    if not isinstance(resolver, FaceSuperResolver) or not resolver.sr_net.config.needs_map:
        return None
    channels = resolver.parse(as_tensor(face.lr[None]))[0].cpu().numpy()
    return channels[0] if len(channels) == 1 else np.moveaxis(channels, 0, 2)
