"""The tables of a build as Parquet files of a storage: rows of finished specs, of the whole build, and the plan."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fishprep.builds.manifest import PLAN_SCHEMA, ROW_SCHEMA, PlannedPhoto, ShardRecord
from fishprep.builds.names import is_extension
from fishprep.common.canonical import canonical
from fishprep.common.errors import unusable
from fishprep.common.parquet import readable, writable
from fishprep.storage.base import Storage

_OF_ALL_PLANS = ("id", "path", "split", "sha256", "annotation")
LISTED = "listed"
_FACTS = b"extension"
"""Key of what is recorded of an extension, in the table of its photos."""
_AT_ONCE = 4096
"""Lines of a plan that are read together."""


def write_rows(
    storage: Storage, name: str, rows: pa.Table, record: ShardRecord, settled: Callable[[], bool] | None = None
) -> None:
    """Store the rows of a finished spec, with its record in the file's metadata. settled: as `Storage.put` takes it."""
    _write(storage, name, rows.replace_schema_metadata({b"record": canonical(asdict(record)).encode()}), settled)


def read_record(storage: Storage, name: str) -> ShardRecord:
    """The record in a file of rows; BuildError where it is damaged."""
    try:
        with storage.local(name) as path, readable(path) as stream:
            return ShardRecord(**json.loads(pq.read_schema(stream).metadata[b"record"]))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        damaged = f"damaged rows file ({error}); delete it and build again to make it anew"
        raise unusable(storage.where(name), error, damaged) from error


