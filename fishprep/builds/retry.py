"""Trying again what was dropped: further shards with settings of their own, beside those that stand."""

from dataclasses import replace
from typing import Any

from fishprep.builds import algorithms
from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.builder import BuilderFactory
from fishprep.builds.bymarks import as_recorded, wanted_by_marks, with_marks
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.dropped import photos_of
from fishprep.builds.expected import free_numbers, missing, plan_of, retried_specs, taken_names
from fishprep.builds.names import list_of
from fishprep.builds.output import remove_leftovers, writing
from fishprep.builds.pending import refuse_unfinished_build, remove_pending, unfinished, unfinished_extension
from fishprep.builds.plan import ShardSpec, as_read, divide
from fishprep.builds.remapped import REMAPPED
from fishprep.builds.request import OVERRIDES, RetryRequest
from fishprep.builds.resolved import Resolved, resolve
from fishprep.builds.run import Crew, Finished, finish, run_specs
from fishprep.builds.sought import annotations, find_photos, matched
from fishprep.builds.versions import version_changes, versions_of
from fishprep.builds.worklist import by_names
from fishprep.common.errors import ConfigurationError
from fishprep.common.progress import Progress, TellProgress
from fishprep.common.words import same_command
from fishprep.engines import create_engine
from fishprep.engines.base import Engine
from fishprep.landmarks import MARKED
from fishprep.parsing import PARSERS
from fishprep.shards.versions import differences


def retry(
    request: RetryRequest, workers: int, tell: TellProgress, overwrite: bool = False, engine: Engine | None = None
) -> Finished:
    """Write further shards for the photos of a finished build that were dropped, and the manifest anew.

    A retry that was stopped halfway is gone on with where it is the same; with `overwrite` it is removed first. Raises
    ConfigurationError where another one was stopped halfway, nothing has such a status, an override is not allowed, or the
    recipe would change; BuildError where the build is not finished, or its folder cannot be written.
    """
    folder = request.build
    with writing(folder):
        folder.manifest()
        resolved = _resolve(request)
        photos = as_read(request.photos, resolved.configuration.landmarks)
        request = replace(request, photos=tuple(with_marks(folder, photos, request.marks or {})))
        if overwrite:
            remove_pending(folder, unfinished(folder))
        refuse_unfinished_build(folder, "the retry")
        if (stopped := unfinished_extension(folder)) is not None:
            raise ConfigurationError(f"{stopped.told(folder)} Then retry.")
        file, record = _taken_up(request, resolved) or _record(request, resolved)
        specs = _specs(file, record, request)
        remove_leftovers(folder, taken_names(folder))  # a retry that is refused removes nothing
        lacking = set(missing(folder, (spec.name for spec in specs)))
        todo = [spec for spec in specs if spec.name in lacking]
        tell(Progress(photos=sum(len(spec.photos) for spec in specs if spec.name not in lacking)))
        again = same_command(overwrite)
        crew = Crew(engine or create_engine(), workers, tell)
        source = str(folder.start().get("source", {}).get("root", ""))
        factory = BuilderFactory(folder, _attributes(record), request.weights, folder.identity(), source)
        with by_names(folder, list_of(file), todo) as named:
            run = run_specs(factory, named, crew, again)
        return finish(folder, run, len(specs) - len(todo), again)


def _taken_up(request: RetryRequest, resolved: Resolved) -> tuple[str, dict[str, Any]] | None:
    """The file and the record of a retry that was stopped halfway, where this is the same one."""
    pending = unfinished(request.build)
    if pending is None:
        return None
    record = pending.record
    changes = BuildConfiguration.recorded(record["configuration"]).differences(resolved.configuration)
    changes += version_changes(record["versions"], resolved.configuration)
    if sorted(record["statuses"]) != sorted(request.statuses):
        changes.append(f"status: {', '.join(record['statuses'])} → {', '.join(request.statuses)}")
    if record.get("marks", {}) != as_recorded(request.marks):
        changes.append("points: other marks, or of other photos")
    if record.get("follow_links", False) != request.follow_links:
        changes.append(f"follow-links: {not request.follow_links} → {request.follow_links}")
    photos, gone = matched(request, record["photos"])
    if gone:
        changes.append(f"photos gone from the source: {len(gone)} ({gone[0].id!r} is the first)")
    elif "annotations" in record and annotations(request.build, photos) != record["annotations"]:
        changes.append("what the source says of its photos (points, identity, licence)")
    if changes:
        raise ConfigurationError(f"{pending.told(request.build)} Changed since:\n  " + "\n  ".join(changes))
    return pending.file, record


def _resolve(request: RetryRequest) -> Resolved:
    forbidden = sorted(set(request.overrides) - set(OVERRIDES))
    if forbidden:
        raise ConfigurationError(f"a retry cannot change {', '.join(forbidden)}; it can change {', '.join(OVERRIDES)}")
    if (request.overrides.get("landmarks") == MARKED) != (request.marks is not None):
        raise ConfigurationError(
            f"--landmarks {MARKED} and --points go together, and --points with no other --landmarks"
        )
    start = request.build.start()
    configuration = BuildConfiguration.recorded(start["configuration"])
    if PARSERS[configuration.parser].is_given and REMAPPED in start:
        raise ConfigurationError(
            f"{request.folder}: its maps were given by `fishprep remap --masks`, and a face that is found now has none: retry the build "
            "that was remapped, and remap that"
        )
    built = configuration.model_dump(mode="json")
    if "detector" in request.overrides:
        built["thorough"] = False  # which was meant of another one
    resolved = resolve(BuildConfiguration.recorded(built | request.overrides | {"weights": {}}), request.weights)
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
    photos = find_photos(request, _wanted(request))
    free = free_numbers(folder)
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
        "annotations": annotations(folder, photos),
        **({"marks": as_recorded(request.marks)} if request.marks else {}),
    }
    return folder.add_retry(record), record


def _wanted(request: RetryRequest) -> set[str]:
    if "ok" in request.statuses:
        raise ConfigurationError("--status ok: photos that were kept are not tried again")
    if request.marks is None:
        wanted, of_these = photos_of(request.folder, request.statuses), "photo"
    else:
        wanted, of_these = wanted_by_marks(request.build, request.marks, request.statuses), "marked photo"
    if not wanted:
        raise ConfigurationError(
            f"{request.folder}: no {of_these} has status {' or '.join(request.statuses)}: nothing to do"
        )
    return wanted


def _specs(file: str, record: dict[str, Any], request: RetryRequest) -> list[ShardSpec]:
    photos = {photo.id: photo for photo in find_photos(request, record["photos"])}
    specs = retried_specs(request.build.where(file), record, plan_of(request.build))
    return [ShardSpec(name, tuple(photos[line.id] for line in lines)) for name, lines in specs.items()]


def _attributes(record: dict[str, Any]) -> BuildAttributes:
    configuration = BuildConfiguration.recorded(record["configuration"])
    return BuildAttributes(configuration, record["recipe"], record["inputs"], record["versions"])
