"""Records of a build that were lost or changed, made anew from those that stand; shards are never touched."""

from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from fishprep.builds import manifest
from fishprep.builds.expected import Specs, missing, plan_of, planned_specs, retried_specs
from fishprep.builds.manifest import ShardRecord
from fishprep.builds.output import read_retries, read_start, writing
from fishprep.builds.samples import SEAL
from fishprep.builds.summary import write_manifest
from fishprep.common.canonical import sha256_json
from fishprep.common.errors import BuildError, UnreadableError
from fishprep.shards.schema import ShardName


def repair(folder: Path) -> None:
    """Restore rows from `samples.parquet`, where it still holds them, then write that and `manifest.json` anew from the rows.

    A build that is not finished gets no manifest: `build` goes on with it. BuildError where the folder is not that of a build,
    cannot be written, a build is at work in it, or rows that were changed are nowhere else.
    """
    read_start(folder)
    with writing(folder):
        plan = plan_of(folder)
        specs = planned_specs(folder, plan)
        for path, retry in read_retries(folder).items():
            with suppress(BuildError):  # of a version that drew splits anew: `verify` tells of it
                specs |= retried_specs(path, retry, plan)
        _restore_rows(folder, specs)
        if not missing(folder, planned_specs(folder, plan)):
            write_manifest(folder)


def _restore_rows(folder: Path, specs: Specs) -> None:
    damaged = [name for name in specs if not _is_whole(folder, name)]
    if not damaged:
        return
    listed = _listed(folder)
    samples = _samples(folder)
    for name in damaged:
        record = listed.get(str(name))
        rows = _rows_of(samples, {line.id for line in specs[name]})
        if record is not None and manifest.stands(folder, record) and manifest.rows_hash(rows) == record.rows_sha256:
            manifest.write_table(folder, name, rows, record)
        elif (folder / name.rows_file).exists():
            raise BuildError(
                f"{folder / name.rows_file}: damaged, and {manifest.SAMPLES} does not hold its rows: "
                f"delete it and {name.file}, and build again"
            )


def _is_whole(folder: Path, name: ShardName) -> bool:
    try:
        record = manifest.read_record(folder / name.rows_file)
        return record.rows_sha256 in (None, manifest.rows_hash(manifest.read_rows(folder / name.rows_file)))
    except UnreadableError:
        raise
    except BuildError:
        return False


def _listed(folder: Path) -> dict[str, ShardRecord]:
    """The records in a manifest that nobody has changed; none where there is no such manifest."""
    try:
        said = manifest.read_manifest(folder)
        whole = said.pop(SEAL) == sha256_json(said)
        return {record["name"]: ShardRecord(**record) for record in said["shards"]} if whole else {}
    except (BuildError, AttributeError, KeyError, TypeError):
        return {}


def _samples(folder: Path) -> pa.Table:
    try:
        return manifest.read_rows(folder / manifest.SAMPLES)
    except BuildError:
        return manifest.ROW_SCHEMA.empty_table()


def _rows_of(samples: pa.Table, photos: set[str]) -> pa.Table:
    return samples.filter(pa.array([photo in photos for photo in samples["photo"].to_pylist()], pa.bool_()))