def read_rows(storage: Storage, name: str, columns: list[str] | None = None) -> pa.Table:
    """The rows of one finished spec, or of the whole build; BuildError where they are damaged."""
    try:
        with storage.local(name) as path, readable(path) as stream:
            return pq.read_table(stream, columns=columns, schema=None if columns else ROW_SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise unusable(storage.where(name), error, f"damaged rows file ({error})") from error


@contextmanager
def rows_to_read(storage: Storage, name: str) -> Iterator[pq.ParquetFile]:
    """An open file of rows, to be read a batch at a time. Raises what Arrow and the system raise."""
    with storage.local(name) as path, readable(path) as stream, pq.ParquetFile(stream) as file:
        yield file


@contextmanager
def rows_to_write(storage: Storage, name: str) -> Iterator[pq.ParquetWriter]:
    """A file of rows to be written a table at a time; it stands when the block ends well."""
    with (
        storage.put(name) as path,
        writable(path) as stream,
        pq.ParquetWriter(stream, ROW_SCHEMA, compression="zstd") as writer,
    ):
        yield writer


def write_plan(storage: Storage, name: str, shards: Iterable[Sequence[PlannedPhoto]]) -> None:
    """Store the plan of a build: a row group for the photos of each shard."""
    with storage.put(name) as path:
        fill_plan(path, shards)


def write_extension(
    storage: Storage, name: str, shards: Iterable[Sequence[PlannedPhoto]], facts: Mapping[str, Any]
) -> None:
    """Record an extension: the plan of its photos, and in the same file what else there is to say. FileExistsError where it stands."""
    with storage.create(name) as path:
        fill_plan(path, shards, {_FACTS: canonical(facts).encode()})


def read_extension(storage: Storage, name: str) -> object:
    """What was recorded of an extension beside its photos; BuildError where it is damaged."""
    with _plan(storage, name, storage.local(name)) as file:
        try:
            return json.loads(file.schema_arrow.metadata[_FACTS])
        except (ValueError, RecursionError) as error:
            raise TypeError(str(error)) from error


def fill_plan(path: Path, shards: Iterable[Sequence[PlannedPhoto]], facts: Mapping[bytes, bytes] | None = None) -> None:
    """A plan as a file of this machine. facts: texts that go along."""
    schema = PLAN_SCHEMA.with_metadata(facts)
    with writable(path) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for lines in shards:
            table = pa.table([[getattr(line, f.name) for line in lines] for f in schema], schema=schema)
            writer.write_table(table, row_group_size=max(1, len(lines)))


def read_plan(storage: Storage, name: str) -> list[PlannedPhoto]:
    """The plan that a build stored, without what workers alone need; BuildError where it is damaged."""
    with _plan(storage, name, storage.local(name)) as file:
        columns = [column for column in file.schema_arrow.names if column != LISTED]
        return [line for batch in file.iter_batches(_AT_ONCE, columns=columns) for line in _lines(batch)]


def read_plan_by_groups(storage: Storage, name: str) -> Iterator[tuple[PlannedPhoto, ...]]:
    """Every line of the plan, with all that it says, a row group at a time; BuildError where it is damaged."""
    with _plan(storage, name, storage.local(name)) as file:
        for number in range(file.num_row_groups):
            yield tuple(_lines(file.read_row_group(number)))


def read_plan_group(storage: Storage, name: str, number: int) -> tuple[PlannedPhoto, ...]:
    """The lines of one row group of a plan, without reading the others; BuildError where it is damaged."""
    with _plan(storage, name, storage.open(name)) as file:
        return tuple(_lines(file.read_row_group(number)))


def read_plan_ids(storage: Storage, name: str, numbers: Iterable[int]) -> Iterator[list[str]]:
    """The ids of the photos of each of some row groups; the plan is opened once."""
    with _plan(storage, name, storage.local(name)) as file:
        for number in numbers:
            yield file.read_row_group(number, columns=["id"]).column(0).to_pylist()


def count_splits(storage: Storage, name: str) -> Counter[str]:
    """How many photos each split has in a plan; BuildError where it is damaged."""
    with _plan(storage, name, storage.local(name)) as file:
        counts: Counter[str] = Counter()
        for batch in file.iter_batches(1 << 16, columns=["split"]):
            for found in batch.column(0).value_counts().to_pylist():
                counts[found["values"]] += found["counts"]
        return counts


@contextmanager
def _plan(storage: Storage, name: str, opened: AbstractContextManager[Path | IO[bytes]]) -> Iterator[pq.ParquetFile]:
    """A plan, open; BuildError where it is damaged, or where what is read of it is."""
    try:
        with (
            opened as place,
            readable(place) if isinstance(place, Path) else place as stream,
            pq.ParquetFile(stream) as file,
        ):
            yield file
    except (OSError, pa.ArrowException, KeyError, TypeError, IndexError) as error:
        mend = "build into a new folder, or pass --overwrite"
        if is_extension(name):
            mend = "put a copy of it back, or remove it with its shards, and extend again"
        damaged = f"damaged plan ({error}); {mend}"
        raise unusable(storage.where(name), error, damaged) from error


def _lines(rows: pa.RecordBatch | pa.Table) -> Iterator[PlannedPhoto]:
    """Of a plan of any age: those of older builds lack columns. Equal splits and versions are one text in memory."""
    columns = [rows.column(name).cast(PLAN_SCHEMA.field(name).type).to_pylist() for name in _OF_ALL_PLANS]
    nothing = [None] * rows.num_rows
    named = rows.schema.names
    later = [rows.column(name).to_pylist() if name in named else nothing for name in ("size", "version", LISTED)]
    for photo, path, split, sha256, annotation, size, version, listed in zip(*columns, *later, strict=True):
        yield PlannedPhoto(photo, path, sys.intern(split), sha256, annotation, size, version or "", listed or "")


def is_plan(storage: Storage, name: str) -> bool:
    """Whether a file is the plan of a build."""
    try:
        with storage.local(name) as path, readable(path) as stream:
            return set(pq.read_schema(stream).names) >= set(_OF_ALL_PLANS)
    except (OSError, pa.ArrowException):
        return False


def _write(storage: Storage, name: str, table: pa.Table, settled: Callable[[], bool] | None = None) -> None:
    with storage.put(name, settled) as path, writable(path) as stream:
        pq.write_table(table, stream, compression="zstd")
