"""Photos that show the same picture, found before a build: equal files, and near-duplicates by hash and fine detail."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from PIL import Image, ImageOps

from fishprep.common.near import near_pairs
from fishprep.common.opencv import cv2
from fishprep.decoding.decode import FORMATS, Limits, read_file
from fishprep.faces.measures import fingerprint
from fishprep.faces.photo import Photo

MOST_BITS = 6
"""In which the hashes of two photos may differ: other compression, size, brightness or contrast change so many at most."""

MOST_CANDIDATES = 2_000_000
"""Pairs of near hashes that are looked at."""

LEAST_CORRELATION = 0.78
"""Of the fine detail of two pictures that are one. Halfway between the weakest true pair on CelebA (0.86: the same photo in other
colours) and the strongest of two different photos (0.70: two frames of one moment)."""

DETAIL_SIZE = 32
_SEEN_SIDE = 128
"""Pixels a side to which a photo is shrunk before it is compared."""

_READ_AT_ONCE = 512
_DETAILS_KEPT = 1 << 15

Tell = Callable[[int, int], None]
"""Told how many photos are read, and of how many."""


@dataclass(frozen=True)
class _Look:
    """content: the first 8 bytes of the file's SHA-256; hash: of the picture, None where it cannot be read or is of one colour."""

    content: bytes
    hash: int | None


@dataclass(frozen=True)
class SamePictures:
    """pairs (i, j) of photos, enough of them to join all that belong together. complete: False where so many looked alike that
    the search ended early."""

    pairs: tuple[tuple[int, int], ...]
    complete: bool


def same_pictures(photos: Sequence[Photo], limits: Limits, tell: Tell) -> SamePictures:
    """Photos that are equal files or near-duplicates.

    A photo is seen as a whole: another crop of the same scene, or its mirror image, is not found. One that cannot be read is
    alike to none.
    """
    looks = list(_looks(photos, limits, tell))
    first: dict[bytes, int] = {}
    pairs = []
    for number, look in enumerate(looks):
        if look is not None and (other := first.setdefault(look.content, number)) != number:
            pairs.append((other, number))
    hashes = {number: look.hash for number in first.values() if (look := looks[number]) and look.hash is not None}
    seen = np.array(list(hashes), np.int64)
    details, candidates = _Details(photos, limits), 0
    for ones, others, _ in near_pairs(np.array(list(hashes.values()), np.uint64), MOST_BITS):
        candidates += len(ones)
        if candidates > MOST_CANDIDATES:
            return SamePictures(tuple(pairs), False)
        pairs += [
            (i, j) for i, j in zip(seen[ones].tolist(), seen[others].tolist(), strict=True) if details.agree(i, j)
        ]
    return SamePictures(tuple(pairs), True)


def fine_detail(pictures: np.ndarray) -> np.ndarray:
    """pictures (M, 32, 32, 3) uint8 RGB → (M, 576) float32 of unit length: the middle of the grey picture less its blurred self.

    What two photos of different people share (light, hair, the layout of any face) is coarse, and is gone.
    """
    details = np.empty((len(pictures), (DETAIL_SIZE * 3 // 4) ** 2), np.float32)
    margin = DETAIL_SIZE // 8
    for i, picture in enumerate(pictures):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine = (grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[margin:-margin, margin:-margin].ravel()
        fine -= fine.mean()
        details[i] = fine / max(float(np.linalg.norm(fine)), 1e-6)
    return details


def _looks(photos: Sequence[Photo], limits: Limits, tell: Tell) -> Iterator[_Look | None]:
    """In the order of the photos; read by a few threads."""
    waiting, done = iter(photos), 0
    with ThreadPoolExecutor() as pool:
        while some := list(islice(waiting, _READ_AT_ONCE)):
            yield from pool.map(lambda photo: _look(photo, limits), some)
            done += len(some)
            tell(done, len(photos))


def _look(photo: Photo, limits: Limits) -> _Look | None:
    data = _bytes(photo, limits)
    if data is None:
        return None
    picture = _small(data, limits)
    content = hashlib.sha256(data).digest()[:8]
    if picture is None or np.ptp(grey := cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) == 0:
        return _Look(content, None)
    return _Look(content, fingerprint(grey))


class _Details:
    """Fine detail of photos, which are read once more for it: to keep that of all would take too much."""

    def __init__(self, photos: Sequence[Photo], limits: Limits) -> None:
        self._photos, self._limits = photos, limits
        self._of = lru_cache(maxsize=_DETAILS_KEPT)(self._read)

    def agree(self, i: int, j: int) -> bool:
        return float(self._of(i) @ self._of(j)) >= LEAST_CORRELATION

    def _read(self, number: int) -> np.ndarray:
        data = _bytes(self._photos[number], self._limits)
        picture = None if data is None else _small(data, self._limits)
        if picture is None:  # gone meanwhile
            picture = np.zeros((_SEEN_SIDE, _SEEN_SIDE, 3), np.uint8)
        small = cv2.resize(picture, (DETAIL_SIZE, DETAIL_SIZE), interpolation=cv2.INTER_AREA)
        return fine_detail(small[np.newaxis])[0]


def _bytes(photo: Photo, limits: Limits) -> bytes | None:
    try:
        return None if photo.problem is not None else read_file(photo.path, limits)
    except Exception:  # the build says what is wrong with it
        return None


def _small(data: bytes, limits: Limits) -> np.ndarray | None:
    """(128, 128, 3) uint8 RGB, upright; decoded at a fraction of its size where the format can. None where it cannot be read."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > limits.max_pixels:
                return None
            picture.draft("RGB", (2 * _SEEN_SIDE, 2 * _SEEN_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.asarray(upright.resize((_SEEN_SIDE, _SEEN_SIDE), Image.Resampling.BOX))
    except Exception:  # a decoder fed hostile bytes may raise anything; the build says what is wrong
        return None
