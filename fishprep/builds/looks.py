"""Photos seen small, before a build, in processes of their own: one that kills or hangs a decoder costs nobody else anything."""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageOps

from fishprep.common.errors import BuildError, UnreachableError
from fishprep.common.opencv import cv2
from fishprep.common.progress import TellCount
from fishprep.common.steps import Steps
from fishprep.decoding import jpeg
from fishprep.decoding.containers import PILLOW
from fishprep.decoding.decode import Limits
from fishprep.engines import create_engine
from fishprep.engines.base import Done
from fishprep.faces.ahead import ReadPhoto, is_far, read_ahead, waited_for
from fishprep.faces.measures import fingerprint
from fishprep.faces.photo import Photo

SEEN_SIDE = 128
"""Pixels a side to which a photo is shrunk before it is compared."""

_AT_ONCE = 128
"""Photos that a process looks at before it answers."""


@dataclass(frozen=True)
class Look:
    """content: the first 8 bytes of the file's SHA-256; hash: of the picture, None where it cannot be read or is of one colour."""

    content: bytes
    hash: int | None


def look_at(
    photos: Sequence[Photo], limits: Limits, tell: TellCount, seconds: float, workers: int = 1
) -> list[Look | None]:
    """A look at each photo, in order; None where it cannot be read, or takes longer than `seconds`, or a process dies of it.

    BuildError where no process can work.
    """
    looks: list[Look | None] = [None] * len(photos)
    openable = [(number, photo) for number, photo in enumerate(photos) if photo.problem is None]
    batches = [_Batch(tuple(openable[i : i + _AT_ONCE])) for i in range(0, len(openable), _AT_ONCE)]
    done = len(photos) - len(openable)
    for event in (
        create_engine().run(_LookerFactory(limits), batches, min(workers, len(batches)), seconds=seconds)
        if batches
        else ()
    ):
        if not isinstance(event, Done):
            raise BuildError(f"the photos could not be compared: {event.reason}")
        for number, look in event.result.items():
            looks[number] = look
        done += len(event.spec.photos)
        tell(done, len(photos))
    return looks


@dataclass(frozen=True)
class _Batch:
    """Photos with their numbers; a spec of the engine."""

    photos: tuple[tuple[int, Photo], ...]

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(photo.id for _, photo in self.photos)

    def trial(self, parts: Sequence[str]) -> "_Batch":
        chosen = set(parts)
        return _Batch(tuple(pair for pair in self.photos if pair[1].id in chosen))

    def without(self, blamed: Mapping[str, str]) -> "_Batch":
        return replace(self, photos=tuple(pair for pair in self.photos if pair[1].id not in blamed))


@dataclass(frozen=True)
class _LookerFactory:
    """Makes, in a worker process, what looks at photos."""

    limits: Limits

    def __call__(self) -> "_Looker":
        return _Looker(self.limits)


@dataclass(frozen=True)
class _Looker:
    limits: Limits

    def __call__(self, batch: _Batch, tell: Callable[[object], None]) -> dict[int, Look | None]:
        steps = Steps(tell)
        looks = {}
        numbers = [number for number, _ in batch.photos]
        for number, (photo, read) in zip(numbers, read_ahead((p for _, p in batch.photos), self.limits), strict=True):
            reading = waited_for(read) if is_far(photo) else read
            with steps.at("compare", photo.id):
                looks[number] = _look(reading, self.limits)
        return looks


def _look(read: ReadPhoto, limits: Limits) -> Look | None:
    data = _bytes(read)
    if data is None:
        return None
    picture = _small(data, limits)
    content = hashlib.sha256(data).digest()[:8]
    if picture is None or np.ptp(grey := cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) == 0:
        return Look(content, None)
    return Look(content, fingerprint(grey))


def small_picture(photo: Photo, limits: Limits) -> np.ndarray | None:
    """(128, 128, 3) uint8 RGB, upright; None where it cannot be read."""
    data = None if photo.problem is not None else _bytes(lambda: photo.place.read(limits))
    return None if data is None else _small(data, limits)


def _bytes(read: ReadPhoto) -> bytes | None:
    try:
        return read().data
    except UnreachableError:  # of which nobody knows what is wrong with it
        raise
    except Exception:  # the build says what is wrong with it
        return None


def _small(data: bytes, limits: Limits) -> np.ndarray | None:
    """Decoded at a fraction of its size where the format can."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            jpeg.take_apart(data)  # which has a limit on scans
        with Image.open(io.BytesIO(data), formats=PILLOW) as picture:
            if picture.width * picture.height > limits.max_pixels:
                return None
            picture.draft("RGB", (2 * SEEN_SIDE, 2 * SEEN_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.asarray(upright.resize((SEEN_SIDE, SEEN_SIDE), Image.Resampling.BOX))
    except Exception:  # a decoder fed hostile bytes may raise anything; the build says what is wrong
        return None
