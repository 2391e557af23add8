"""Trying again what was dropped: further shards with settings of their own, beside those that stand."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fishprep.builds import algorithms
from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.builder import BuilderFactory
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.expected import missing, plan_of, planned_specs, retried_names, retried_specs, taken_names
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto, totals_of
from fishprep.builds.output import remove_leftovers, writing
from fishprep.builds.pipelines import WeightsFrom
from fishprep.builds.plan import ShardSpec, as_planned, as_read, divide
from fishprep.builds.resolved import Resolved, resolve
from fishprep.builds.run import Crew, Finished, finish, run_specs
from fishprep.builds.summary import write_manifest
from fishprep.builds.versions import version_changes, versions_of
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.progress import Progress, Tell
from fishprep.common.words import counted, same_command
from fishprep.engines import create_engine
from fishprep.engines.base import Engine
from fishprep.faces.fingerprint import annotation
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.shards.schema import SPLITS
from fishprep.shards.versions import differences
from fishprep.storage.base import Storage

OVERRIDES = (
    "landmarks",
    "thorough",
    "faces",
    "min_score",
    "max_disagreement",
    "max_outside",
    "min_side",
    "max_bytes",
    "max_pixels",
    "max_seconds",
    "device",
    "threads",
)
"""What a retry may change: nothing of the recipe, so that its shards can be trained with the others."""


@dataclass(frozen=True)
class RetryRequest:
    """Photos of which the last try ended in one of `statuses`, tried with `overrides` over the build's configuration."""

    folder: Path | Storage
    photos: Sequence[Photo]
    """What the source lists now; what is meant, and in which split, says the recorded plan."""
    statuses: tuple[str, ...]
    overrides: dict[str, Any]
    weights: WeightsFrom
    follow_links: bool = False
    """How the source of `photos` was opened."""

    @property
    def build(self) -> BuildFolder:
        """What the build has stored."""
        return BuildFolder.at(self.folder)


def retry(
    request: RetryRequest, workers: int, tell: Tell, overwrite: bool = False, engine: Engine | None = None
) -> Finished:
    """Write further shards for the photos of a finished build that were dropped, and the manifest anew.

    A retry that was stopped halfway is gone on with where it is the same; with `overwrite` it is removed first. Raises
    ConfigurationError where another one was stopped halfway, nothing has such a status, an override is not allowed, or the
    recipe would change; BuildError where the build is not finished, or its folder cannot be written.
    """
    folder = request.build
    with writing(folder):
        folder.manifest()
        remove_leftovers(folder, taken_names(folder))
        resolved = _resolve(request)
        request = replace(request, photos=tuple(as_read(request.photos, resolved.configuration.landmarks)))
        if overwrite:
            _remove_unfinished(folder)
        _refuse_unfinished_build(folder)
        file, record = _taken_up(request, resolved) or _record(request, resolved)
        specs = _specs(file, record, request)
        lacking = set(missing(folder, (spec.name for spec in specs)))
        todo = [spec for spec in specs if spec.name in lacking]
        tell(Progress(photos=sum(len(spec.photos) for spec in specs if spec.name not in lacking)))
        again = same_command(overwrite)
        crew = Crew(engine or create_engine(), workers, tell)
        run = run_specs(BuilderFactory(folder, _attributes(record), request.weights), todo, crew, again)
        return finish(folder, run, len(specs) - len(todo), again)


def _refuse_unfinished_build(folder: BuildFolder) -> None:
    """A shard of the build itself that was lost is for `build` to make anew, under its own number."""
    if lost := missing(folder, planned_specs(folder, plan_of(folder))):
        raise BuildError(
            f"{folder}: {counted(len(lost), 'shard')} of the build missing, the first {lost[0]}: "
            "run its `fishprep build` again before the retry"
        )


