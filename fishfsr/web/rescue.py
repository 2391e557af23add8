"""Photos that a build has dropped, shown so that somebody can mark the face in them by hand."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from fishfsr.errors import ConfigurationError, InputError
from fishfsr.web.shards import OK, TABLE
from fishprep.common.errors import DecodeError
from fishprep.common.opencv import cv2
from fishprep.common.parquet import readable
from fishprep.decoding.decode import Limits, decode_picture
from fishprep.landmarks.marks import fault_of
from fishprep.sources.found import PlaceFinder

FILE = "marked.json"
VIEW_SIDE = 960
"""Pixels of the longer side of what is shown."""
CLOSER = 3
"""How much nearer one goes at a time."""
SMALLEST_WINDOW = 24
KINDS = ("one eye", "the other eye", "the middle of the mouth")
COLOURS = ("#22e6a8", "#22e6a8", "#ffb000")

Mark = tuple[float, float]


@dataclass(frozen=True)
class LostPhoto:
    """A photo of which nothing was kept. path: below the source."""

    id: str
    path: str
    sha256: str
    status: str
    reason: str


@dataclass(frozen=True)
class PhotoWindow:
    """The part of a photo that is shown, in whole pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Pixels of the view for one of the photo."""
        return VIEW_SIDE / max(self.width, self.height)

    def to_photo(self, x: float, y: float) -> Mark:
        """A pixel of the view as a place in the photo: 0-based, centres of pixels at integers."""
        return self.left + (x + 0.5) / self.scale - 0.5, self.top + (y + 0.5) / self.scale - 0.5

    def to_view(self, mark: Mark) -> Mark:
        """And back."""
        return (mark[0] - self.left + 0.5) * self.scale - 0.5, (mark[1] - self.top + 0.5) * self.scale - 0.5

    def closer(self, x: float, y: float) -> "PhotoWindow":
        """A part of it around a pixel of the view."""
        width, height = (max(min(SMALLEST_WINDOW, side), side // CLOSER) for side in (self.width, self.height))
        middle = self.to_photo(x, y)
        left = min(max(self.left, round(middle[0] - width / 2)), self.left + self.width - width)
        top = min(max(self.top, round(middle[1] - height / 2)), self.top + self.height - height)
        return PhotoWindow(left, top, width, height)


@dataclass(frozen=True)
class Marking:
    """What somebody has marked so far, by the paths of photos: the eyes, then the mouth. window: what is shown, None for all."""

    marks: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    window: PhotoWindow | None = None

    def of(self, path: str) -> tuple[Mark, ...]:
        """The marks of a photo."""
        return self.marks.get(path, ())

    def with_marks(self, path: str, marks: tuple[Mark, ...]) -> "Marking":
        """With these instead of the photo's."""
        others = {name: known for name, known in self.marks.items() if name != path}
        return replace(self, marks={**others, path: marks} if marks else others)

    @property
    def finished(self) -> dict[str, list[list[float]]]:
        """As the file says it: the photos with marks that can be those of a face."""
        return {
            path: [[round(x, 2), round(y, 2)] for x, y in marks]
            for path, marks in sorted(self.marks.items())
            if not problem_of(marks)
        }

    @property
    def address(self) -> str:
        """The file as a `data:` address, which nobody keeps; empty where no photo is finished."""
        if not self.finished:
            return ""
        text = json.dumps(self.finished, indent=1, ensure_ascii=False) + "\n"
        return "data:application/json;base64," + base64.b64encode(text.encode("utf-8", "backslashreplace")).decode()


