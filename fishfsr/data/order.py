"""In which order samples are read: computed, not kept."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

ROUNDS = 8
BLOCK = 4096
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class Order:
    """An endless stream over `count` samples, a new shuffle each epoch; a pure function of `seed` and the place.

    The shuffle is a Feistel network over the smallest rectangle a x b that holds `count`, walked until it lands inside
    (Black and Rogaway, 2002): an exact permutation in constant memory, whatever the size of the data. So nothing has
    to be kept or sent to workers, and the position to resume from is one number.
    """

    count: int
    seed: int

    def indices(self, places: np.ndarray) -> np.ndarray:
        """Places (N,) of the stream, from 0, → samples (N,) int64 in [0, count). Place p is in epoch p // count."""
        blocks, offsets = np.divmod(np.asarray(places, np.int64), _length(self))
        found = np.empty_like(offsets)
        for block in np.unique(blocks):
            inside = blocks == block
            found[inside] = _block(self, int(block))[offsets[inside]]
        return found


def _length(order: Order) -> int:
    """Places of a block: with few samples a long one would be hundreds of epochs, each shuffled by itself."""
    return min(BLOCK, 16 + 8 * order.count)


@lru_cache(maxsize=4)
def _block(order: Order, number: int) -> np.ndarray:
    """Many places at once: NumPy's calls cost more than the arithmetic of a batch."""
    length = _length(order)
    epochs, offsets = np.divmod(np.arange(number * length, (number + 1) * length), order.count)
    found = [_shuffled(offsets[epochs == epoch], order.count, (order.seed, int(epoch))) for epoch in np.unique(epochs)]
    return np.concatenate(found)


def shuffled(count: int, seed: tuple[int, ...]) -> np.ndarray:
    """A permutation of [0, count), (count,) int64."""
    return _shuffled(np.arange(count), count, seed)


def _shuffled(offsets: np.ndarray, count: int, seed: tuple[int, ...]) -> np.ndarray:
    keys = np.random.SeedSequence(seed).generate_state(ROUNDS, np.uint64)
    values = _feistel(offsets.astype(np.uint64), count, keys)
    while len(outside := np.flatnonzero(values >= count)):
        values[outside] = _feistel(values[outside], count, keys)
    return values.astype(np.int64)


def coins(seed: int, places: np.ndarray) -> np.ndarray:
    """A fair coin for each place of the stream, (N,) bool: the same for a place however the batches are cut."""
    key = np.random.SeedSequence((seed, 0xC01)).generate_state(1, np.uint64)[0]
    return (_mix(np.asarray(places).astype(np.uint64) + key) & np.uint64(1)).astype(bool)


def _feistel(values: np.ndarray, count: int, keys: np.ndarray) -> np.ndarray:
    """A permutation of [0, a·b): the two coordinates are shifted in turn, each by a hash of the other."""
    a = np.uint64(math.isqrt(count - 1) + 1)
    b = np.uint64(-(-count // int(a)))
    left, right = np.divmod(values, b)
    for first, second in zip(keys[::2], keys[1::2], strict=True):
        left = (left + _mix(right + first) % a) % a
        right = (right + _mix(left + second) % b) % b
    return left * b + right


def _mix(values: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64; unsigned integers wrap around, as it wants."""
    for shift, multiplier in zip((np.uint64(30), np.uint64(27)), _MULTIPLIERS, strict=True):
        values = (values ^ (values >> shift)) * multiplier
    return values ^ (values >> np.uint64(31))
