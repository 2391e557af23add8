"""The batches that a process trains on: a pure function of seed and step, read ahead by one thread where that helps."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from fishfsr.data.batch import Batch
from fishfsr.data.dataset import ShardDataset
from fishfsr.data.degradation import Degradation
from fishfsr.data.order import coins
from fishfsr.data.windows import WindowedOrder, order_of
from fishfsr.errors import ConfigurationError

Item = TypeVar("Item")
AHEAD = 2


@dataclass(frozen=True)
class Share:
    """How a step's `batch_size` faces are cut: into `parts` one after the other, each over `world` processes."""

    batch_size: int
    parts: int = 1
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self.batch_size % (self.parts * self.world):
            raise ConfigurationError(
                f"batch_size = {self.batch_size} cannot be cut into {self.parts} parts for each of {self.world} "
                "processes: choose a multiple of their product"
            )

    @property
    def size(self) -> int:
        """Faces of one part in one process."""
        return self.batch_size // (self.parts * self.world)

    def places(self, step: int, part: int) -> np.ndarray:
        """Places of the stream, (size,) int64, of one part of one step in this process."""
        start = step * self.batch_size + (part * self.world + self.rank) * self.size
        return np.arange(start, start + self.size, dtype=np.int64)


class Read(NamedTuple):
    """A part of a step: the batch, and which faces are to be mirrored (None: augmentation is off)."""

    batch: Batch
    flip: Tensor | None


@dataclass(frozen=True)
class Stream:
    """What is read at each step. The faces of a step, and what is drawn for them, do not depend on how it is cut."""

    dataset: ShardDataset
    share: Share
    seed: int
    flip: bool = True
    degradation: Degradation = field(default_factory=Degradation)
    window: int = 0
    """Shards that are shuffled together; 0: all."""
    _reading: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def read(self, step: int, part: int = 0) -> Read:
        """One part of one step; both count from 0. Raises ShardError where a shard is damaged."""
        return self.at(self.share.places(step, part))

    def at(self, places: np.ndarray) -> Read:
        """The faces of `places` of the stream, (n,) int64 one after the other, whoever trains on them. Raises as `read`."""
        order = order_of(self.dataset.counts, self.window, self.seed)
        with self._reading:  # the thread that reads ahead may have other shards at hand
            if isinstance(order, WindowedOrder):
                self.dataset.hold(*order.at_hand(int(places[0]), int(places[-1])))
            batch = self.dataset.__getitems__(order.indices(places))
        if self.degradation.active:
            self.degradation.apply(batch.hr.numpy(), batch.lr.numpy(), self.seed, places)
        return Read(batch, torch.from_numpy(coins(self.seed, places)) if self.flip else None)

    def parts(self, step: int, pinned: bool = False) -> Iterator[Read]:
        """All parts from `step` on, without end; `pinned`: in page-locked memory, read ahead by one thread."""
        reads = self._endless(step, pinned)
        return ahead(reads) if pinned else reads

    def _endless(self, step: int, pinned: bool) -> Iterator[Read]:
        while True:
            for part in range(self.share.parts):
                read = self.read(step, part)
                yield Read(read.batch.each(Tensor.pin_memory), read.flip) if pinned else read
            step += 1


def ahead(items: Iterator[Item], depth: int = AHEAD) -> Iterator[Item]:
    """The same items, made by a thread up to `depth` ahead; its errors come out here, at their place.

    Closing the iterator ends the thread.
    """
    made: queue.Queue[Item | Exception | None] = queue.Queue(depth)
    closing = threading.Event()

    def put(item: Item | Exception | None) -> None:
        while not closing.is_set():
            with contextlib.suppress(queue.Full):
                made.put(item, timeout=0.1)
                break

    def work() -> None:
        try:
            for item in items:
                put(item)
                if closing.is_set():
                    return
            put(None)
        except Exception as error:  # handed over to the thread that reads
            put(error)

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        closing.set()
        thread.join()