class RescueDesk:
    """The dropped photos of a build that can be seen: those that were read and searched. Raises ConfigurationError where its records
    cannot be read."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder, self._limits = folder, limits
        try:
            source = json.loads((folder / "configuration.json").read_text(encoding="utf-8")).get("source") or {}
            with readable(folder / TABLE) as stream:
                rows = pq.read_table(
                    stream, columns=["photo", "path", "sha256", "status", "reason", "width"]
                ).to_pylist()
        except (OSError, ValueError, AttributeError) as error:
            raise ConfigurationError(f"{folder}: its records cannot be read: {error}") from error
        self._finder = PlaceFinder(Path(source.get("root", "")))
        kept = {row["photo"] for row in rows if row["status"] == OK}
        lost = {
            row["photo"]: LostPhoto(row["photo"], row["path"], row["sha256"], row["status"], row["reason"] or "")
            for row in rows
            if row["photo"] not in kept and row["sha256"] and row["width"] and row["status"] != "failed"
        }
        self.photos = tuple(lost.values())
        self._last: tuple[str, np.ndarray] | None = None

    def counts(self) -> dict[str, int]:
        """Photos of each status, the commonest first."""
        statuses = [photo.status for photo in self.photos]
        return {name: statuses.count(name) for name in sorted(set(statuses), key=lambda each: -statuses.count(each))}

    def of(self, status: str) -> list[LostPhoto]:
        """The photos of a status, in the order of the build; of an empty one all."""
        return [photo for photo in self.photos if status in ("", photo.status)]

    def open(self, photo: LostPhoto) -> np.ndarray:
        """(H, W, 3) uint8, upright, as the build saw it. InputError where it is not there any more, or another one."""
        last = self._last
        if last is not None and last[0] == photo.path:
            return last[1]
        try:
            data = self._finder.place(photo.path).read(self._limits).data
            if hashlib.sha256(data).hexdigest() != photo.sha256:
                raise InputError(f"{photo.path}: has changed since the build")
            pixels = decode_picture(data, self._limits).pixels
        except (DecodeError, ValueError) as error:
            raise (
                error
                if isinstance(error, InputError)
                else InputError(f"{photo.path}: not to be seen any more: {error}")
            ) from error
        self._last = photo.path, pixels
        return pixels


def whole(pixels: np.ndarray) -> PhotoWindow:
    """All of a photo."""
    return PhotoWindow(0, 0, pixels.shape[1], pixels.shape[0])


def view(pixels: np.ndarray, window: PhotoWindow, marks: tuple[Mark, ...]) -> np.ndarray:
    """The part of a photo in a window, with crosses where the marks are: (h, w, 3) uint8, the longer side `VIEW_SIDE`."""
    part = pixels[window.top : window.top + window.height, window.left : window.left + window.width]
    size = (max(1, round(window.width * window.scale)), max(1, round(window.height * window.scale)))
    way = cv2.INTER_AREA if window.scale < 1 else cv2.INTER_CUBIC
    picture = Image.fromarray(cv2.resize(part, size, interpolation=way))
    draw = ImageDraw.Draw(picture)
    for number, mark in enumerate(marks):
        x, y = window.to_view(mark)
        for colour, wide in (("#000", 7), (COLOURS[number], 3)):
            draw.line((x - 13, y, x + 13, y), colour, wide)
            draw.line((x, y - 13, x, y + 13), colour, wide)
    return np.asarray(picture)


def problem_of(marks: tuple[Mark, ...]) -> str:
    """Why marks are not (yet) those of a face; empty where they are."""
    if len(marks) < 2:
        return f"{KINDS[len(marks)]} is not marked yet"
    return fault_of(np.array(marks, np.float64))


def marks_text(marks: tuple[Mark, ...]) -> str:
    """Marks as they can be read and typed: `x y, x y, x y`."""
    return ", ".join(f"{x:.1f} {y:.1f}" for x, y in marks)


def typed_marks(text: str, pixels: np.ndarray) -> tuple[Mark, ...]:
    """And back. InputError where it says something else, or a place outside the photo."""
    height, width = pixels.shape[:2]
    marks: list[Mark] = []
    for pair in filter(str.strip, text.split(",")):
        try:
            x, y = map(float, pair.split())
        except ValueError as error:
            raise InputError(f"{pair.strip()!r}: expected two numbers, x and y, and commas between marks") from error
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise InputError(f"{pair.strip()!r}: outside the photo, which has {width} x {height} pixels")
        marks.append((x, y))
    if len(marks) > len(KINDS):
        raise InputError(f"{len(marks)} marks: {', '.join(KINDS)} are all")
    return tuple(marks)
