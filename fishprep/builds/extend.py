"""Photos that came to a source later, or of a second source: further shards of a finished build, beside those that stand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fishprep.builds import algorithms
from fishprep.builds.addition import Addition, Listed, addition, by_path
from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.builder import BuilderFactory
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.dealt import Dealt, company_of, deal_by_draw, deal_by_file, deal_by_source, refuse_undealt
from fishprep.builds.expected import missing, plan_of, taken_names
from fishprep.builds.extension import Extension, extension_facts, record, taken_up
from fishprep.builds.manifest import Totals, totals_of
from fishprep.builds.origins import origins, photos_of_others
from fishprep.builds.output import remove_leftovers, writing
from fishprep.builds.pending import refuse_unfinished_build, remove_pending, unfinished, unfinished_extension
from fishprep.builds.plan import as_read, look_at_places, refuse_shared
from fishprep.builds.request import ExtendRequest
from fishprep.builds.resolved import Resolved, resolve
from fishprep.builds.run import Crew, Finished, finish, run_specs
from fishprep.builds.shares import Shares
from fishprep.builds.splits import is_file_rule
from fishprep.common.errors import ConfigurationError
from fishprep.common.progress import Progress, TellCount, TellProgress
from fishprep.common.words import same_command
from fishprep.engines.base import Engine
from fishprep.faces.photo import Photo
from fishprep.shards.versions import differences


@dataclass(frozen=True)
class Hearing:
    """Who hears what of an extension: that it begins, with how many photos; how it goes on; how many of how many were compared."""

    begin: Callable[[int], None]
    progress: TellProgress
    compared: TellCount


@dataclass(frozen=True)
class Extended:
    """What came of it. finished: None where there was nothing to add. totals: of the whole build.

    added: new photos of each split; facts: what was recorded, gone and changed photos among it. later: how many photos came to the
    source after the extension began that was gone on with.
    """

    finished: Finished | None
    totals: Totals
    added: dict[str, int]
    facts: dict[str, Any]
    already: int
    later: int = 0


def extend(request: ExtendRequest, workers: int, hear: Hearing, engine: Engine, overwrite: bool = False) -> Extended:
    """Write further shards for the photos that a finished build has not, and the manifest anew.

    One that was stopped halfway is gone on with where it is the same; with `overwrite` it is removed first. Raises
    ConfigurationError where another one was stopped, the weights or the recipe are not the build's, new photos have no place in its
    split or another one's name; BuildError where the build is not finished, or its folder cannot be written.
    """
    folder = request.build
    with writing(folder):
        folder.manifest()
        refuse_unfinished_build(folder, "the extension")
        if (stopped := unfinished(folder)) is not None:
            raise ConfigurationError(f"{stopped.told(folder)} Then extend.")
        configuration = BuildConfiguration.recorded(folder.start()["configuration"])
        refuse_undealt(folder, configuration, request.split)
        resolved = _resolve(request, configuration)
        pending = unfinished_extension(folder)
        if overwrite and pending is not None:
            remove_pending(folder, pending)
            pending = None
        photos = list(as_read(request.listing.photos, configuration.landmarks))
        look_at_places(photos)
        extension = None if pending is None else taken_up(request, resolved, pending, photos)
        found = addition(folder, _listed(request, photos), configuration.limits)
        later = len(found.new)
        if extension is None:
            dealt = _deal(request, configuration, found, hear.compared, workers)
            facts, later = extension_facts(request, resolved, found, dealt), 0
            if not dealt.photos:
                return Extended(None, totals_of(folder.manifest()), {}, facts, found.already)
            extension = record(request, resolved, dealt.photos, facts)
        hear.begin(extension.specs.photo_count)
        finished = _run(request, extension, Crew(engine, workers, hear.progress), overwrite)
        return Extended(finished, finished.totals, extension.counts, extension.facts, found.already, later)


def _run(request: ExtendRequest, extension: Extension, crew: Crew, overwrite: bool) -> Finished:
    """Build what is not there yet."""
    folder, facts = request.build, extension.facts
    remove_leftovers(folder, taken_names(folder))  # an extension that is refused removes nothing
    lacking = set(missing(folder, extension.specs.names))
    todo = extension.specs.only([name in lacking for name in extension.specs.names])
    crew.tell(Progress(photos=extension.specs.photo_count - todo.photo_count))
    configuration = BuildConfiguration.recorded(facts["configuration"])
    attributes = BuildAttributes(configuration, facts["recipe"], facts["inputs"], facts["versions"])
    source = str(request.origin.facts["root"])
    factory = BuilderFactory(folder, attributes, request.weights, folder.identity(), source)
    again = same_command(overwrite)
    run = run_specs(factory, todo, crew, again)
    return finish(folder, run, len(extension.specs) - len(todo), again)


def _resolve(request: ExtendRequest, configuration: BuildConfiguration) -> Resolved:
    folder = request.build
    start = folder.start()
    resolved = resolve(configuration.model_copy(update={"weights": {}}), request.weights)
    changes = differences(start["versions"], algorithms.in_recipe(configuration))
    changes += configuration.differences(resolved.configuration)
    if not changes and resolved.recipe != start["recipe"]:
        changes = [f"recipe: {start['recipe'][:12]}... → {resolved.recipe[:12]}..."]
    if changes:
        raise ConfigurationError(
            f"{folder}: further shards must be made as those that stand, and these would not be:\n  "
            + "\n  ".join(changes)
            + "\nGive the weights and use the release that it was built with, or build the new photos into a folder of their own."
        )
    return resolved


def _listed(request: ExtendRequest, photos: Sequence[Photo]) -> Listed:
    folder = request.build
    own, *extended = origins(folder)
    is_own = request.origin.place == own.place
    mine, others = (folder.plan(), []) if is_own else ([], folder.plan())
    for origin in extended:
        lines = folder.plan(origin.file)
        (mine if origin.place == request.origin.place else others).extend(lines)
    return Listed(photos, by_path(mine), others, str(request.origin.facts["root"]), is_own)


def _deal(
    request: ExtendRequest, configuration: BuildConfiguration, found: Addition, compared: TellCount, workers: int
) -> Dealt:
    if not found.new:
        return Dealt((), ())
    if Shares.of(configuration.split):
        others, unopened = _of_other_sources(request)
        company = company_of(request.build, [*found.known, *others])
        dealt = deal_by_draw(found.new, company, configuration, compared, workers)
        return replace(dealt, notes=(*dealt.notes, *unopened))
    if is_file_rule(configuration.split) or request.split is not None:
        path = request.split or Path(str(request.build.start()["source"].get("split", "")))
        dealt = deal_by_file(found.new, plan_of(request.build).values(), path)
    else:
        dealt = deal_by_source(found.new)
    refuse_shared((*found.known, *dealt.photos))
    return dealt


def _of_other_sources(request: ExtendRequest) -> tuple[list[Photo], list[str]]:
    """Photos of the build that came from other sources than this one, as far as these are here; and what is to be said of those
    that are not."""
    folder = request.build
    lines = by_path(plan_of(folder).values())
    photos, unopened = photos_of_others(request.origin, origins(folder), request.folder)
    known = ((photo, lines[photo.relative]) for photo in photos if photo.relative in lines)
    found = {line.id: replace(photo, id=line.id, split=line.split) for photo, line in known}
    return list(found.values()), [f"a source of the build is not here: {reason}" for reason in unopened]
