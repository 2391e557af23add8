"""Shards of a bucket that take turns on a disk which does not hold them all."""

import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fishfsr.data.dataset import ShardDataset
from fishfsr.data.split import Paths
from fishprep.common.errors import ShardError
from fishprep.shards.cache import ShardCache
from fishprep.shards.remote import RemoteShard
from fishprep.storage.objects import ObjectStorage


@dataclass(frozen=True)
class Away:
    """A shard in a bucket."""

    storage: ObjectStorage
    shard: RemoteShard


class Turns:
    """Which shards are here: those that are read now, and, fetched meanwhile, those that are next.

    away: the shards that take turns, by the files that stand for them, in which all that is large is a hole. cache: a folder of
    their own: what is not their turn is removed there, and nothing anywhere else. Several processes of a machine may share it.
    """

    def __init__(self, cache: ShardCache, away: Mapping[Path, Away], wanted: Collection[str]) -> None:
        self.away = away
        self._cache, self._wanted = cache, wanted
        self._coming: Future[None] | None = None

    def take(self, now: Collection[Path], then: Collection[Path]) -> None:
        """Have the shards of `now` here, wherever they are, and begin to fetch those of `then`.

        Waits for what is not here yet. OSError where the network or the disk fails, ShardError where the bytes are others.
        """
        if self._coming is not None:
            with suppress(OSError, ShardError):  # which is met again below, where it still is so
                self._coming.result()
        self._remove_all_but({*now, *then})
        self._fetch(now)
        self._coming = _begun(lambda: self._fetch(then))

    def path(self, stands_for: Path) -> Path:
        """The file of a shard whose turn it is."""
        return self._cache.path(self.away[stands_for].shard, self._wanted)

    def _fetch(self, some: Iterable[Path]) -> None:
        by_storage: dict[ObjectStorage, list[RemoteShard]] = {}
        for each in some:
            if each in self.away:
                by_storage.setdefault(self.away[each].storage, []).append(self.away[each].shard)
        for storage, shards in by_storage.items():
            self._cache.fetch(storage, shards, self._wanted, lambda done, total: None)

    def _remove_all_but(self, kept: Collection[Path]) -> None:
        """Of our own: whoever has a file open reads on."""
        there = (
            {path for path in self._cache.folder.iterdir() if path.is_dir()} if self._cache.folder.is_dir() else set()
        )
        ours = {self.path(each).parent for each in self.away} & there
        for folder in ours - {self.path(each).parent for each in kept if each in self.away}:
            shutil.rmtree(folder, ignore_errors=True)


class TurningDataset(ShardDataset):
    """All samples of shards of which those alone can be read that were `hold` last."""

    def __init__(self, shards: Paths, split: str, scale: int, beside: Collection[str], turns: Turns) -> None:
        self._turns = turns
        self._held: tuple[Sequence[int], Sequence[int]] = ((), ())
        super().__init__(shards, split, scale, beside)  # type: ignore[arg-type]

    def hold(self, now: Sequence[int], then: Sequence[int]) -> None:
        """Have the shards of `now` at hand, by their numbers, and fetch those of `then` meanwhile.

        OSError where the network or the disk fails, ShardError where the bytes are not those that were recorded.
        """
        if (now, then) == self._held:
            return
        kept = {number: self._shards[number] for number in {*now} & {*self._held[0]}}
        for number, path in enumerate(self.paths):
            if path in self._turns.away:
                self._shards[number] = kept.get(number, self._stand_ins[number])
        self._held = ((), ())
        for number in now:
            while self.paths[number] in self._turns.away and number not in kept:
                self._turns.take([self.paths[each] for each in now], [self.paths[each] for each in then])
                with suppress(FileNotFoundError):  # another process, which is further on, has removed it
                    kept[number] = self._shards[number] = self._mapped_at(self._turns.path(self.paths[number]))
        self._held = (now, then)

    def _open(self) -> None:
        super()._open()
        self._stand_ins = list(self._shards)

    def _check_files(self, numbers: np.ndarray) -> None:
        held = {*self._held[0]}
        for number in numbers.tolist():
            assert number in held or self.paths[number] not in self._turns.away, "what stands for a shard is not read"
        super()._check_files(numbers)

    def __getstate__(self) -> dict[str, object]:
        raise TypeError("shards that take turns are read by one process")


def _begun(work: Callable[[], None]) -> Future[None]:
    """Done by a thread that does not keep the process alive."""
    coming: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            coming.set_exception(error)
        else:
            coming.set_result(None)

    threading.Thread(target=run, name="fetch-shards", daemon=True).start()
    return coming
