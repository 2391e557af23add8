"""Shards of buckets as files of this machine, for whatever opens shards; those of folders stay where they are."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fishfsr.data.budget import TURNING, Budget
from fishfsr.data.turns import Away, Turns
from fishfsr.errors import DataError
from fishprep.common.weights import WeightStore
from fishprep.common.words import counted, size_text
from fishprep.shards.cache import ShardCache
from fishprep.shards.remote import RemoteShard, listed
from fishprep.shards.schema import HR_SIZE, image, skin
from fishprep.storage.named import located
from fishprep.storage.objects import ObjectStorage

TellText = Callable[[str], None]


@dataclass(frozen=True)
class Fetching:
    """Which part of shards is fetched, of which splits, for which scale, and into which cache (None: the user's)."""

    splits: Collection[str]
    scale: int
    cache: Path | None = None

    def near(self, shards: Sequence[str | Path], tell: TellText) -> tuple[Path, ...]:
        """Paths of folders and files, and of the cached shards of each bucket (`s3://bucket/prefix`).

        `tell` hears what is fetched. DataError where a bucket has no shards of these splits or cannot be reached, ShardError where its
        build is not finished or its bytes are not what they should be.
        """
        paths: list[Path] = []
        for each in shards:
            place = located(each)
            paths += [place] if isinstance(place, Path) else self._fetched(place, tell)
        return tuple(paths)

    def in_turns(self, shards: Sequence[str | Path], size: float | None, window: int, tell: TellText) -> "Near":
        """As `near`, within `size` GB of the cache (None: however much it takes) where the shards to train on are more than that.

        window: how many of them are to be shuffled together; 0: as many as there is room for, or all. DataError also where the cache is
        too small for two windows.
        """
        found = {each: place for each in shards if not isinstance(place := located(each), Path)}
        if size is None or not found:
            return Near(self.near(shards, tell), window, None)
        listings = {each: self._listed(storage) for each, storage in found.items()}
        budget = Budget(listings.values(), self._wanted, round(size * 1e9))
        if budget.holds_all:
            return Near(self.near(shards, tell), window, None)
        window = budget.window(window)
        tell(
            f"{size_text(budget.total)} of shards, {size:g} GB of cache: they are trained on {counted(window, 'shard')} at a time "
            f"(window = {window}), and the next are fetched meanwhile"
        )
        away: dict[Path, Away] = {}
        paths: list[Path] = []
        for each in shards:
            if each not in found:
                paths.append(Path(each))
                continue
            storage, listing = found[each], listings[each]
            turning = [shard for shard in listing if shard.name.split == TURNING]
            stand_ins = self._kept(storage, turning, frozenset(), tell)
            away |= {path: Away(storage, shard) for path, shard in zip(stand_ins, turning, strict=True)}
            paths += stand_ins
            paths += self._kept(storage, [shard for shard in listing if shard not in turning], self._wanted, tell)
        return Near(tuple(paths), window, Turns(ShardCache(self._folder / "turns"), away, self._wanted))

    def _fetched(self, storage: ObjectStorage, tell: TellText) -> list[Path]:
        chosen = self._listed(storage)
        tell(f"{storage}: {counted(len(chosen), 'shard')}, kept in {self._folder}")
        return self._kept(storage, chosen, self._wanted, tell)

    @property
    def _folder(self) -> Path:
        return self.cache or WeightStore.from_environment().folder / "shards"

    @property
    def _wanted(self) -> frozenset[str]:
        lr_size = HR_SIZE // self.scale
        return frozenset({image(HR_SIZE), image(lr_size), skin(lr_size)})

    def _listed(self, storage: ObjectStorage) -> list[RemoteShard]:
        """The shards of the splits."""
        with _refusals(storage):
            every = listed(storage)
        chosen = [shard for shard in every if shard.name.split in self.splits]
        if not chosen:
            there = ", ".join(sorted({shard.name.split for shard in every})) or "none at all"
            raise DataError(f"{storage}: no shards of the split {' or '.join(self.splits)}; there are {there}")
        return chosen

    def _kept(
        self, storage: ObjectStorage, shards: Sequence[RemoteShard], wanted: Collection[str], tell: TellText
    ) -> list[Path]:
        with _refusals(storage):
            return ShardCache(self._folder).fetch(storage, shards, wanted, _in_tenths(storage, tell))


@dataclass(frozen=True)
class Near:
    """Shards on this machine, all of them or in `turns`; window: how many are shuffled together, 0 for all."""

    paths: tuple[Path, ...]
    window: int
    turns: Turns | None


@contextmanager
def _refusals(storage: ObjectStorage) -> Iterator[None]:
    """What the network or the disk refuses, as DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename or storage}: {error.strerror or error}; what was fetched is kept") from error


def _in_tenths(storage: ObjectStorage, tell: TellText) -> Callable[[int, int], None]:
    """So many bytes of all: told of ten times."""
    told = [0]

    def hear(done: int, total: int) -> None:
        if done * 10 // total > told[0]:
            told[0] = done * 10 // total
            tell(f"{storage}: {size_text(done)} of {size_text(total)} fetched")

    return hear
