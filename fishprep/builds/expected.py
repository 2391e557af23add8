"""What the records of a build say that it holds: which photos of the plan are in which spec, the build's own and its retries'."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fishprep.builds import manifest
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.output import read_retries, read_start
from fishprep.builds.plan import numbered
from fishprep.common.errors import BuildError
from fishprep.shards.schema import ShardName

Specs = dict[ShardName, tuple[PlannedPhoto, ...]]


def plan_of(folder: Path) -> dict[str, PlannedPhoto]:
    """The lines of the plan by the ids of their photos; BuildError where it is damaged."""
    return {line.id: line for line in manifest.read_plan(folder / manifest.PLAN)}


def planned_specs(folder: Path, plan: Mapping[str, PlannedPhoto]) -> Specs:
    """The specs of the build itself, without its retries."""
    return dict(numbered(plan.values(), read_start(folder)["configuration"]["shard_size"]))


def retried_specs(path: Path, record: dict[str, Any], plan: Mapping[str, PlannedPhoto]) -> Specs:
    """The specs of a retry, by its record in `path`; BuildError where they cannot be those of its photos in the plan."""
    wanted = set(record["photos"])
    first: dict[str, int] = {}
    for split, number in record["specs"]:
        first.setdefault(split, number)
    lines = (line for line in plan.values() if line.id in wanted)
    specs = dict(numbered(lines, record["configuration"]["shard_size"], lambda split: first.get(split, -1)))
    if list(specs) != retried_names(record) or wanted - plan.keys():
        raise BuildError(
            f"{path}: its shards are not those of its photos: in the plan these are in other splits, or not at all"
        )
    return specs


def retried_names(record: dict[str, Any]) -> list[ShardName]:
    """The specs that a retry has taken for itself, in order."""
    return [ShardName(*name) for name in record["specs"]]


def taken_names(folder: Path) -> set[ShardName]:
    """Every name that is the build's or a retry's, and every name that stands in the folder."""
    retried = (name for record in read_retries(folder).values() for name in retried_names(record))
    return {*planned_specs(folder, plan_of(folder)), *retried, *manifest.finished(folder)}


def missing(folder: Path, names: Iterable[ShardName]) -> list[ShardName]:
    """Those of the names that are not done: no rows for them, or not the shard that the rows speak of."""
    done = manifest.finished(folder)
    return [name for name in names if name not in done or not manifest.stands(folder, done[name])]
