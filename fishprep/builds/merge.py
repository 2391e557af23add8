"""Parts of a build that were made in several places, joined: their shards byte for byte, their photos under the names that they have."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.expected import free_numbers, missing, planned_names, recorded_names
from fishprep.builds.folder import BuildFolder
from fishprep.builds.makings import Making, makings_of, names_as, origin_of
from fishprep.builds.manifest import ShardRecord, Totals, rows_hash
from fishprep.builds.names import MERGED, PLAN, is_own
from fishprep.builds.output import writing
from fishprep.builds.shared import shared_pictures
from fishprep.builds.splits import is_file_rule
from fishprep.builds.summary import write_manifest
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.words import counted
from fishprep.shards.schema import ShardName
from fishprep.shards.versions import differences
from fishprep.storage.base import Storage
from fishprep.storage.copying import OtherBytesError, copy_between

_MAY_DIFFER = ("device", "threads")
"""Settings that parts of their own may differ in: each says what its own were."""


@dataclass(frozen=True)
class Merged:
    """taken: shards that were copied now; stood: those of the parts that were here already. missing: shards that no part had.
    totals: of the whole; None where some are missing. notes: what should be known of the whole."""

    taken: int
    stood: int
    missing: int
    totals: Totals | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Step:
    """A making of a part, and how its shards are called in the whole. record: what is to be recorded first; None where it stands."""

    part: BuildFolder
    making: Making
    names: dict[ShardName, ShardName]
    record: dict[str, Any] | None = None


def merge(place: Path | Storage, parts: Sequence[Path | Storage], tell: Callable[[str], None]) -> Merged:
    """Take the shards of `parts` into the build in a folder, which is itself a part; the parts stay as they are.

    A part of the same plan (`build --part` into another folder) gives the shards that are lacking here; of any other one each record
    becomes an extension or a retry of this build, and its shards get numbers of their own. Nothing is written before all parts were
    looked at. Raises ConfigurationError where a part was made otherwise, a photo stands in two parts, or one shard was made twice,
    differently; BuildError where one is damaged.
    """
    folder = BuildFolder.at(place)
    with writing(folder):
        _refuse_stopped(folder)
        steps = list(_steps(folder, [BuildFolder.at(part) for part in parts]))
        lacking = [list(_lacking(folder, step)) for step in steps]
        folder.storage.sweep(is_own)
        for step, names in zip(steps, lacking, strict=True):
            _add(folder, step)
            for name in names:
                tell(str(step.names[name]))
                _take(folder, step, name)
        taken = sum(map(len, lacking))
        stood = sum(len(step.part.standing(step.part.finished()).keys() & step.names) for step in steps) - taken
        left = missing(folder, _expected(folder))
        totals = None if left else write_manifest(folder)
        notes = () if left else shared_pictures(folder, folder.finished())
        return Merged(taken, stood, len(left), totals, tuple(notes))


def _refuse_stopped(folder: BuildFolder) -> None:
    """What was stopped halfway by another command is that command's."""
    for file, record in {**folder.extensions(), **folder.retries()}.items():
        if MERGED not in record and missing(folder, recorded_names(record)):
            command = "retry" if "statuses" in record else "extend"
            raise ConfigurationError(
                f"{folder.where(file)}: was stopped halfway: end it by the same `fishprep {command}`, then merge"
            )


def _expected(folder: BuildFolder) -> list[ShardName]:
    later = (*folder.extensions().values(), *folder.retries().values())
    return [*planned_names(folder), *(name for record in later for name in recorded_names(record))]


def _steps(folder: BuildFolder, parts: Sequence[BuildFolder]) -> Iterator[_Step]:
    """What is to be done, in order. Nothing is written."""
    standing = list(makings_of(folder))
    free = free_numbers(folder)
    photos: dict[str, BuildFolder] = {
        photo: folder for making in standing if not making.is_retry for photo in making.photos
    }
    paths = {line.path for making in standing for lines in making.specs.values() for line in lines}
    retried = {photo for making in standing if making.is_retry for photo in making.photos}
    for part in parts:
        if part.where("") == folder.where(""):
            raise ConfigurationError(f"{part}: is the build that the others are to be merged into")
        _refuse_other_settings(folder, part)
        for making in makings_of(part):
            same = next((one for one in standing if _is_it(part, making, one)), None)
            if same is not None:
                _refuse_other_making(folder, part, making, same)
                names = dict(zip(making.specs, same.specs, strict=True))
                yield _Step(part, making, names)
                continue
            if making.is_retry:
                _refuse_twice(
                    part, [photo for photo in making.photos if photo in retried], "were tried again in two parts"
                )
                retried |= set(making.photos)
            else:
                lines = [line for lines in making.specs.values() for line in lines]
                _refuse_twice(
                    part, [line.id for line in lines if line.id in photos or line.path in paths], "stand in two parts"
                )
                photos |= dict.fromkeys(making.photos, part)
                paths |= {line.path for line in lines}
            record = _record(part, making, free)
            names = names_as(making, record)
            yield _Step(part, making, names, record)
            standing.append(Making(making.file, record, {names[name]: lines for name, lines in making.specs.items()}))


def _is_it(part: BuildFolder, making: Making, other: Making) -> bool:
    return other.facts.get(MERGED) == origin_of(part, making) or making.is_made_of_the_same(other)


