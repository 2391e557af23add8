"""Hashes that differ in few bits, found without comparing each with each."""

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

BITS = 64
_COMPARED_AT_ONCE = 1 << 16
_SPARE_BITS = 3
"""By how many bits a key is wider than would number the hashes: so that hashes share one by chance seldom."""


def near_pairs(hashes: np.ndarray, most_bits: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Blocks of all pairs (i, j, bits) of hashes (N,) uint64 that differ in at most `most_bits` bits, i < j, each pair once.

    Cut into more than `most_bits` bands, two such hashes agree in all bands but `most_bits` of them: so only hashes are compared
    that are equal in some choice of so many bands. The more hashes, the more bands, the wider what has to be equal. Memory is
    O(N), time O(N log N) but for hashes that huddle.
    """
    keys = _keys(most_bits, len(hashes))
    for number, key in enumerate(keys):
        order = np.argsort(hashes & key, kind="stable")
        values = (hashes & key)[order]
        first = np.arange(len(order) - 1)
        step = 1
        while len(first):
            first = first[values[first] == values[first + step]]
            for start in range(0, len(first), _COMPARED_AT_ONCE):
                some = first[start : start + _COMPARED_AT_ONCE]
                i, j, bits = _near(hashes, order[some], order[some + step], most_bits, keys[:number])
                if len(bits):
                    yield np.minimum(i, j), np.maximum(i, j), bits
            step += 1
            first = first[first + step < len(order)]


def _near(
    hashes: np.ndarray, i: np.ndarray, j: np.ndarray, most_bits: int, earlier: list[np.uint64]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Those of the pairs that are near, and did not agree in an earlier key."""
    bits = np.bitwise_count(hashes[i] ^ hashes[j]).astype(np.int64)
    near = bits <= most_bits
    i, j, bits = i[near], j[near], bits[near]
    different = hashes[i] ^ hashes[j]
    new = np.ones(len(i), bool)
    for key in earlier:
        new &= (different & key) != 0
    return i[new], j[new], bits[new]


def _keys(most_bits: int, count: int) -> list[np.uint64]:
    """Masks of which one, at least, has equal bits in any two near hashes; wide enough for `count` hashes."""
    wanted = math.log2(max(count, 2)) + _SPARE_BITS
    equal = next(equal for equal in range(1, 5) if equal == 4 or equal * BITS // (most_bits + equal) >= wanted)
    bands = _bands(most_bits + equal)
    return [np.bitwise_or.reduce(np.array(chosen, np.uint64)) for chosen in combinations(bands, equal)]


def _bands(count: int) -> list[np.uint64]:
    """Of every `count`-th bit, as neighbouring bits of a picture's hash go together."""
    return [np.uint64(sum(1 << bit for bit in range(start, BITS, count))) for start in range(count)]
