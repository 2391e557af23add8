"""Folders and files that a user names → the shards of one split in them, of one recipe."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fishfsr.errors import DataError
from fishprep.shards import schema
from fishprep.shards.reader import Shard, ShardAttributes
from fishprep.shards.versions import differences

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


def require_files(shards: Paths, split: str) -> tuple[Path, ...]:
    """As `shard_files`; raises DataError, which says what there is, where there are none."""
    if paths := shard_files(shards, split):
        return paths
    given = [Path(shards)] if isinstance(shards, str | Path) else [Path(path) for path in shards]
    if not given:
        raise DataError(f"no shards of the split {split!r} in an empty list")
    there = sorted({each for path in given for each in splits_in(path)})
    raise DataError(
        f"{', '.join(map(str, given))}: no shards of the split {split!r}; there are {', '.join(there)}. Which photos go "
        "into which split is said when they are built (fishprep build --split)"
    )


def opened(paths: Sequence[Path], split: str) -> Iterator[Shard]:
    """The shards at `paths`, one after the other, each held against the first; whoever takes one closes it.

    Raises DataError where one is of another split, or two were made by different recipes; ShardError for a damaged one.
    """
    first: ShardAttributes | None = None
    for path in paths:
        shard = Shard(path)
        if shard.attributes.split != split:
            raise DataError(f"{path}: holds the split {shard.attributes.split}, not {split}")
        first = first or shard.attributes
        if shard.attributes.recipe != first.recipe:
            raise DataError(_recipes(paths[0], first, path, shard.attributes))
        yield shard


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


def _recipes(path: Path, one: ShardAttributes, other_path: Path, other: ShardAttributes) -> str:
    """What two shards of different recipes differ in."""
    names = sorted({*one.configuration, *other.configuration} - {"weights"})
    pairs = [(name, one.configuration.get(name), other.configuration.get(name)) for name in names]
    differing = [f"{name} {was} and {now}" for name, was, now in pairs if was != now]
    if one.configuration.get("weights") != other.configuration.get("weights"):
        differing.append("weights")
    differing += differences(one.versions, other.versions)
    return (
        f"{path} and {other_path} were made by different recipes ({one.recipe[:12]} and {other.recipe[:12]}) and "
        f"cannot be mixed; their settings differ in: {'; '.join(differing) or 'nothing but the weights in use'}"
    )
