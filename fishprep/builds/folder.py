"""The record of a build: what was planned, what is done, what it came to. The one place that reads and writes it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fishprep.builds import tables
from fishprep.builds.facts import fill_facts, read_facts
from fishprep.builds.later import LaterRecords
from fishprep.builds.manifest import PlannedPhoto, ShardRecord, StoredShard, rows_hash
from fishprep.builds.moved import Elsewhere, read_elsewhere, whereabouts
from fishprep.builds.names import (
    CONFIGURATION,
    MANIFEST,
    MOVED,
    PLAN,
    SAMPLES,
    shard_of,
)
from fishprep.builds.records import ManifestRecord, StartRecord, check_record
from fishprep.common.errors import BuildError, ShardError, UnreadableError
from fishprep.common.files import sha256_file
from fishprep.shards.pieces import pieces_of
from fishprep.shards.reader import Shard
from fishprep.shards.schema import ShardName
from fishprep.shards.writer import Samples, fill_shard
from fishprep.storage.base import Storage
from fishprep.storage.folder import FolderStorage
from fishprep.storage.objects import ObjectStorage
from fishprep.storage.together import at_once

RECORDED = {"configuration", "recipe", "inputs", "versions"}
"""What a build records at its start, at least."""


@dataclass(frozen=True)
class BuildFolder(LaterRecords):
    """What a build has stored, each record under its name; `str` says where, for messages."""

    @classmethod
    def at(cls, place: Path | Storage) -> "BuildFolder":
        """The build in a folder, or in another storage."""
        return cls(FolderStorage(place) if isinstance(place, Path) else place)

    def __str__(self) -> str:
        return str(self.storage)

    def shared(self) -> "BuildFolder":
        """The same, for one of several who write into it at the same time."""
        folder = self.storage
        if isinstance(folder, ObjectStorage):
            return BuildFolder(replace(folder, leaves_note=False))
        return BuildFolder(replace(folder, is_shared=True)) if isinstance(folder, FolderStorage) else self

    def where(self, name: str) -> str:
        """Where a file of the build is, for messages."""
        return self.storage.where(name)

    # Planned

    def is_started(self) -> bool:
        """Whether a build has recorded here what it is."""
        return self.storage.size(CONFIGURATION) is not None

    def write_start(self, shards: Iterable[Sequence[PlannedPhoto]], facts: Callable[[], Mapping[str, Any]]) -> None:
        """Record a new build; FileExistsError where another one did so meanwhile. facts: asked once all shards were gone through.

        What it is stands first, as that decides whose build it is, and no other may store a plan.
        """
        with self.storage.put(PLAN) as plan:
            tables.fill_plan(plan, shards)
            with self.storage.create(CONFIGURATION) as path:
                fill_facts(path, facts())

    def write_plan(self, shards: Iterable[Sequence[PlannedPhoto]], name: str = PLAN) -> None:
        """Store the plan of the build that is recorded, the photos of one shard after another; or the list of a retry."""
        tables.write_plan(self.storage, name, shards)

    def start(self) -> dict[str, Any]:
        """What a build recorded at its start; BuildError where it is missing or damaged."""
        if not self.is_started():
            raise BuildError(f"{self}: no {CONFIGURATION} in it: not the folder of a build")
        facts = read_facts(self.storage, CONFIGURATION)
        if missing := sorted(RECORDED - facts.keys()):
            raise BuildError(
                f"{self.where(CONFIGURATION)}: not that of a build: it says nothing of {', '.join(missing)}"
            )
        check_record(StartRecord, facts, self.where(CONFIGURATION))
        return facts

    def identity(self) -> str | None:
        """What tells the build that was begun from another one; None where the storage does not, as its lock keeps others out."""
        return self.storage.sha256(CONFIGURATION) if self.storage.is_shared else None

    def is_planned(self) -> bool:
        """Whether there is a plan: a build may have been stopped just before it."""
        return self.storage.size(PLAN) is not None

    def plan(self, name: str = PLAN) -> list[PlannedPhoto]:
        """The photos of the build, in order; BuildError where their table is damaged. name: PLAN, or an extension's."""
        return tables.read_plan(self.storage, name)

    def plan_by_shards(self, name: str = PLAN) -> Iterator[tuple[PlannedPhoto, ...]]:
        """The same, the photos of one shard after another, with all that the plan says of them."""
        return tables.read_plan_by_groups(self.storage, name)

    def planned_of(self, group: int, name: str = PLAN) -> tuple[PlannedPhoto, ...]:
        """The lines of one shard, by its number among all; the others are not read. BuildError where they are damaged."""
        return tables.read_plan_group(self.storage, name, group)

    def planned_ids(self, groups: Iterable[int], name: str = PLAN) -> Iterator[list[str]]:
        """The ids of the photos of each of some shards, by their numbers among all."""
        return tables.read_plan_ids(self.storage, name, groups)

    def planned_counts(self) -> Mapping[str, int]:
        """How many photos each split has in the plan."""
        return tables.count_splits(self.storage, PLAN)

    # Done

    def write_shard(self, name: ShardName, samples: Samples, attributes: Mapping[str, str]) -> StoredShard:
        """Store a shard. Without its rows it is not done.

        FileExistsError where its spec is done already, by somebody else.
        """
        with self.storage.put(name.file, lambda: self.is_done(name)) as path:
            fill_shard(path, samples, attributes, self.where(name.file))
            return StoredShard(name.file, sha256_file(path), path.stat().st_size, pieces_of(path))

    def commit(self, name: ShardName, table: pa.Table, record: ShardRecord) -> ShardRecord:
        """Store the rows of a spec, a table of `ROW_SCHEMA`, with its record: this is what makes it done. The record that stands
        then, which is somebody else's where that one was first."""
        record = replace(record, rows_sha256=rows_hash(table))
        try:
            tables.write_rows(self.storage, name.rows_file, table, record, lambda: self.is_done(name))
        except FileExistsError:
            return self.record(name)
        return record

    def is_done(self, name: ShardName) -> bool:
        """Whether there are sound rows of a spec, and the shard that they speak of."""
        try:
            return self.has_rows(name) and self.stands(self.record(name))
        except UnreadableError:
            raise
        except BuildError:
            return False

    def restore(self, name: ShardName, rows: pa.Table, record: ShardRecord) -> None:
        """Store a table of rows as it is, with its record."""
        tables.write_rows(self.storage, name.rows_file, rows, record)

    def withdraw(self, *names: ShardName) -> None:
        """Remove specs: their rows first, as from then on the shard does not count."""
        self.storage.delete(*(name.rows_file for name in names))
        self.storage.delete(*(name.file for name in names))

    def finished(self) -> dict[ShardName, ShardRecord]:
        """The specs that are done, in order, by their rows."""
        named = ((shard_of(name), name) for name in self.storage.list() if name.endswith(".parquet"))
        done = sorted((name, file) for name, file in named if name is not None)
        records = at_once(lambda each: tables.read_record(self.storage, each[1]), done, self.storage)
        return {name: record for (name, _), record in zip(done, records, strict=True)}

    def named(self) -> set[ShardName]:
        """Shards of which a file is there, the shard or its rows, whoever wrote it."""
        return {name for file in self.storage.list() if (name := shard_of(file)) is not None}

    def has_rows(self, name: ShardName) -> bool:
        """Whether there are rows of a spec, be they damaged."""
        return self.storage.size(name.rows_file) is not None

    def record(self, name: ShardName) -> ShardRecord:
        """The record of a finished spec; BuildError where it is damaged."""
        return tables.read_record(self.storage, name.rows_file)

    def rows(self, name: ShardName, columns: list[str] | None = None) -> pa.Table:
        """The rows of a finished spec; BuildError where they are damaged."""
        return tables.read_rows(self.storage, name.rows_file, columns)

    def stands(self, record: ShardRecord, elsewhere: Elsewhere | None = None) -> bool:
        """Whether the shard of a record is there, at its size, and left by who wrote the record where the storage knows that; its
        bytes are for `verify`. One that was moved away on purpose stands too. elsewhere: what is recorded of that, where it was read."""
        if record.file is None:
            return True
        size = self.storage.size(record.file)
        if size is None:
            return (elsewhere or self.elsewhere()).knows(record)
        same = self.storage.sha256(record.file) in (None, record.sha256)
        return same and size == record.bytes

    def elsewhere(self) -> Elsewhere:
        """The shards that were moved away on purpose; BuildError where their record is damaged."""
        return read_elsewhere(self.storage)

    def holds(self, name: ShardName, record: ShardRecord) -> bool:
        """As `stands`, by the bytes of the shard where others write too and the storage does not know them."""
        if record.file is None or not self.storage.is_shared or self.storage.sha256(record.file) is not None:
            return self.stands(record)
        with self.storage.local(name.file) as path:
            return self.stands(record) and sha256_file(path) == record.sha256

    def standing(self, records: Mapping[ShardName, ShardRecord]) -> dict[ShardName, ShardRecord]:
        """Those of the records of which the shards stand."""
        elsewhere = self.elsewhere()
        stand = at_once(lambda record: self.stands(record, elsewhere), records.values(), self.storage)
        return {name: record for (name, record), there in zip(records.items(), stand, strict=True) if there}

    @contextmanager
    def shard(self, name: ShardName) -> Iterator[Shard]:
        """A shard, open, wherever it is. ShardError where it cannot be read."""
        with (
            self.shard_file(name) as path,
            Shard(path, (self.storage_of(name) or self.storage).where(name.file)) as shard,
        ):
            yield shard

    @contextmanager
    def shard_file(self, name: ShardName) -> Iterator[Path]:
        """The file of a shard on this machine, as long as the block lasts. ShardError where it was moved out of reach."""
        storage = self.storage_of(name)
        if storage is None:
            raise ShardError(
                f"{self.where(name.file)}: moved to where it cannot be reached from here ({MOVED} says where)"
            )
        with storage.local(name.file) as path:
            yield path

    def storage_of(self, name: ShardName) -> Storage | None:
        """Where the file of a shard is, or was lost: here, or where it was moved to; None where that cannot be reached from here."""
        return whereabouts(self.storage, name.file)

    # What it came to

    def samples(self, columns: list[str] | None = None) -> pa.Table:
        """All rows of a finished build; BuildError where they are damaged."""
        return tables.read_rows(self.storage, SAMPLES, columns)

    def samples_to_read(self) -> AbstractContextManager[pq.ParquetFile]:
        """All rows of a finished build, to be read a batch at a time. Raises what Arrow and the system raise."""
        return tables.rows_to_read(self.storage, SAMPLES)

    def samples_to_write(self) -> AbstractContextManager[pq.ParquetWriter]:
        """All rows of a build, to be written a table at a time."""
        return tables.rows_to_write(self.storage, SAMPLES)

    def write_manifest(self, facts: Mapping[str, Any]) -> None:
        """Store the manifest of a finished build."""
        with self.storage.put(MANIFEST) as path:
            fill_facts(path, facts)

    def manifest(self) -> dict[str, Any]:
        """The manifest of a finished build; BuildError where there is none, or it is damaged."""
        mend = f"; `fishprep verify --repair {self}` makes it anew"
        if self.storage.size(MANIFEST) is None:
            raise BuildError(f"{self}: no {MANIFEST} in it: not a finished build; run `fishprep build` again")
        facts = read_facts(self.storage, MANIFEST, mend)
        check_record(ManifestRecord, facts, self.where(MANIFEST), mend)
        return facts

    def write_text(self, name: str, text: str) -> None:
        """Store a page that shows a finished build, or describes it to others."""
        with self.storage.put(name) as path:
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
