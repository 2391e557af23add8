"""What a build records when it starts, and what resuming it compares with that."""

from fishprep.builds import manifest
from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.request import BuildRequest
from fishprep.builds.resolved import Resolved
from fishprep.builds.versions import version_changes, versions_of
from fishprep.common.errors import ConfigurationError


def start(folder: BuildFolder, request: BuildRequest, planned: list[PlannedPhoto], resume: bool) -> BuildAttributes:
    """Compare with the build that is in the folder, or record this one."""
    configuration = request.resolved.configuration
    inputs = manifest.inputs_hash(planned)
    if folder.is_started() or not _begin(folder, request, planned, inputs):
        if not resume:
            raise ConfigurationError(
                f"{folder} holds a build already: resume it, choose another folder, or --overwrite"
            )
        _refuse_changes(folder, request.resolved, planned)
    stored = folder.start()
    return BuildAttributes(configuration, stored["recipe"], inputs, stored["versions"])


def _begin(folder: BuildFolder, request: BuildRequest, planned: list[PlannedPhoto], inputs: str) -> bool:
    """Record a build; False where another one has begun meanwhile."""
    configuration = request.resolved.configuration
    facts = {
        "configuration": configuration.model_dump(mode="json"),
        "recipe": request.resolved.recipe,
        "inputs": inputs,
        "versions": versions_of(configuration),
        "source": request.origin,
        "notes": list(request.plan.notes),
        "left_out": [str(left_out) for left_out in request.plan.left_out],
    }
    try:
        folder.write_start(planned, facts)
    except FileExistsError:
        return False
    return True


def _refuse_changes(folder: BuildFolder, resolved: Resolved, planned: list[PlannedPhoto]) -> None:
    stored = folder.start()
    before = BuildConfiguration.recorded(stored["configuration"])
    changes = before.differences(resolved.configuration, stored["recipe"] == resolved.recipe)
    versions = version_changes(stored["versions"], resolved.configuration)
    changes += versions
    changes += _plan_changes(folder, stored["inputs"], planned)
    if changes:
        raise ConfigurationError(
            f"{folder} holds a build of something else. Changed since:\n  "
            + "\n  ".join(changes)
            + ("\nIt goes on with the versions that it was begun with: install those" if versions else "\nUndo that")
            + ", build into another folder, or pass --overwrite to start anew."
        )


def _plan_changes(folder: BuildFolder, inputs: str, planned: list[PlannedPhoto]) -> list[str]:
    """The plan is stored here where the build, which has these inputs, was stopped before it was, or has just begun."""
    before = folder.plan() if folder.is_planned() else []
    if manifest.inputs_hash(before) != inputs == manifest.inputs_hash(planned):
        folder.write_plan(planned)
        return []
    return _input_changes(before, planned)


def _input_changes(before: list[PlannedPhoto], now: list[PlannedPhoto], shown: int = 3) -> list[str]:
    old, new = ({photo.id: photo for photo in photos} for photos in (before, now))
    both = [(old[name], new[name]) for name in new if name in old]
    kinds = {
        "photos added": [name for name in new if name not in old],
        "photos gone": [name for name in old if name not in new],
        "photos changed": [is_.id for was, is_ in both if is_.sha256 != was.sha256],
        "photos in another split": [is_.id for was, is_ in both if is_.split != was.split],
        "photos at another path": [is_.id for was, is_ in both if is_.path != was.path],
        "photos of which the source says something else (points, licence, identity), though their own bytes are the same": [
            is_.id for was, is_ in both if is_.annotation != was.annotation and is_.sha256 == was.sha256
        ],
    }
    return [
        f"{kind}: {len(names)} ({', '.join(names[:shown])}{', ...' if len(names) > shown else ''})"
        for kind, names in kinds.items()
        if names
    ]