def _refuse_other_settings(folder: BuildFolder, part: BuildFolder) -> None:
    mine, theirs = folder.start(), part.start()
    one, other = (BuildConfiguration.recorded(facts["configuration"]) for facts in (mine, theirs))
    allowed = {name: getattr(one, name) for name in _MAY_DIFFER}
    if is_file_rule(one.split) and is_file_rule(other.split):
        allowed["split"] = one.split
    changes = one.differences(other.model_copy(update=allowed), mine["recipe"] == theirs["recipe"])
    if not changes and mine["recipe"] != theirs["recipe"]:
        changes = [f"recipe: {mine['recipe'][:12]}... → {theirs['recipe'][:12]}..."]
    if changes:
        raise ConfigurationError(
            f"{part}: not made as {folder} was:\n  "
            + "\n  ".join(changes)
            + "\nShards of equal recipe can be trained together without "
            "being merged."
        )
    if theirs.get("source") is None:
        raise BuildError(f"{part}: its records say nothing of its source")


def _refuse_other_making(folder: BuildFolder, part: BuildFolder, making: Making, same: Making) -> None:
    """Shards of one record must say the same of how they were made."""
    one, other = (BuildConfiguration.recorded(each.facts["configuration"]) for each in (same, making))
    changes = one.differences(other) + differences(same.facts["versions"], making.facts["versions"])
    changes += [
        f"{name}: {same.facts['versions'].get(name)} → {version}"
        for name, version in making.facts["versions"].items()
        if not name.startswith("fishprep/") and same.facts["versions"].get(name) != version
    ]
    if changes:
        raise ConfigurationError(
            f"{part}: holds shards of the plan of {folder}, made otherwise:\n  " + "\n  ".join(changes)
        )


def _refuse_twice(part: BuildFolder, photos: list[str], what: str) -> None:
    if photos:
        raise ConfigurationError(
            f"{part}: {counted(len(photos), 'photo')} of it {what}, the first {photos[0]!r}; no shard is rewritten, so one of the two "
            "would be there twice. `fishprep extend` builds of a source what a build has not yet, and passes over what it has"
        )


def _record(part: BuildFolder, making: Making, free: dict[str, int]) -> dict[str, Any]:
    """What is to be recorded of a making in the whole; takes numbers from those that are `free`."""
    names = []
    for name in making.specs:
        names.append([name.split, free[name.split]])
        free[name.split] += 1
    kept = {"specs": names, MERGED: origin_of(part, making)}
    if making.file != PLAN:
        return making.facts | kept
    start = making.facts
    left_out = start.get("left_out", [])
    return {
        **{key: start[key] for key in ("configuration", "recipe", "inputs", "versions", "source")},
        "prefix": "",
        "notes": [f"merged from {part}", *start.get("notes", [])],
        "left_out": left_out if isinstance(left_out, list) else [],
        "gone": [],
        "changed": [],
        "redescribed": [],
        **kept,
    }


def _add(folder: BuildFolder, step: _Step) -> None:
    if step.record is None:
        return
    if step.making.is_retry:
        folder.add_retry(step.record)
        return
    lines = {line.id: line for lines in step.part.plan_by_shards(step.making.file) for line in lines}
    folder.add_extension([[lines[line.id] for line in some] for some in step.making.specs.values()], step.record)


def _lacking(folder: BuildFolder, step: _Step) -> Iterator[ShardName]:
    """The shards of a step that are to be copied. ConfigurationError where one stands already and is another one."""
    theirs = step.part.standing(step.part.finished())
    mine = folder.standing(folder.finished())
    for old, new in step.names.items():
        if old not in theirs:
            continue
        if step.record is not None or new not in mine:
            yield old
        elif not _is_same(folder, new, mine[new], step, old, theirs[old]):
            raise ConfigurationError(
                f"{step.part.where(old.file)}: was made there and in {folder} ({new}), and they differ: see which is right by "
                "`fishprep verify`, and delete the other one with its rows"
            )


def _is_same(
    folder: BuildFolder, new: ShardName, mine: ShardRecord, step: _Step, old: ShardName, theirs: ShardRecord
) -> bool:
    return mine.sha256 == theirs.sha256 and rows_hash(folder.rows(new)) == rows_hash(_renamed(step.part.rows(old), new))


def _take(folder: BuildFolder, step: _Step, old: ShardName) -> None:
    """The shard, then its rows, which make it done."""
    part, new = step.part, step.names[old]
    record, rows = part.record(old), part.rows(old)
    if record.rows_sha256 not in (None, rows_hash(rows)):
        raise BuildError(
            f"{part.where(old.rows_file)}: changed since it was written; `fishprep verify {part}` says more"
        )
    if record.file is not None:
        storage = part.storage_of(old)
        if storage is None:
            raise BuildError(f"{part.where(old.file)}: was moved to where it cannot be reached from here")
        try:
            copy_between(storage, old.file, folder.storage, new.file, str(record.sha256))
        except OtherBytesError as error:
            raise BuildError(
                f"{error}: its bytes have changed since it was written; `fishprep verify` says more"
            ) from error
    rows = _renamed(rows, new)
    file = None if record.file is None else new.file
    folder.restore(new, rows, replace(record, name=str(new), file=file, rows_sha256=rows_hash(rows)))


def _renamed(rows: pa.Table, name: ShardName) -> pa.Table:
    """Rows of a shard as they are where it has another name."""
    place = rows.schema.get_field_index("shard")
    shards = [None if shard is None else str(name) for shard in rows["shard"].to_pylist()]
    return rows.set_column(place, rows.schema.field(place), pa.array(shards, pa.string()))
