"""Shards of buckets as files of this machine, for whatever opens shards; those of folders stay where they are."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from fishfsr.errors import DataError
from fishprep.common.weights import WeightStore
from fishprep.common.words import counted, size_text
from fishprep.shards.cache import ShardCache
from fishprep.shards.remote import listed
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

    def _fetched(self, storage: ObjectStorage, tell: TellText) -> list[Path]:
        try:
            every = listed(storage)
            chosen = [shard for shard in every if shard.name.split in self.splits]
            if not chosen:
                there = ", ".join(sorted({shard.name.split for shard in every})) or "none at all"
                raise DataError(f"{storage}: no shards of the split {' or '.join(self.splits)}; there are {there}")
            folder = self.cache or WeightStore.from_environment().folder / "shards"
            lr_size = HR_SIZE // self.scale
            wanted = {image(HR_SIZE), image(lr_size), skin(lr_size)}
            tell(f"{storage}: {counted(len(chosen), 'shard')}, kept in {folder}")
            return ShardCache(folder).fetch(storage, chosen, wanted, _in_tenths(storage, tell))
        except OSError as error:
            raise DataError(
                f"{error.filename or storage}: {error.strerror or error}; what was fetched is kept"
            ) from error


def _in_tenths(storage: ObjectStorage, tell: TellText) -> Callable[[int, int], None]:
    """So many bytes of all: told of ten times."""
    told = [0]

    def hear(done: int, total: int) -> None:
        if done * 10 // total > told[0]:
            told[0] = done * 10 // total
            tell(f"{storage}: {size_text(done)} of {size_text(total)} fetched")

    return hear
