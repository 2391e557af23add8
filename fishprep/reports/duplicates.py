"""Pictures that are in a build more than once: equal files, and faces that look the same.

Difference hashes alone cannot tell aligned faces apart: among 8,449 CelebA faces, 73 pairs of different people differ in 3 bits,
while one photo published twice may differ in 3 too. So hashes only propose pairs, and the fine detail of the two faces decides:
there it lists 5 pairs, all of them one photo twice, one under two names and in two splits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fishprep.common.near import near_pairs
from fishprep.faces.detail import LEAST_CORRELATION
from fishprep.reports.columns import Columns

MOST_BITS = 4
MOST_CANDIDATES = 500_000
_PAIRS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class LikePair:
    """Two rows, by their numbers. bits: in which their hashes differ. correlation: of the fine detail of the faces.
    same_file: equal bytes. across: of different splits."""

    one: int
    other: int
    bits: int
    correlation: float
    same_file: bool
    across: bool


@dataclass(frozen=True)
class Duplicates:
    """pairs: those across splits first, then the most alike first. compared: faces. complete: False where so many looked alike that the
    search ended early. copies, copies_across: files that are in the source more than once, and those of them that are in several
    splits. identities_across: people whose faces are in several splits; None where no face has a name."""

    pairs: tuple[LikePair, ...]
    compared: int
    complete: bool
    copies: int
    copies_across: int
    identities_across: int | None

    @property
    def across(self) -> int:
        """Pairs of different splits."""
        return sum(pair.across for pair in self.pairs)


ReadDetails = Callable[[np.ndarray], np.ndarray]
"""Numbers of rows (M,) → fine detail of their faces (M, D), each of unit length."""


def find_duplicates(columns: Columns, details: ReadDetails) -> Duplicates:
    """Search all kept faces for near-duplicates, and all rows for equal files and for people in several splits."""
    kept = np.flatnonzero(columns.kept)
    one, other, bits = _candidates(columns.fingerprint[kept])
    complete = len(one) <= MOST_CANDIDATES
    one, other = kept[one], kept[other]
    found = []
    for start in range(0, len(one), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        found += list(_confirmed(columns, details, one[some], other[some], bits[some]))
    copies = _in_several(columns.content, columns.photo)
    named = (columns.identity != 0) & columns.kept
    splits = columns.split.codes.astype(np.uint64)
    return Duplicates(
        pairs=tuple(
            sorted(found, key=lambda pair: (not pair.across, pair.bits, -pair.correlation, pair.one, pair.other))
        ),
        compared=len(kept),
        complete=complete,
        copies=len(copies),
        copies_across=len(_in_several(columns.content, splits)),
        identities_across=len(_in_several(columns.identity[named], splits[named])) if named.any() else None,
    )


def _candidates(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All near pairs (i, j, bits), or somewhat more than `MOST_CANDIDATES` of them."""
    nothing = np.empty(0, np.int64)
    blocks = [(nothing, nothing, nothing)]
    count = 0
    for block in near_pairs(hashes, MOST_BITS):
        blocks.append(block)
        count += len(block[0])
        if count > MOST_CANDIDATES:
            break
    one, other, bits = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return one, other, bits


def _confirmed(
    columns: Columns, details: ReadDetails, one: np.ndarray, other: np.ndarray, bits: np.ndarray
) -> Iterator[LikePair]:
    apart = columns.photo[one] != columns.photo[other]
    one, other, bits = one[apart], other[apart], bits[apart]
    numbers, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    vectors = details(numbers)
    correlations = np.einsum("nd,nd->n", vectors[places[: len(one)]], vectors[places[len(one) :]])
    for i, j, bit, correlation in zip(one.tolist(), other.tolist(), bits.tolist(), correlations.tolist(), strict=True):
        same_file = bool(columns.content[i] == columns.content[j] != 0)
        if same_file or correlation >= LEAST_CORRELATION:
            across = bool(columns.split.codes[i] != columns.split.codes[j])
            yield LikePair(i, j, bit, correlation, same_file, across)


def _in_several(keys: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The keys, but 0, that stand in more than one group."""
    together = np.unique(np.stack([keys, groups], axis=1), axis=0)[:, 0]
    values, counts = np.unique(together[together != 0], return_counts=True)
    return values[counts > 1]
