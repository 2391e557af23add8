"""The tables of a build as Parquet files of a storage: rows of finished specs, of the whole build, and the plan."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq

from fishprep.builds.manifest import PLAN_SCHEMA, ROW_SCHEMA, PlannedPhoto, ShardRecord
from fishprep.common.canonical import canonical
from fishprep.common.errors import unusable
from fishprep.common.parquet import readable, writable
from fishprep.storage.base import Storage


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


def write_plan(storage: Storage, name: str, photos: Iterable[PlannedPhoto]) -> None:
    """Store the plan of a build."""
    _write(storage, name, pa.Table.from_pylist([asdict(photo) for photo in photos], schema=PLAN_SCHEMA))


def read_plan(storage: Storage, name: str) -> list[PlannedPhoto]:
    """The plan that a build stored; BuildError where it is damaged."""
    try:
        with storage.local(name) as path, readable(path) as stream:
            lines = pq.read_table(
                stream, schema=PLAN_SCHEMA
            ).to_pylist()  # older ones lack columns, which are read as null
            return [PlannedPhoto(**line | {"version": line["version"] or ""}) for line in lines]
    except (OSError, pa.ArrowException) as error:
        damaged = f"damaged plan ({error}); build into a new folder, or pass --overwrite"
        raise unusable(storage.where(name), error, damaged) from error


def is_plan(storage: Storage, name: str) -> bool:
    """Whether a file is the plan of a build."""
    try:
        with storage.local(name) as path, readable(path) as stream:
            return set(pq.read_schema(stream).names) >= {"id", "path", "split", "sha256"}
    except (OSError, pa.ArrowException):
        return False


def _write(storage: Storage, name: str, table: pa.Table, settled: Callable[[], bool] | None = None) -> None:
    with storage.put(name, settled) as path, writable(path) as stream:
        pq.write_table(table, stream, compression="zstd")
