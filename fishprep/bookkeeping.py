"""Do the records of a build agree with each other? Rows with the plan, tables and manifest with the rows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fishprep import manifest
from fishprep.errors import BuildError
from fishprep.expected import plan_of, planned_specs, retried_names, retried_specs
from fishprep.manifest import PlannedPhoto, ShardRecord
from fishprep.output import read_retries, read_start
from fishprep.shards.schema import ShardName
from fishprep.status import Status
from fishprep.words import counted

_OF_PLAN = ["photo", "path", "split", "sha256", "status"]


def check_against_plan(folder: Path, records: Mapping[ShardName, ShardRecord]) -> Iterator[str]:
    """Every spec holds the photos that the plan and the retries give it, in their order, as they were planned."""
    plan = plan_of(folder)
    if manifest.inputs_hash(plan.values()) != read_start(folder)["inputs"]:
        yield f"{folder / manifest.PLAN}: not the plan that {manifest.CONFIGURATION} speaks of; pass --overwrite to build anew"
    specs = planned_specs(folder, plan)
    unstarted = [name for name in specs if name not in records]
    if unstarted:
        photos = sum(len(specs[name]) for name in unstarted)
        yield f"{folder}: no row for {counted(photos, 'photo')} of the plan: the build is not finished; run it again"
    retried: set[ShardName] = set()
    for path, record in read_retries(folder).items():
        retried |= set(retried_names(record))
        try:
            specs |= retried_specs(path, record, plan)
        except BuildError as error:
            yield str(error)
    for name in records:
        if name in specs:
            yield from _check_spec(folder / name.rows_file, name, specs[name])
        elif name not in retried:
            yield f"{folder / name.rows_file}: neither of the build nor of a retry"


def _check_spec(path: Path, name: ShardName, lines: tuple[PlannedPhoto, ...]) -> Iterator[str]:
    rows = manifest.read_rows(path, _OF_PLAN).to_pylist()
    if list(dict.fromkeys(row["photo"] for row in rows)) != [line.id for line in lines]:
        yield f"{path}: its photos are not those of {name} in the plan, in their order"
    planned = {line.id: line for line in lines}
    for row in rows:
        if row["photo"] in planned:
            yield from (f"{path}: {row['photo']!r}: {problem}" for problem in _differences(row, planned[row["photo"]]))


def _differences(row: dict[str, Any], line: PlannedPhoto) -> Iterator[str]:
    """What a row says of its photo against the plan, which knows no hash of what could not be read then."""
    if row["path"] != line.path:
        yield f"its path is {row['path']!r}, in the plan {line.path!r}"
    if row["split"] != line.split:
        yield f"its split is `{row['split']}`, in the plan `{line.split}`"
    same = row["sha256"] == line.sha256 or not row["sha256"] or not line.sha256
    if not same and row["status"] != Status.CHANGED:
        yield "its bytes changed between the plan and the build"
