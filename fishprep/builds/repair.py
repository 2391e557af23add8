"""Records of a build that were lost or changed, made anew from those that stand; shards are never touched."""

from pathlib import Path

import pyarrow as pa

from fishprep.builds import manifest
from fishprep.builds.expected import (
    Specs,
    missing,
    plan_of,
    planned_names,
    planned_specs,
    specs_of_extensions,
    specs_of_retries,
)
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord
from fishprep.builds.names import SAMPLES, is_own
from fishprep.builds.output import writing
from fishprep.builds.samples import SEAL
from fishprep.builds.summary import write_manifest
from fishprep.common.canonical import sha256_json
from fishprep.common.errors import BuildError, UnreadableError
from fishprep.shards.schema import ShardName
from fishprep.storage.base import Storage


def repair(place: Path | Storage) -> None:
    """Restore rows from `samples.parquet`, where it still holds them, then write that and `manifest.json` anew from the rows.

    A build that is not finished gets no manifest: `build` goes on with it. BuildError where the folder is not that of a build,
    cannot be written, a build is at work in it, or rows that were changed are nowhere else.
    """
    folder = BuildFolder.at(place)
    folder.start()
    with writing(folder):
        folder.storage.sweep(is_own)
        specs = planned_specs(folder) | specs_of_extensions(folder) | specs_of_retries(folder, plan_of(folder))
        _restore_rows(folder, specs)
        if not missing(folder, planned_names(folder)):
            write_manifest(folder)


def _restore_rows(folder: BuildFolder, specs: Specs) -> None:
    damaged = [name for name in specs if not _is_whole(folder, name)]
    if not damaged:
        return
    listed = _listed(folder)
    samples = _samples(folder)
    for name in damaged:
        record = listed.get(str(name))
        rows = _rows_of(samples, {line.id for line in specs[name]})
        if record is not None and folder.stands(record) and manifest.rows_hash(rows) == record.rows_sha256:
            folder.restore(name, rows, record)
        elif folder.has_rows(name):
            raise BuildError(
                f"{folder.where(name.rows_file)}: damaged, and {SAMPLES} does not hold its rows: "
                f"delete it and {name.file}, and build again"
            )


def _is_whole(folder: BuildFolder, name: ShardName) -> bool:
    try:
        record = folder.record(name)
        return record.rows_sha256 in (None, manifest.rows_hash(folder.rows(name)))
    except UnreadableError:
        raise
    except BuildError:
        return False


def _listed(folder: BuildFolder) -> dict[str, ShardRecord]:
    """The records in a manifest that nobody has changed; none where there is no such manifest."""
    try:
        said = folder.manifest()
        whole = said.pop(SEAL) == sha256_json(said)
        return {record["name"]: ShardRecord(**record) for record in said["shards"]} if whole else {}
    except (BuildError, AttributeError, KeyError, TypeError):
        return {}


def _samples(folder: BuildFolder) -> pa.Table:
    try:
        return folder.samples()
    except BuildError:
        return manifest.ROW_SCHEMA.empty_table()


def _rows_of(samples: pa.Table, photos: set[str]) -> pa.Table:
    return samples.filter(pa.array([photo in photos for photo in samples["photo"].to_pylist()], pa.bool_()))
