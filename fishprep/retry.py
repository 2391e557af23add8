"""Trying again what was dropped: further shards with settings of their own, beside those that stand."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishprep import manifest
from fishprep.build import (
    BuilderFactory,
    Finished,
    ShardAttributes,
    finish,
    read_retries,
    read_start,
    remove_leftovers,
    run_specs,
    version_changes,
    write_manifest,
    writing,
)
from fishprep.configuration import BuildConfiguration
from fishprep.errors import BuildError, ConfigurationError
from fishprep.files import write_text
from fishprep.photo import Photo
from fishprep.plan import Plan, ShardSpec, divide
from fishprep.progress import Progress, Tell
from fishprep.setup import Resolved, WeightsFrom, library_versions, resolve
from fishprep.shards.schema import ShardName
from fishprep.words import counted

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
    "device",
    "threads",
)
"""What a retry may change: nothing of the recipe, so that its shards can be trained with the others."""


@dataclass(frozen=True)
class RetryRequest:
    """Photos of which the last try ended in one of `statuses`, tried with `overrides` over the build's configuration."""

    folder: Path
    plan: Plan
    statuses: tuple[str, ...]
    overrides: dict[str, Any]
    weights: WeightsFrom
    follow_links: bool = False
    """How the source of `plan` was opened."""


def retry(request: RetryRequest, workers: int, tell: Tell, overwrite: bool = False) -> Finished:
    """Write further shards for the photos of a finished build that were dropped, and the manifest anew.

    A retry that was stopped halfway is gone on with where it is the same; with `overwrite` it is removed first. Raises
    ConfigurationError where another one was stopped halfway, nothing has such a status, an override is not allowed, or the
    recipe would change; BuildError where the build is not finished, or its folder cannot be written.
    """
    folder = request.folder
    with writing(folder):
        manifest.read_manifest(folder)
        remove_leftovers(folder)
        resolved = _resolve(request)
        if overwrite:
            _remove_unfinished(folder)
        record = _taken_up(request, resolved) or _record(request, resolved)
        done = manifest.finished(folder)
        specs = _specs(record, request.plan)
        todo = [spec for spec in specs if spec.name not in done]
        tell(Progress(photos=sum(len(spec.photos) for spec in specs if spec.name in done)))
        run = run_specs(BuilderFactory(folder, _attributes(record), request.weights), todo, workers, tell)
        return finish(folder, run, len(specs) - len(todo))


@dataclass(frozen=True)
class _Pending:
    """A retry that was stopped halfway: its file, what it recorded, and how many of its shards stand."""

    path: Path
    record: dict[str, Any]
    standing: int

    def told(self, folder: Path) -> str:
        """What it is, and the ways out."""
        overrides = self.record["overrides"].items()
        settings = "".join(f", {name.replace('_', '-')} {value}" for name, value in overrides)
        statuses = " and ".join(self.record["statuses"])
        shards = counted(len(self.record["specs"]), "shard")
        return (
            f"{folder} holds a retry that was stopped halfway ({self.path.name}: status {statuses}{settings}; "
            f"{self.standing} of {shards} done). The same command goes on with it; --overwrite removes it and its shards first."
        )


def _unfinished(folder: Path) -> _Pending | None:
    done = manifest.finished(folder)
    for path, record in read_retries(folder).items():
        standing = sum(ShardName(*name) in done for name in record["specs"])
        if standing < len(record["specs"]):
            return _Pending(path, record, standing)
    return None


def _remove_unfinished(folder: Path) -> None:
    pending = _unfinished(folder)
    if pending is None:
        return
    for name in (ShardName(*name) for name in pending.record["specs"]):
        (folder / name.rows_file).unlink(missing_ok=True)  # first: from here on the shard does not count
        (folder / name.file).unlink(missing_ok=True)
    pending.path.unlink()
    write_manifest(folder)


def _taken_up(request: RetryRequest, resolved: Resolved) -> dict[str, Any] | None:
    """The record of a retry that was stopped halfway, where this is the same one."""
    pending = _unfinished(request.folder)
    if pending is None:
        return None
    record = pending.record
    changes = BuildConfiguration.recorded(record["configuration"]).differences(resolved.configuration)
    changes += version_changes(record["versions"])
    if sorted(record["statuses"]) != sorted(request.statuses):
        changes.append(f"status: {', '.join(record['statuses'])} → {', '.join(request.statuses)}")
    if record.get("follow_links", False) != request.follow_links:
        changes.append(f"follow-links: {not request.follow_links} → {request.follow_links}")
    if gone := set(record["photos"]) - {photo.id for photo in request.plan.photos}:
        changes.append(f"photos gone from the source: {len(gone)} ({min(gone)!r} is the first)")
    if changes:
        raise ConfigurationError(f"{pending.told(request.folder)} Changed since:\n  " + "\n  ".join(changes))
    return record


