"""What the records of a build say that it holds: which photos are in which spec, the build's own, its extensions' and its retries'."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.plan import numbered
from fishprep.builds.specs import runs_of
from fishprep.common.errors import BuildError
from fishprep.shards.schema import SPLITS, ShardName

Specs = dict[ShardName, tuple[PlannedPhoto, ...]]


def plan_of(folder: BuildFolder) -> dict[str, PlannedPhoto]:
    """The lines of the plan, and of the extensions', by the ids of their photos; BuildError where one is damaged."""
    lines = {line.id: line for line in folder.plan()}
    for file in folder.extensions():
        lines |= {line.id: line for line in folder.plan(file)}
    return lines


def planned_specs(folder: BuildFolder) -> Specs:
    """The specs of the build itself, without its extensions and retries."""
    return dict(numbered(folder.plan(), folder.start()["configuration"]["shard_size"]))


def extended_specs(folder: BuildFolder, file: str, record: dict[str, Any]) -> Specs:
    """The specs of an extension, by its file and its record; BuildError where they cannot be those of its photos."""
    return _specs(folder.where(file), record, folder.plan(file))


def specs_of_extensions(folder: BuildFolder) -> Specs:
    """The specs of all extensions, but of those that are not of their photos: `verify` tells of them."""
    specs: Specs = {}
    for file, record in folder.extensions().items():
        with suppress(BuildError):
            specs |= extended_specs(folder, file, record)
    return specs


def retried_specs(where: str, record: dict[str, Any], plan: Mapping[str, PlannedPhoto]) -> Specs:
    """The specs of a retry, by its record, which is at `where`; BuildError where they cannot be those of its photos in the plan."""
    wanted = set(record["photos"])
    specs = _specs(where, record, (line for line in plan.values() if line.id in wanted))
    if wanted - plan.keys():
        raise BuildError(_other_photos(where))
    return specs


def specs_of_retries(folder: BuildFolder, plan: Mapping[str, PlannedPhoto]) -> Specs:
    """The specs of all retries, but of those that are not of this plan: `verify` tells of them."""
    specs: Specs = {}
    for file, record in folder.retries().items():
        with suppress(BuildError):  # of a version that drew splits anew
            specs |= retried_specs(folder.where(file), record, plan)
    return specs


def _specs(where: str, record: dict[str, Any], lines: Iterable[PlannedPhoto]) -> Specs:
    first: dict[str, int] = {}
    for split, number in record["specs"]:
        first.setdefault(split, number)
    specs = dict(numbered(lines, record["configuration"]["shard_size"], lambda split: first.get(split, -1)))
    if list(specs) != recorded_names(record):
        raise BuildError(_other_photos(where))
    return specs


def _other_photos(where: str) -> str:
    return f"{where}: its shards are not those of its photos: in the plan these are in other splits, or not at all"


def recorded_names(record: dict[str, Any]) -> list[ShardName]:
    """The specs that a retry or an extension has taken for itself, in order."""
    return [ShardName(*name) for name in record["specs"]]


def taken_names(folder: BuildFolder) -> set[ShardName]:
    """Every name that is the build's, an extension's or a retry's, and every name that stands in the folder."""
    records = (*folder.extensions().values(), *folder.retries().values())
    recorded = (name for record in records for name in recorded_names(record))
    return {*planned_names(folder), *recorded, *folder.finished()}


def free_numbers(folder: BuildFolder) -> dict[str, int]:
    """For each split the first number of a shard that is nobody's: neither recorded, nor a file on the disk."""
    free = dict.fromkeys(SPLITS, 0)
    for name in taken_names(folder) | folder.named():
        free[name.split] = max(free[name.split], name.number + 1)
    return free


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
