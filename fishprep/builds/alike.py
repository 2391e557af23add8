"""Photos that show the same picture, found before a build: equal files, and near-duplicates by hash and fine detail."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fishprep.builds.looks import SEEN_SIDE, look_at, small_picture
from fishprep.common.near import near_pairs
from fishprep.common.opencv import cv2
from fishprep.common.progress import TellCount
from fishprep.decoding.decode import Limits
from fishprep.faces.detail import DETAIL_SIZE, LEAST_CORRELATION, fine_detail
from fishprep.faces.photo import Photo

MOST_BITS = 6
"""In which the hashes of two photos may differ: other compression, size, brightness or contrast change so many at most."""

MOST_CANDIDATES = 2_000_000
"""Pairs of near hashes that are looked at."""

_DETAILS_KEPT = 1 << 15


@dataclass(frozen=True)
class SamePictures:
    """pairs (i, j) of photos, enough of them to join all that belong together. complete: False where so many looked alike that
    the search ended early. contents: of each photo the first 8 bytes of its SHA-256; None where it cannot be read."""

    pairs: tuple[tuple[int, int], ...]
    complete: bool
    contents: tuple[bytes | None, ...] = ()


def same_pictures(
    photos: Sequence[Photo], limits: Limits, tell: TellCount, seconds: float = 60, workers: int = 1, known: int = 0
) -> SamePictures:
    """Photos that are equal files or near-duplicates. seconds: what one of them may take. workers: processes that look.
    known: how many at the beginning are nothing new: which of these look alike among themselves nobody asks.

    A photo is seen as a whole: another crop of the same scene, or its mirror image, is not found. One that cannot be read, or
    over which a process is lost, is alike to none.
    """
    looks = look_at(photos, limits, tell, seconds, workers)
    contents = tuple(look.content if look else None for look in looks)
    first: dict[bytes, int] = {}
    pairs = []
    for number, look in enumerate(looks):
        if look is not None and (other := first.setdefault(look.content, number)) != number:
            pairs.append((other, number))
    hashes = {number: look.hash for number in first.values() if (look := looks[number]) and look.hash is not None}
    seen = np.array(list(hashes), np.int64)
    details, candidates = _Details(photos, limits), 0
    for ones, others, _ in near_pairs(np.array(list(hashes.values()), np.uint64), MOST_BITS):
        asked = np.maximum(seen[ones], seen[others]) >= known
        ones, others = ones[asked], others[asked]
        candidates += len(ones)
        if candidates > MOST_CANDIDATES:
            return SamePictures(tuple(pairs), False, contents)
        pairs += [
            (i, j) for i, j in zip(seen[ones].tolist(), seen[others].tolist(), strict=True) if details.agree(i, j)
        ]
    return SamePictures(tuple(pairs), True, contents)


class _Details:
    """Fine detail of photos, which are read once more for it: to keep that of all would take too much."""

    def __init__(self, photos: Sequence[Photo], limits: Limits) -> None:
        self._photos, self._limits = photos, limits
        self._of = lru_cache(maxsize=_DETAILS_KEPT)(self._read)

    def agree(self, i: int, j: int) -> bool:
        return float(self._of(i) @ self._of(j)) >= LEAST_CORRELATION

    def _read(self, number: int) -> np.ndarray:
        picture = small_picture(self._photos[number], self._limits)
        if picture is None:  # gone meanwhile
            picture = np.zeros((SEEN_SIDE, SEEN_SIDE, 3), np.uint8)
        small = cv2.resize(picture, (DETAIL_SIZE, DETAIL_SIZE), interpolation=cv2.INTER_AREA)
        return fine_detail(small[np.newaxis])[0]
