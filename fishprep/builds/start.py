"""What a build records when it starts, and what resuming it compares with that."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

from fishprep.builds import inputs, manifest
from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.request import BuildRequest
from fishprep.builds.resolved import Resolved
from fishprep.builds.specs import HeldSpecs, NamedSpecs, PlannedSpecs, SpecMaker, bytes_of, runs_of
from fishprep.builds.stored import StoredPlan, digest
from fishprep.builds.versions import version_changes, versions_of
from fishprep.common.errors import ConfigurationError

_EXTEND = "`fishprep extend` builds photos that came later into further shards, once the build is finished."


@dataclass(frozen=True)
class Started:
    """A build that may go on, and its specs."""

    attributes: BuildAttributes
    specs: PlannedSpecs


def start(folder: BuildFolder, request: BuildRequest, resume: bool, tell: inputs.TellNumber) -> Started:
    """Compare with the build that is in the folder, or record this one. Settings are compared before any photo is opened.

    No line of the plan is held beside the list of photos, but where the plan is of an older build or of other times.
    """
    configuration = request.resolved.configuration
    shards = _Shards(request, tell)
    if folder.is_started() or not _begin(folder, request, shards):
        if not resume:
            raise ConfigurationError(
                f"{folder} holds a build already: resume it, choose another folder, or --overwrite"
            )
        members = _gone_on(folder, request, shards, tell)
    else:
        members = shards.named(folder)
    stored = folder.start()
    attributes = BuildAttributes(configuration, stored["recipe"], stored["inputs"], stored["versions"])
    return Started(attributes, PlannedSpecs(members, shards.runs))


class _Shards:
    """The lines of the plan as they are now, made a shard at a time; and what is kept of each shard once it was."""

    def __init__(self, request: BuildRequest, tell: inputs.TellNumber) -> None:
        self._request, self._tell = request, tell
        self.runs = runs_of(request.plan.by_split, request.resolved.configuration.shard_size)
        self.inputs = manifest.InputsHash()
        self.told: list[str] = []
        self.sizes: list[int] = []
        self.all_have_records = True

    def __iter__(self) -> Iterator[tuple[PlannedPhoto, ...]]:
        """From the first on, anew."""
        self.inputs, self.told, self.sizes, self.all_have_records = manifest.InputsHash(), [], [], True
        lines = inputs.plan_lines(self._request.plan.photos, self._tell, self._request.root)
        for run in self.runs:
            members = tuple(islice(lines, run.stop - run.start))
            self.inputs.add(members)
            self.told.append(digest(members))
            self.sizes.append(bytes_of(members))
            self.all_have_records &= all(line.listed for line in members)
            yield members

    def named(self, folder: BuildFolder) -> SpecMaker:
        """Those who know the photos, where the plan that stands has just been held against all of these, or written from them."""
        if self.all_have_records:
            return NamedSpecs(StoredPlan(folder, self._request.root), self.told, self.sizes)
        photos = self._request.plan.photos
        return HeldSpecs(photos, list(inputs.plan_lines(photos, self._tell)))


def _begin(folder: BuildFolder, request: BuildRequest, shards: _Shards) -> bool:
    """Record a build; False where another one has begun meanwhile."""
    configuration = request.resolved.configuration

    def facts() -> dict[str, Any]:
        return {
            "configuration": configuration.model_dump(mode="json"),
            "recipe": request.resolved.recipe,
            "inputs": shards.inputs.hexdigest(),
            "versions": versions_of(configuration),
            "source": request.origin,
            "notes": list(request.plan.notes),
            "left_out": [str(left_out) for left_out in request.plan.left_out],
        }

    try:
        folder.write_start(shards, facts)
    except FileExistsError:
        return False
    return True


def _gone_on(folder: BuildFolder, request: BuildRequest, shards: _Shards, tell: inputs.TellNumber) -> SpecMaker:
    """Those who know the photos of the build in the folder; ConfigurationError where it is not this one."""
    stored = folder.start()
    settings, versions = _setting_changes(stored, request.resolved)
    if _is_the_same(folder, shards):
        _refuse(folder, settings, versions)
        return shards.named(folder)
    photos, limits = request.plan.photos, request.resolved.configuration.limits
    lines = list(inputs.plan_lines(photos, tell))
    before = folder.plan() if folder.is_planned() else []
    if manifest.inputs_hash(before) != stored["inputs"] == manifest.inputs_hash(lines):  # stopped before its plan stood
        _refuse(folder, settings, versions)
        folder.write_plan(shards)
        return shards.named(folder)
    if any(line.sha256 is not None for line in before):
        _refuse(folder, settings, versions)
        lines = list(inputs.hashed(photos, lines, limits, tell))
    _refuse(folder, settings + inputs.changes_of(before, lines), versions)
    if touched := inputs.touched(photos, before, lines):
        rewritten = inputs.rewritten(folder, touched, limits, tell)
        _refuse(folder, inputs.changes_of(before, lines, rewritten), versions)
    return HeldSpecs(photos, lines)


def _is_the_same(folder: BuildFolder, shards: _Shards) -> bool:
    """Whether the plan that is stored says just what the source does now, times and all."""
    if not folder.is_planned():
        return False
    pairs = zip_longest(folder.plan_by_shards(), shards)
    return all(before == now for before, now in pairs)


def _setting_changes(stored: dict[str, Any], resolved: Resolved) -> tuple[list[str], bool]:
    """What is set otherwise than then, and whether versions are among that."""
    before = BuildConfiguration.recorded(stored["configuration"])
    settings = before.differences(resolved.configuration, stored["recipe"] == resolved.recipe)
    versions = version_changes(stored["versions"], resolved.configuration)
    return settings + versions, bool(versions)


def _refuse(folder: BuildFolder, changes: list[str], versions: bool) -> None:
    if changes:
        raise ConfigurationError(
            f"{folder} holds a build of something else. Changed since:\n  "
            + "\n  ".join(changes)
            + (f"\n{_EXTEND}" if [change for change in changes if change.startswith("photos added")] == changes else "")
            + ("\nIt goes on with the versions that it was begun with: install those" if versions else "\nUndo that")
            + ", build into another folder, or pass --overwrite to start anew."
        )