@dataclass(frozen=True)
class _Pending:
    """A retry that was stopped halfway: its file, what it recorded, and how many of its shards stand."""

    file: str
    record: dict[str, Any]
    standing: int

    def told(self, folder: BuildFolder) -> str:
        """What it is, and the ways out."""
        overrides = self.record["overrides"].items()
        settings = "".join(f", {name.replace('_', '-')} {value}" for name, value in overrides)
        statuses = " and ".join(self.record["statuses"])
        shards = counted(len(self.record["specs"]), "shard")
        return (
            f"{folder} holds a retry that was stopped halfway ({self.file}: status {statuses}{settings}; "
            f"{self.standing} of {shards} done). The same command goes on with it; --overwrite removes it and its shards first."
        )


def _unfinished(folder: BuildFolder) -> _Pending | None:
    for file, record in folder.retries().items():
        names = retried_names(record)
        if lacking := missing(folder, names):
            return _Pending(file, record, len(names) - len(lacking))
    return None


def _remove_unfinished(folder: BuildFolder) -> None:
    pending = _unfinished(folder)
    if pending is None:
        return
    planned = planned_specs(folder, plan_of(folder))
    folder.withdraw(*(name for name in retried_names(pending.record) if name not in planned))
    folder.remove_retry(pending.file)
    write_manifest(folder)


def _taken_up(request: RetryRequest, resolved: Resolved) -> tuple[str, dict[str, Any]] | None:
    """The file and the record of a retry that was stopped halfway, where this is the same one."""
    pending = _unfinished(request.build)
    if pending is None:
        return None
    record = pending.record
    changes = BuildConfiguration.recorded(record["configuration"]).differences(resolved.configuration)
    changes += version_changes(record["versions"], resolved.configuration)
    if sorted(record["statuses"]) != sorted(request.statuses):
        changes.append(f"status: {', '.join(record['statuses'])} → {', '.join(request.statuses)}")
    if record.get("follow_links", False) != request.follow_links:
        changes.append(f"follow-links: {not request.follow_links} → {request.follow_links}")
    photos, gone = _match(request, record["photos"])
    if gone:
        changes.append(f"photos gone from the source: {len(gone)} ({gone[0].id!r} is the first)")
    elif "annotations" in record and _annotations(request.build, photos) != record["annotations"]:
        changes.append("what the source says of its photos (points, identity, licence)")
    if changes:
        raise ConfigurationError(f"{pending.told(request.build)} Changed since:\n  " + "\n  ".join(changes))
    return pending.file, record


def _resolve(request: RetryRequest) -> Resolved:
    forbidden = sorted(set(request.overrides) - set(OVERRIDES))
    if forbidden:
        raise ConfigurationError(f"a retry cannot change {', '.join(forbidden)}; it can change {', '.join(OVERRIDES)}")
    start = request.build.start()
    values = start["configuration"] | request.overrides | {"weights": {}}
    resolved = resolve(BuildConfiguration.recorded(values), request.weights)
    now = algorithms.in_recipe(resolved.configuration)
    if changes := differences(start["versions"], now):
        raise ConfigurationError(
            f"{request.folder}: this fishprep makes other shards than those of the build, which could not be mixed: "
            f"{'; '.join(changes)}. Use the release that built it, or build anew."
        )
    if resolved.recipe != start["recipe"]:
        raise ConfigurationError(
            f"{request.folder}: the weights are not those of the build; its shards could not be mixed"
        )
    return resolved


def _record(request: RetryRequest, resolved: Resolved) -> tuple[str, dict[str, Any]]:
    """Decide on a new retry and store it, before anything is built."""
    folder = request.build
    photos = _find(request, _wanted(request))
    free = _free_numbers(folder)
    specs = divide(photos, resolved.configuration.shard_size, lambda split: free[split])
    record = {
        "statuses": list(request.statuses),
        "overrides": request.overrides,
        "follow_links": request.follow_links,
        "configuration": resolved.configuration.model_dump(mode="json"),
        "inputs": folder.start()["inputs"],
        "recipe": resolved.recipe,
        "versions": versions_of(resolved.configuration),
        "specs": [[spec.name.split, spec.name.number] for spec in specs],
        "photos": [photo.id for photo in photos],
        "annotations": _annotations(folder, photos),
    }
    return folder.add_retry(record), record


