"""Shards that were moved away on purpose: which, and where they are. What is recorded here is not built again for want of its file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fishprep.builds.facts import fill_facts, read_facts
from fishprep.builds.manifest import ShardRecord
from fishprep.builds.names import MOVED
from fishprep.builds.records import MovedRecord, check_record
from fishprep.common.errors import ConfigurationError
from fishprep.storage.base import Storage
from fishprep.storage.folder import FolderStorage
from fishprep.storage.named import located


@dataclass(frozen=True)
class MovedShard:
    """A shard that is elsewhere: what it was when it was moved, and where to: a folder, a url, or words."""

    sha256: str
    bytes: int
    to: str


@dataclass(frozen=True)
class Elsewhere:
    """The shards of a build that were moved away, by the names of their files."""

    shards: Mapping[str, MovedShard]

    def knows(self, record: ShardRecord) -> bool:
        """Whether the very shard of a record was moved on purpose."""
        found = self.shards.get(record.file or "")
        return found is not None and (found.sha256, found.bytes) == (record.sha256, record.bytes)

    def storage(self, file: str) -> Storage | None:
        """The place of a shard, be it lost there; None where it was not moved, or its place cannot be reached from here: it is not
        there, or holds none of the shards that were moved to it, as a drive that is not mounted."""
        found = self.shards.get(file)
        if found is None:
            return None
        there = (name for name, shard in self.shards.items() if shard.to == found.to)
        try:
            storage = storage_at(found.to)
            return storage if any(storage.size(name) is not None for name in (file, *there)) else None
        except (ConfigurationError, OSError, ImportError):
            return None

    def places(self) -> list[str]:
        """Where they are, each place once."""
        return sorted({shard.to for shard in self.shards.values()})


def whereabouts(storage: Storage, file: str) -> Storage | None:
    """The storage that has a shard of the build in `storage`: that one, also where it was lost; or the place that it was moved to;
    None where that cannot be reached from here."""
    elsewhere = Elsewhere({}) if storage.size(file) is not None else read_elsewhere(storage)
    return elsewhere.storage(file) if file in elsewhere.shards else storage


def storage_at(place: str) -> Storage:
    """The folder or the bucket that a recorded place means."""
    where = located(place)
    return FolderStorage(where) if isinstance(where, Path) else where


def read_elsewhere(storage: Storage) -> Elsewhere:
    """What a build recorded; nothing where it has moved nothing. BuildError where the record is damaged."""
    if storage.size(MOVED) is None:
        return Elsewhere({})
    facts = read_facts(storage, MOVED)
    check_record(MovedRecord, facts, storage.where(MOVED))
    return Elsewhere({name: MovedShard(**shard) for name, shard in facts["shards"].items()})


def write_elsewhere(storage: Storage, elsewhere: Elsewhere) -> None:
    """Record it; no file where nothing is elsewhere."""
    if not elsewhere.shards:
        storage.delete(MOVED)
        return
    with storage.put(MOVED) as path:
        fill_facts(path, {"shards": {name: asdict(shard) for name, shard in sorted(elsewhere.shards.items())}})