def _resolve(request: RetryRequest) -> Resolved:
    forbidden = sorted(set(request.overrides) - set(OVERRIDES))
    if forbidden:
        raise ConfigurationError(f"a retry cannot change {', '.join(forbidden)}; it can change {', '.join(OVERRIDES)}")
    start = read_start(request.folder)
    values = start["configuration"] | request.overrides | {"weights": {}}
    resolved = resolve(BuildConfiguration.recorded(values), request.weights)
    if resolved.recipe != start["recipe"]:
        raise ConfigurationError(
            f"{request.folder}: the weights are not those of the build; its shards could not be mixed"
        )
    return resolved


def _record(request: RetryRequest, resolved: Resolved) -> dict[str, Any]:
    """Decide on a new retry and store it, before anything is built."""
    photos = _photos(request)
    last = _last_numbers(request.folder)
    specs = divide(photos, resolved.configuration.shard_size, lambda split: last.get(split, -1) + 1)
    record = {
        "statuses": list(request.statuses),
        "overrides": request.overrides,
        "follow_links": request.follow_links,
        "configuration": resolved.configuration.model_dump(mode="json"),
        "inputs": read_start(request.folder)["inputs"],
        "recipe": resolved.recipe,
        "versions": library_versions(),
        "specs": [[spec.name.split, spec.name.number] for spec in specs],
        "photos": [photo.id for photo in photos],
    }
    number = len(read_retries(request.folder)) + 1
    write_text(request.folder / f"retry-{number:04d}.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return record


def _photos(request: RetryRequest) -> list[Photo]:
    rows = manifest.read_rows(request.folder / manifest.SAMPLES, ["photo", "status"])
    statuses = set(request.statuses)
    if "ok" in statuses:
        raise ConfigurationError("--status ok: photos that were kept are not tried again")
    wanted = {
        photo
        for photo, status in zip(rows["photo"].to_pylist(), rows["status"].to_pylist(), strict=True)
        if status in statuses
    }
    if not wanted:
        raise ConfigurationError(
            f"{request.folder}: no photo has status {' or '.join(request.statuses)}: nothing to do"
        )
    return _find(wanted, request.plan)


def _find(wanted: set[str], plan: Plan) -> list[Photo]:
    photos = [photo for photo in plan.photos if photo.id in wanted]
    if len(photos) != len(wanted):
        missing = sorted(wanted - {photo.id for photo in photos})
        if any(photo.id.startswith(f"{missing[0]}/") for photo in plan.photos):
            raise BuildError(f"{missing[0]!r} is a linked folder: build anew with --follow-links to take what is in it")
        raise BuildError(f"not in the source any more: {counted(len(missing), 'photo')}, the first {missing[0]!r}")
    return photos


def _specs(record: dict[str, Any], plan: Plan) -> list[ShardSpec]:
    first: dict[str, int] = {}
    for split, number in record["specs"]:
        first.setdefault(split, number)
    size = record["configuration"]["shard_size"]
    return list(divide(_find(set(record["photos"]), plan), size, lambda split: first.get(split, 0)))


def _last_numbers(folder: Path) -> dict[str, int]:
    last: dict[str, int] = {}
    for name in manifest.finished(folder):
        last[name.split] = max(last.get(name.split, -1), name.number)
    return last


def _attributes(record: dict[str, Any]) -> ShardAttributes:
    configuration = BuildConfiguration.recorded(record["configuration"])
    return ShardAttributes(configuration, record["recipe"], record["inputs"], record["versions"])


def count_photos(folder: Path, statuses: Sequence[str]) -> int:
    """How many photos of a finished build have one of the statuses."""
    totals = manifest.totals_of(manifest.read_manifest(folder))
    return sum(totals.by_status.get(status, 0) for status in statuses)


def statuses_in(folder: Path) -> Sequence[str]:
    """The statuses, but `ok`, that rows of a finished build have."""
    return sorted(set(manifest.totals_of(manifest.read_manifest(folder)).by_status) - {"ok"})