def _annotations(folder: BuildFolder, photos: Iterable[Photo]) -> dict[str, str]:
    """What the source says now, by its hash, of those photos of which it said something else when the build was planned."""
    plan = plan_of(folder)
    return {photo.id: now for photo in photos if (now := annotation(photo)) != plan[photo.id].annotation}


def _free_numbers(folder: BuildFolder) -> dict[str, int]:
    """For each split the first number of a shard that is nobody's: not planned, not a retry's, and no file on the disk."""
    free = dict.fromkeys(SPLITS, 0)
    for name in taken_names(folder) | folder.named():
        free[name.split] = max(free[name.split], name.number + 1)
    return free


def _wanted(request: RetryRequest) -> set[str]:
    if "ok" in request.statuses:
        raise ConfigurationError("--status ok: photos that were kept are not tried again")
    wanted = photos_of(request.folder, request.statuses)
    if not wanted:
        raise ConfigurationError(
            f"{request.folder}: no photo has status {' or '.join(request.statuses)}: nothing to do"
        )
    return wanted


def _find(request: RetryRequest, wanted: Collection[str]) -> list[Photo]:
    """The photos that the plan means, under its names and in its splits, in its order, wherever the source lists them now.

    Their bytes must be those of the plan where it knows them. What the source says of them may have been mended since.
    """
    found, lost = _match(request, wanted)
    if lost:
        if any(photo.relative.startswith(f"{lost[0].path}/") for photo in request.photos):
            raise BuildError(f"{lost[0].id!r} is a linked folder: build anew with --follow-links to take what is in it")
        raise BuildError(f"not in the source any more: {counted(len(lost), 'photo')}, the first {lost[0].id!r}")
    return found


def _match(request: RetryRequest, wanted: Collection[str]) -> tuple[list[Photo], list[PlannedPhoto]]:
    """Photos by the recorded paths, and the lines of the plan whose files the source does not list."""
    here = {photo.relative: photo for photo in request.photos}
    wanted = set(wanted)
    lines = [line for line in request.build.plan() if line.id in wanted]
    known = [line for line in lines if line.path in here]
    found = as_planned((here[line.path] for line in known), known)
    return [replace(photo, planned=_expected(photo)) for photo in found], [
        line for line in lines if line.path not in here
    ]


def _expected(photo: Photo) -> Fingerprint:
    assert photo.planned is not None
    return Fingerprint(photo.planned.sha256 or None, annotation(photo))


def _specs(file: str, record: dict[str, Any], request: RetryRequest) -> list[ShardSpec]:
    photos = {photo.id: photo for photo in _find(request, record["photos"])}
    specs = retried_specs(request.build.where(file), record, plan_of(request.build))
    return [ShardSpec(name, tuple(photos[line.id] for line in lines)) for name, lines in specs.items()]


def _attributes(record: dict[str, Any]) -> BuildAttributes:
    configuration = BuildConfiguration.recorded(record["configuration"])
    return BuildAttributes(configuration, record["recipe"], record["inputs"], record["versions"])


def count_photos(place: Path | Storage, statuses: Sequence[str]) -> int:
    """How many photos of a finished build have one of the statuses."""
    BuildFolder.at(place).manifest()
    return len(photos_of(place, statuses))


def photos_of(place: Path | Storage, statuses: Sequence[str]) -> set[str]:
    """Ids of the photos of a finished build that have a row with one of the statuses."""
    rows = BuildFolder.at(place).samples(["photo", "status"])
    pairs = zip(rows["photo"].to_pylist(), rows["status"].to_pylist(), strict=True)
    wanted = set(statuses)
    return {photo for photo, status in pairs if status in wanted}


def statuses_in(place: Path | Storage) -> Sequence[str]:
    """The statuses, but `ok`, that rows of a finished build have."""
    return sorted(set(totals_of(BuildFolder.at(place).manifest()).by_status) - {"ok"})
