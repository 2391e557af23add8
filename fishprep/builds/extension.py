"""An extension as it is recorded before its first photo, and as it is taken up again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fishprep.builds import inputs, manifest
from fishprep.builds.addition import Addition
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.dealt import Dealt
from fishprep.builds.expected import free_numbers, recorded_names
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.pending import Pending
from fishprep.builds.plan import by_splits
from fishprep.builds.request import ExtendRequest
from fishprep.builds.resolved import Resolved
from fishprep.builds.shares import Shares
from fishprep.builds.specs import HeldSpecs, NamedSpecs, PlannedSpecs, Stretch, bytes_of, runs_of
from fishprep.builds.stored import StoredPlan, digest
from fishprep.builds.versions import version_changes, versions_of
from fishprep.common.errors import ConfigurationError
from fishprep.faces.photo import Photo
from fishprep.sources.layout import ALL_TRAIN


@dataclass(frozen=True)
class Extension:
    """A recorded extension: how many photos each split gets, what is recorded, and its specs."""

    counts: dict[str, int]
    facts: dict[str, Any]
    specs: PlannedSpecs


def extension_facts(request: ExtendRequest, resolved: Resolved, found: Addition, dealt: Dealt) -> dict[str, Any]:
    """What is recorded, but for what hangs on the photos themselves."""
    start = request.build.start()
    versions = version_changes(start["versions"], resolved.configuration)
    by_others = [f"made with other versions than the build: {'; '.join(versions)}"] if versions else []
    return {
        "configuration": resolved.configuration.model_dump(mode="json"),
        "recipe": resolved.recipe,
        "versions": versions_of(resolved.configuration),
        "source": dict(request.origin.facts) | ({"split": str(request.split.resolve())} if request.split else {}),
        "prefix": request.origin.prefix,
        "notes": [*_of_source(request, resolved), *dealt.notes, *by_others],
        "left_out": [str(left_out) for left_out in (*dealt.left_out, *request.listing.left_out)],
        "gone": list(found.gone),
        "changed": list(found.changed),
        "redescribed": list(found.redescribed),
    }


def _of_source(request: ExtendRequest, resolved: Resolved) -> list[str]:
    """What is to be said of a source: that all in it is to be trained on is not so where splits are drawn."""
    is_drawn = Shares.of(resolved.configuration.split) is not None
    return [note for note in request.listing.notes if not (is_drawn and note.startswith(ALL_TRAIN))]


def record(request: ExtendRequest, resolved: Resolved, photos: Sequence[Photo], facts: dict[str, Any]) -> Extension:
    """Decide on a new extension by `photos` with their splits, and store it, before anything is built."""
    folder = request.build
    ordered = by_splits(photos)
    lines = list(inputs.plan_lines(ordered, lambda number: None, request.root))
    counts = dict(Counter(line.split for line in lines))
    runs = runs_of(counts, resolved.configuration.shard_size, free_numbers(folder))
    facts = facts | {
        "inputs": manifest.inputs_hash(lines),
        "specs": [[run.name.split, run.name.number] for run in runs],
    }
    file = folder.add_extension([lines[run.start : run.stop] for run in runs], facts)
    return Extension(counts, facts, _named(request, file, runs, ordered, lines))


def taken_up(request: ExtendRequest, resolved: Resolved, pending: Pending, photos: Sequence[Photo]) -> Extension:
    """The extension that was stopped halfway; photos: what the source lists now, with stamps.

    ConfigurationError where this is another one, or what it was to be made of or with has changed.
    """
    folder, facts = request.build, pending.record
    if (facts["source"]["root"], facts.get("prefix", "")) != request.origin.place:
        raise ConfigurationError(pending.told(folder))
    before = [line for lines in folder.plan_by_shards(pending.file) for line in lines]
    here = {photo.relative: photo for photo in photos}
    ours = [replace(here[line.path], id=line.id, split=line.split) for line in before if line.path in here]
    now = list(inputs.plan_lines(ours, lambda number: None, request.root))
    changes = BuildConfiguration.recorded(facts["configuration"]).differences(resolved.configuration)
    changes += version_changes(facts["versions"], resolved.configuration) + inputs.changes_of(before, now)
    if not changes and (touched := inputs.touched(ours, before, now)):
        limits = resolved.configuration.limits
        rewritten = inputs.rewritten(folder, touched, limits, lambda number: None)
        changes = inputs.changes_of(before, now, rewritten)
    if changes:
        raise ConfigurationError(f"{pending.told(folder)} Changed since:\n  " + "\n  ".join(changes))
    first = {name.split: name.number for name in reversed(recorded_names(facts))}
    counts = dict(Counter(line.split for line in now))
    runs = runs_of(counts, resolved.configuration.shard_size, first)
    if now == before:
        return Extension(counts, facts, _named(request, pending.file, runs, ours, now))
    return Extension(counts, facts, PlannedSpecs(HeldSpecs(ours, now), runs))


def _named(
    request: ExtendRequest,
    file: str,
    runs: Sequence[Stretch],
    photos: Sequence[Photo],
    lines: Sequence[PlannedPhoto],
) -> PlannedSpecs:
    """Names for workers, who read their photos from the stored plan; the photos where it does not say all of them."""
    if not all(line.listed for line in lines):
        return PlannedSpecs(HeldSpecs(photos, lines), runs)
    groups = [lines[run.start : run.stop] for run in runs]
    plan = StoredPlan(request.build, request.root, file)
    return PlannedSpecs(NamedSpecs(plan, list(map(digest, groups)), list(map(bytes_of, groups))), runs)
