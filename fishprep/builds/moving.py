"""Shards of a finished build brought to another place and back; the build knows them by their hashes, and where they are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord
from fishprep.builds.moved import Elsewhere, MovedShard, read_elsewhere, storage_at, write_elsewhere
from fishprep.builds.names import is_own
from fishprep.builds.output import writing
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import sha256_file
from fishprep.common.words import counted
from fishprep.storage.base import Storage
from fishprep.storage.copying import OtherBytesError, copy_between


@dataclass(frozen=True)
class MoveCount:
    """copied: shards that were brought to a place now; stood: that were there already; elsewhere: of the build that are away now."""

    copied: int
    stood: int
    elsewhere: int


def move_away(place: Path | Storage, to: str, tell: Callable[[str], None]) -> MoveCount:
    """Bring every shard that is in the build's folder to `to`, record that, and only then remove it from the folder.

    A shard that is at `to` already, byte for byte, is not copied, and where it is not in the folder any more it is recorded: somebody has
    moved it by hand. Raises ConfigurationError where another file of its name is at `to`, or a shard is neither here nor there nor recorded
    as moved; BuildError where one is damaged.
    """
    folder, target = BuildFolder.at(place), storage_at(to)
    if folder.where("") == target.where(""):
        raise ConfigurationError(f"{to}: the build is there itself")
    with writing(folder), writing(BuildFolder(target)):
        folder.storage.sweep(is_own)
        before = read_elsewhere(folder.storage)
        files = {record.file: record for record in folder.finished().values() if record.file}
        target.sweep(files.__contains__)
        here = [file for file in files if folder.storage.size(file) is not None]
        _refuse_others(folder, [files[file] for file in files], target, before, set(here))
        copied = _copy(here, files, folder.storage, target, tell)
        now = {
            file: MovedShard(str(record.sha256), record.bytes, to)
            for file, record in files.items()
            if file in here or target.size(file) == record.bytes
        }
        write_elsewhere(folder.storage, Elsewhere({**before.shards, **now}))
        folder.storage.delete(*here)
        return MoveCount(copied, len(now) - copied, len(read_elsewhere(folder.storage).shards))


def note_away(place: Path | Storage, to: str) -> MoveCount:
    """Record that the shards that are not in the build's folder are at `to`, which is not looked at."""
    folder = BuildFolder.at(place)
    with writing(folder):
        folder.storage.sweep(is_own)
        before = read_elsewhere(folder.storage)
        gone = [
            record for record in folder.finished().values() if record.file and folder.storage.size(record.file) is None
        ]
        now = {str(record.file): MovedShard(str(record.sha256), record.bytes, to) for record in gone}
        write_elsewhere(folder.storage, Elsewhere({**before.shards, **now}))
        return MoveCount(0, len(now), len({**before.shards, **now}))


def move_back(place: Path | Storage, tell: Callable[[str], None]) -> MoveCount:
    """Bring the shards that are elsewhere back into the build's folder, and forget that they were away; at their place they stay.

    Raises ConfigurationError where one cannot be reached.
    """
    folder = BuildFolder.at(place)
    with writing(folder):
        elsewhere = read_elsewhere(folder.storage)
        records = {
            record.file: record
            for record in folder.finished().values()
            if record.file is not None and record.file in elsewhere.shards
        }
        folder.storage.sweep(is_own)
        copied = 0
        for file, record in records.items():
            if folder.storage.size(file) == record.bytes:
                continue
            source = elsewhere.storage(file)
            if source is None or source.size(file) is None:
                raise ConfigurationError(
                    f"{folder}: {file} is not at {elsewhere.shards[file].to}, or that cannot be reached from here"
                )
            copied += _copy([file], records, source, folder.storage, tell)
        write_elsewhere(folder.storage, Elsewhere({}))
        return MoveCount(copied, len(records) - copied, 0)


def _refuse_others(
    folder: BuildFolder, records: Iterable[ShardRecord], target: Storage, before: Elsewhere, here: set[str]
) -> None:
    lost = []
    for record in records:
        file = str(record.file)
        size = target.size(file)
        if size is None and file not in here and not before.knows(record):
            lost.append(file)
        if size is not None and (size != record.bytes or _hash(target, file) != record.sha256):
            raise ConfigurationError(
                f"{target.where(file)}: not the {file} of {folder}: move it away, or give another place"
            )
    if lost:
        raise ConfigurationError(
            f"{folder}: {counted(len(lost), 'shard')} neither in it nor at {target}, the first {lost[0]}: give the place where they are; "
            "--unseen where that cannot be reached from here"
        )


def _copy(
    files: Iterable[str], records: dict[str, ShardRecord], source: Storage, target: Storage, tell: Callable[[str], None]
) -> int:
    copied = 0
    for file in files:
        if target.size(file) == records[file].bytes:
            continue
        tell(file)
        try:
            copy_between(source, file, target, file, str(records[file].sha256))
        except OtherBytesError as error:
            raise BuildError(
                f"{error}: its bytes have changed since it was written; `fishprep verify` says more"
            ) from error
        copied += 1
    return copied


def _hash(storage: Storage, file: str) -> str:
    known = storage.sha256(file)
    if known is not None:
        return known
    with storage.local(file) as path:
        return sha256_file(path)
