"""Faces of one photo that stand in two places: saved anew, smaller, in other light, cropped, mirrored.

Three sieves, each finer and dearer than the one before. Difference hashes, of the faces and of the mirrored faces, propose pairs that
differ in few bits; the bands of two small pictures drop nine of ten; what is left is laid over each other. Among the 35.7 million pairs of
8,453 CelebA faces the first leaves 6,829, the second 820, the third 6, all of them one photo twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fishprep.common.near import near_pairs
from fishprep.common.progress import TellCount
from fishprep.faces.detail import (
    DETAIL_SIZE,
    LEAST_CORRELATION,
    LEAST_RESEMBLANCE,
    PLACED_SIZE,
    band,
    mirrored_bands,
    placed_correlation,
)
from fishprep.faces.measures import mirrored_fingerprints
from fishprep.overlaps.table import FaceTable

MOST_BITS = 6
"""In which the hashes of two copies may differ: of 1,000 that were saved anew, mirrored or cropped by 5 % all around, 979 do not more."""

MOST_NEAR, MOST_CANDIDATES = 100_000_000, 20_000_000
"""Pairs of near hashes that are looked at, and those of them that are in two places."""

_PAIRS_AT_ONCE = 1 << 13


@dataclass(frozen=True, eq=False)
class Candidates:
    """P pairs of faces in two places whose hashes are near. one, other: (P,) int32, one < other; bits: (P,) int8; mirrored: (P,) bool.
    complete: False where so many were near that the search ended early."""

    one: np.ndarray
    other: np.ndarray
    bits: np.ndarray
    mirrored: np.ndarray
    complete: bool

    def __len__(self) -> int:
        return len(self.one)

    def take(self, which: np.ndarray) -> "Candidates":
        """Some of the pairs."""
        return Candidates(self.one[which], self.other[which], self.bits[which], self.mirrored[which], self.complete)


@dataclass(frozen=True)
class SamePhoto:
    """Two faces that are one photo; correlation: of their fine detail, laid over each other."""

    one: int
    other: int
    bits: int
    mirrored: bool
    correlation: float


def same_photos(table: FaceTable, tell: TellCount) -> tuple[list[SamePhoto], bool]:
    """All that is found of one photo in two places and not of equal bytes, in the order of the faces; and whether the search was
    complete. tell: gets pairs that were laid over each other, and all. Errors as of `FaceTable.pictures`."""
    near = candidates(table)
    likely = near.take(_alike(table, near))
    likely = likely.take(np.lexsort((likely.mirrored, likely.other, likely.one)))
    found: dict[tuple[int, int], SamePhoto] = {}
    for start in range(0, len(likely), _PAIRS_AT_ONCE):
        some = likely.take(np.arange(start, min(start + _PAIRS_AT_ONCE, len(likely))))
        for pair in _placed(table, some):
            before = found.setdefault((pair.one, pair.other), pair)
            if before.correlation < pair.correlation:
                found[pair.one, pair.other] = pair
        tell(start + len(some), len(likely))
    return list(found.values()), near.complete


def candidates(table: FaceTable) -> Candidates:
    """Pairs in two places whose hashes are near, plain or mirrored, and whose files are not equal."""
    both = np.concatenate([table.fingerprint, mirrored_fingerprints(table.fingerprint)])
    near = [_NONE]
    seen = kept = 0
    for i, j, bits in near_pairs(both, MOST_BITS):
        near.append(_in_two_places(table, i, j, bits))
        seen += len(i)
        kept += len(near[-1])
        if seen > MOST_NEAR or kept > MOST_CANDIDATES:
            return _together(near, complete=False)
    return _together(near, complete=True)


def _in_two_places(table: FaceTable, i: np.ndarray, j: np.ndarray, bits: np.ndarray) -> Candidates:
    """Of near pairs among the hashes of N faces and, behind them, of the N mirrored ones, those that are asked for, each once: two
    mirrored faces are as near as the plain ones, and a mirrored pair comes in both orders."""
    mirrored = j >= len(table)
    one, other = i % len(table), j - len(table) * mirrored
    which = (i < len(table)) & (one < other) & (table.place[one] != table.place[other])
    which &= (table.content[one] != table.content[other]) | (table.content[other] == 0)
    found = Candidates(one.astype(np.int32), other.astype(np.int32), bits.astype(np.int8), mirrored, True)
    return found.take(which)


_NONE = Candidates(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int8), np.empty(0, bool), True)


def _together(parts: list[Candidates], complete: bool) -> Candidates:
    one, other, bits, mirrored = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("one", "other", "bits", "mirrored")
    )
    return Candidates(one, other, bits, mirrored, complete)


def _alike(table: FaceTable, near: Candidates) -> np.ndarray:
    """(P,) bool: pairs whose bands resemble each other."""
    numbers, places = np.unique(np.concatenate([near.one, near.other]), return_inverse=True)
    bands = np.empty((len(numbers), (DETAIL_SIZE * 3 // 4) ** 2), np.float16)  # half the memory: it is a sieve
    for keys, pictures in table.pictures(numbers, DETAIL_SIZE):
        bands[keys] = band(pictures)
    found = np.zeros(len(near), bool)
    for start in range(0, len(near), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        ones = bands[places[: len(near)][some]].astype(np.float32)
        others = bands[places[len(near) :][some]].astype(np.float32)
        turned = near.mirrored[some]
        others[turned] = mirrored_bands(others[turned])
        found[some] = np.einsum("nd,nd->n", ones, others) >= LEAST_RESEMBLANCE
    return found


def _placed(table: FaceTable, some: Candidates) -> Iterator[SamePhoto]:
    numbers, places = np.unique(np.concatenate([some.one, some.other]), return_inverse=True)
    pictures = np.empty((len(numbers), PLACED_SIZE, PLACED_SIZE, 3), np.uint8)
    for keys, part in table.pictures(numbers, PLACED_SIZE):
        pictures[keys] = part
    for i in range(len(some)):
        one, other = pictures[places[i]], pictures[places[len(some) + i]]
        mirrored = bool(some.mirrored[i])
        correlation = placed_correlation(one, other[:, ::-1] if mirrored else other)
        if correlation >= LEAST_CORRELATION:
            yield SamePhoto(int(some.one[i]), int(some.other[i]), int(some.bits[i]), mirrored, correlation)
