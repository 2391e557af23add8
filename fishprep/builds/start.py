"""What a build records when it starts, and what resuming it compares with that."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fishprep.builds import inputs, manifest
from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.plan import numbered
from fishprep.builds.request import BuildRequest
from fishprep.builds.resolved import Resolved
from fishprep.builds.versions import version_changes, versions_of
from fishprep.common.errors import ConfigurationError


@dataclass(frozen=True)
class Started:
    """A build that may go on. lines: those of its plan, one for each photo of the source, in order, as they are now."""

    attributes: BuildAttributes
    lines: list[PlannedPhoto]


def start(folder: BuildFolder, request: BuildRequest, resume: bool, tell: inputs.TellNumber) -> Started:
    """Compare with the build that is in the folder, or record this one. Settings are compared before any photo is opened."""
    configuration = request.resolved.configuration
    lines = list(inputs.plan_lines(request.plan.photos, tell))
    if folder.is_started() or not _begin(folder, request, lines):
        if not resume:
            raise ConfigurationError(
                f"{folder} holds a build already: resume it, choose another folder, or --overwrite"
            )
        lines = _gone_on(folder, request, lines, tell)
    stored = folder.start()
    return Started(BuildAttributes(configuration, stored["recipe"], stored["inputs"], stored["versions"]), lines)


def _begin(folder: BuildFolder, request: BuildRequest, lines: list[PlannedPhoto]) -> bool:
    """Record a build; False where another one has begun meanwhile."""
    configuration = request.resolved.configuration
    facts = {
        "configuration": configuration.model_dump(mode="json"),
        "recipe": request.resolved.recipe,
        "inputs": manifest.inputs_hash(lines),
        "versions": versions_of(configuration),
        "source": request.origin,
        "notes": list(request.plan.notes),
        "left_out": [str(left_out) for left_out in request.plan.left_out],
    }
    try:
        folder.write_start(_by_shard(lines, configuration), facts)
    except FileExistsError:
        return False
    return True


def _gone_on(
    folder: BuildFolder, request: BuildRequest, lines: list[PlannedPhoto], tell: inputs.TellNumber
) -> list[PlannedPhoto]:
    """The lines of the plan as they are now; ConfigurationError where the build in the folder is not this one."""
    stored = folder.start()
    settings, versions = _setting_changes(stored, request.resolved)
    photos, limits = request.plan.photos, request.resolved.configuration.limits
    before = _plan(folder, stored["inputs"], lines, request.resolved.configuration)
    if any(line.sha256 is not None for line in before):
        _refuse(folder, settings, versions)
        lines = list(inputs.hashed(photos, lines, limits, tell))
    _refuse(folder, settings + inputs.changes_of(before, lines), versions)
    if touched := inputs.touched(photos, before, lines):
        specs = dict(numbered(before, request.resolved.configuration.shard_size))
        rewritten = inputs.rewritten(folder, specs, touched, limits, tell)
        _refuse(folder, inputs.changes_of(before, lines, rewritten), versions)
    return lines


def _setting_changes(stored: dict[str, Any], resolved: Resolved) -> tuple[list[str], bool]:
    """What is set otherwise than then, and whether versions are among that."""
    before = BuildConfiguration.recorded(stored["configuration"])
    settings = before.differences(resolved.configuration, stored["recipe"] == resolved.recipe)
    versions = version_changes(stored["versions"], resolved.configuration)
    return settings + versions, bool(versions)


def _by_shard(lines: Iterable[PlannedPhoto], configuration: BuildConfiguration) -> Iterator[tuple[PlannedPhoto, ...]]:
    return (members for _, members in numbered(lines, configuration.shard_size))


def _plan(
    folder: BuildFolder, told: str, lines: list[PlannedPhoto], configuration: BuildConfiguration
) -> list[PlannedPhoto]:
    """The plan of a build of inputs `told`; stored here where the build was stopped before it was, or has just begun."""
    before = folder.plan() if folder.is_planned() else []
    if manifest.inputs_hash(before) != told == manifest.inputs_hash(lines):
        folder.write_plan(_by_shard(lines, configuration))
        return lines
    return before


def _refuse(folder: BuildFolder, changes: list[str], versions: bool) -> None:
    if changes:
        raise ConfigurationError(
            f"{folder} holds a build of something else. Changed since:\n  "
            + "\n  ".join(changes)
            + ("\nIt goes on with the versions that it was begun with: install those" if versions else "\nUndo that")
            + ", build into another folder, or pass --overwrite to start anew."
        )
