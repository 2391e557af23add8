"""Folders and files that a user names → the shards of one split in them."""

from collections.abc import Sequence
from pathlib import Path

from fishfsr.errors import DataError
from fishprep.shards import schema
from fishprep.shards.reader import Shard

Paths = str | Path | Sequence[str | Path]


def shard_files(shards: Paths, split: str) -> tuple[Path, ...]:
    """The shards of `split` in `shards` (a folder, several, or shard files), each once, in their order; there may be none.

    Raises DataError for a folder that is not there or holds no shards, ShardError for a file that is none.
    """
    given = [shards] if isinstance(shards, str | Path) else shards
    found: dict[Path, Path] = {}
    for each in given:
        for path, of in _by_split(Path(each)):
            if of == split:
                found.setdefault(path.resolve(), path)
    return tuple(found.values())


def splits_in(path: Path) -> list[str]:
    """The splits of a folder's shards, or of a shard file, sorted."""
    return sorted({split for _, split in _by_split(path)})


def missing(shards: Paths, split: str) -> DataError:
    """What to say where `shard_files` finds nothing."""
    given = [Path(shards)] if isinstance(shards, str | Path) else [Path(path) for path in shards]
    if not given:
        return DataError(f"no shards of the split {split!r} in an empty list")
    there = sorted({each for path in given for each in splits_in(path)})
    return DataError(
        f"{', '.join(map(str, given))}: no shards of the split {split!r}; there are {', '.join(there)}. Which photos go "
        "into which split is said when they are built (fishprep build --split)"
    )


def _by_split(path: Path) -> list[tuple[Path, str]]:
    """Shards with their splits: of a folder by the files' names, of a file by what it says itself."""
    if path.is_file():
        with Shard(path) as shard:
            return [(path, shard.attributes.split)]
    if not path.is_dir():
        raise DataError(f"{path}: there is no such folder of shards")
    every = schema.shard_paths(path)
    if not every:
        raise DataError(f"{path}: holds no shards; make some with: fishprep build PHOTOS {path}")
    return [(each, each.name.rpartition("-")[0]) for each in every]
