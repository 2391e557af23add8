"""What the records of a build say that it holds: which photos of the plan are in which spec, the build's own and its retries'."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.plan import numbered
from fishprep.builds.specs import runs_of
from fishprep.common.errors import BuildError
from fishprep.shards.schema import ShardName

Specs = dict[ShardName, tuple[PlannedPhoto, ...]]


def plan_of(folder: BuildFolder) -> dict[str, PlannedPhoto]:
    """The lines of the plan by the ids of their photos; BuildError where it is damaged."""
    return {line.id: line for line in folder.plan()}


def planned_specs(folder: BuildFolder, plan: Mapping[str, PlannedPhoto]) -> Specs:
    """The specs of the build itself, without its retries."""
    return dict(numbered(plan.values(), folder.start()["configuration"]["shard_size"]))


def retried_specs(where: str, record: dict[str, Any], plan: Mapping[str, PlannedPhoto]) -> Specs:
    """The specs of a retry, by its record, which is at `where`; BuildError where they cannot be those of its photos in the plan."""
    wanted = set(record["photos"])
    first: dict[str, int] = {}
    for split, number in record["specs"]:
        first.setdefault(split, number)
    lines = (line for line in plan.values() if line.id in wanted)
    specs = dict(numbered(lines, record["configuration"]["shard_size"], lambda split: first.get(split, -1)))
    if list(specs) != retried_names(record) or wanted - plan.keys():
        raise BuildError(
            f"{where}: its shards are not those of its photos: in the plan these are in other splits, or not at all"
        )
    return specs


def specs_of_retries(folder: BuildFolder, plan: Mapping[str, PlannedPhoto]) -> Specs:
    """The specs of all retries, but of those that are not of this plan: `verify` tells of them."""
    specs: Specs = {}
    for file, record in folder.retries().items():
        with suppress(BuildError):  # of a version that drew splits anew
            specs |= retried_specs(folder.where(file), record, plan)
    return specs


def retried_names(record: dict[str, Any]) -> list[ShardName]:
    """The specs that a retry has taken for itself, in order."""
    return [ShardName(*name) for name in record["specs"]]


def taken_names(folder: BuildFolder) -> set[ShardName]:
    """Every name that is the build's or a retry's, and every name that stands in the folder."""
    retried = (name for record in folder.retries().values() for name in retried_names(record))
    return {*planned_names(folder), *retried, *folder.finished()}


def names_to_remove(folder: BuildFolder) -> set[ShardName] | None:
    """As `taken_names`, where a build is to be removed: None where the records are damaged that would tell."""
    try:
        return taken_names(folder)
    except BuildError:
        return None


def planned_names(folder: BuildFolder) -> list[ShardName]:
    """The names of the specs of the build itself; BuildError where its plan is damaged."""
    return [run.name for run in runs_of(folder.planned_counts(), folder.start()["configuration"]["shard_size"])]


def missing(folder: BuildFolder, names: Iterable[ShardName]) -> list[ShardName]:
    """Those of the names that are not done: no rows for them, or not the shard that the rows speak of."""
    done = folder.standing(folder.finished())
    return [name for name in names if name not in done]
