"""In which order samples are read where not all shards are at hand at a time: those of a window are shuffled together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from fishfsr.data.order import Order, shuffled

_SHARDS = 0x5A
"""Keeps the order of shards apart from that of the samples in them."""


class Window(NamedTuple):
    """Shards whose samples are read together, and the places of the stream that they fill: from `start`, to `stop` which is not
    among them."""

    shards: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class WindowedOrder:
    """An endless stream over all samples of shards with so many (`counts`) each; a pure function of `seed` and the place.

    Each epoch shuffles the shards, takes `window` of them at a time, and shuffles the samples of these: every sample comes once an
    epoch, and at any place the samples of one window are enough, at its end those of the next.
    """

    counts: tuple[int, ...]
    window: int
    seed: int

    @property
    def count(self) -> int:
        """Samples of an epoch."""
        return sum(self.counts)

    def indices(self, places: np.ndarray) -> np.ndarray:
        """As `Order.indices`; samples are counted through the shards in their order."""
        wanted = np.asarray(places, np.int64)
        found = np.empty_like(wanted)
        for number in np.unique(wanted // self.count):
            epoch = _epoch(self, int(number))
            inside = np.flatnonzero(wanted // self.count == number)
            which = np.searchsorted(epoch.starts, wanted[inside], side="right") - 1
            for each in np.unique(which):
                mine = inside[which == each]
                found[mine] = _samples(self, int(number), int(each))[wanted[mine] - epoch.starts[each]]
        return found

    def at_hand(self, first: int, last: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shards that the places from `first` to `last` need, and those that come next; none where two windows are needed at
        once, as there is room for so many."""
        now = self.window_at(first)
        if last < now.stop:
            return now.shards, self.window_at(now.stop).shards
        shards = list(now.shards)
        while last >= now.stop:
            now = self.window_at(now.stop)
            shards += now.shards
        return tuple(dict.fromkeys(shards)), ()

    def window_at(self, place: int) -> Window:
        """The window of a place."""
        epoch = _epoch(self, place // self.count)
        number = int(np.searchsorted(epoch.starts, place, side="right")) - 1
        ends = (*epoch.starts[1:].tolist(), (place // self.count + 1) * self.count)
        return Window(epoch.windows[number], int(epoch.starts[number]), int(ends[number]))


class _Epoch(NamedTuple):
    """Its windows, and the place where each begins, (windows,) int64."""

    windows: tuple[tuple[int, ...], ...]
    starts: np.ndarray


@lru_cache(maxsize=4)
def _epoch(order: WindowedOrder, number: int) -> _Epoch:
    shards = len(order.counts)
    turn = shuffled(shards, (order.seed ^ _SHARDS, number)).tolist()
    windows = tuple(tuple(turn[first : first + order.window]) for first in range(0, shards, order.window))
    sizes = [sum(order.counts[shard] for shard in window) for window in windows]
    return _Epoch(windows, number * order.count + np.cumsum([0, *sizes[:-1]]))


@lru_cache(maxsize=4)
def _samples(order: WindowedOrder, epoch: int, number: int) -> np.ndarray:
    """The samples of a window, in their order."""
    shards = _epoch(order, epoch).windows[number]
    firsts = np.cumsum([0, *order.counts])
    samples = np.concatenate([np.arange(firsts[shard], firsts[shard + 1]) for shard in shards])
    return samples[shuffled(len(samples), (order.seed, epoch, number))]


def order_of(counts: Sequence[int], window: int, seed: int) -> Order | WindowedOrder:
    """The order of shards with so many samples each: of all together where `window` is 0, or holds them all."""
    return WindowedOrder(tuple(counts), window, seed) if 0 < window < len(counts) else Order(sum(counts), seed)
