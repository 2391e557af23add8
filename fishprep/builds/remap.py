"""From a finished build to another one with other maps of the same faces; the photos are not needed."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.expected import missing, names_to_remove, planned_names, recorded_names, taken_names
from fishprep.builds.facemasks import FaceMasks
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.networks import WeightsFrom, load_parser
from fishprep.builds.output import check_free, remove_build, remove_leftovers, writing
from fishprep.builds.pending import unfinished, unfinished_extension
from fishprep.builds.remapped import REMAPPED, MapSettings, Origin, RemappedRecords
from fishprep.builds.remapper import RemapperFactory, RemapSpec
from fishprep.builds.run import Crew, Finished, finish, run_specs
from fishprep.common.device import resolve_device
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.progress import Progress, TellProgress
from fishprep.common.status import Status
from fishprep.common.threads import threads
from fishprep.common.words import counted, same_command
from fishprep.engines import create_engine
from fishprep.engines.base import Engine
from fishprep.faces.crop import UNCROPPED
from fishprep.parsing import PARSERS, named
from fishprep.parsing.base import DEFAULT_PARSER, FaceParser
from fishprep.parsing.given import GivenMaps
from fishprep.shards.schema import ShardName
from fishprep.storage.base import Storage


@dataclass(frozen=True)
class RemapRequest:
    """What to remap, where to, and how. masks: a folder with the mask of each face, where maps are given; with `follow_links` those
    too that are links out of it."""

    build: Path | Storage
    folder: Path | Storage
    maps: MapSettings
    weights: WeightsFrom
    masks: Path | None = None
    follow_links: bool = False


def remap(
    request: RemapRequest, workers: int, tell: TellProgress, overwrite: bool = False, engine: Engine | None = None
) -> Finished:
    """Write the build in `request.build` anew into `request.folder`, with other maps, and its manifest.

    A remap that was stopped goes on where it is the same; with `overwrite` what is there is removed first. Raises ConfigurationError
    where the folder holds another build, or the settings do not go together, SourceError where masks are missing or unfit, both
    before anything is written; BuildError where the build is not whole, or the folder cannot be written.
    """
    old, folder = _apart(request)
    check_free(folder, overwrite)
    origin = _whole(old)
    maps = replace(request.maps, parser=named(request.maps.parser, request.weights.parser))
    parser = _parser(maps.over(origin.configuration), request.weights)
    masks = _masks(request, origin, parser)
    digests = _digests(masks, origin, parser, tell)
    told = None if masks is None else {"folder": str(masks.folder.resolve()), "shards": digests}
    records = RemappedRecords.of(origin, maps, parser, told)
    job = _Remap(folder, origin, records, request.weights, masks, digests, same_command(overwrite))
    with writing(folder):
        if overwrite:
            remove_build(folder, names_to_remove(folder))
        job.begin()
        return job.run(Crew(engine or create_engine(), workers, tell))


@dataclass(frozen=True)
class _Remap:
    """A remap that has been looked through, before anything is written. digests: of each shard's masks; again: the command that
    goes on."""

    folder: BuildFolder
    origin: Origin
    records: RemappedRecords
    weights: WeightsFrom
    masks: FaceMasks | None
    digests: Mapping[str, str]
    again: str

    def begin(self) -> None:
        """Record the new build, or see that what is there is this one."""
        folder = self.folder
        if not folder.is_started():
            with suppress(FileExistsError):  # another one has begun meanwhile: the same, perhaps
                folder.write_start(self._plan(), lambda: self.records.start)
        start = folder.start()
        if REMAPPED not in start:
            raise ConfigurationError(
                f"{folder} holds a build that is no remap: choose another folder, or --overwrite to remove it"
            )
        if changes := self.records.differences(start):
            raise ConfigurationError(
                f"{folder} holds a remap of something else. Changed since:\n  "
                + "\n  ".join(changes)
                + "\nUndo that, remap into another folder, or pass --overwrite to start anew."
            )
        if not folder.is_planned():  # stopped before its plan stood
            folder.write_plan(self._plan())
        for name, record in self.records.extensions.items():
            with suppress(FileExistsError):  # of this remap, which was stopped
                folder.add_extension(self.origin.folder.plan_by_shards(name), record, name)
        for name, record in self.records.retries.items():
            folder.write_retry(name, record)
        remove_leftovers(folder, taken_names(folder))

    def run(self, crew: Crew) -> Finished:
        """Every shard that is not there yet, then the manifest."""
        shards, attributes = self.origin.shards, self.records.attributes()
        lacking = set(missing(self.folder, shards))
        todo = [
            RemapSpec(name, attributes.get(name, attributes[None]), self.digests.get(str(name), ""))
            for name in shards
            if name in lacking
        ]
        crew.tell(Progress(photos=sum(record.samples for name, record in shards.items() if name not in lacking)))
        run = run_specs(self._factory(attributes[None].configuration), todo, crew, self.again)
        return finish(self.folder, run, len(shards) - len(todo), self.again)

    def _plan(self) -> Iterator[tuple[PlannedPhoto, ...]]:
        return self.origin.folder.plan_by_shards()

    def _factory(self, configuration: BuildConfiguration) -> RemapperFactory:
        identity = self.folder.identity()
        return RemapperFactory(self.origin.folder, self.folder, configuration, self.weights, self.masks, identity)


def _apart(request: RemapRequest) -> tuple[BuildFolder, BuildFolder]:
    """The two builds; ConfigurationError where they are one."""
    old, folder = BuildFolder.at(request.build), BuildFolder.at(request.folder)
    one, other = (
        place.resolve() if isinstance(place, Path) else str(place) for place in (request.build, request.folder)
    )
    if one == other:
        raise ConfigurationError(
            f"{folder}: a build is not remapped in its own place; give another folder for the new one"
        )
    return old, folder


def _whole(folder: BuildFolder) -> Origin:
    """A build that is finished, with all of its shards. BuildError where it is not."""
    folder.start()
    folder.manifest()
    if pending := unfinished(folder) or unfinished_extension(folder):
        raise BuildError(pending.told(folder))
    origin = Origin.of(folder)
    later = (*origin.extensions.values(), *origin.retries.values())
    if lost := missing(folder, [*planned_names(folder), *(name for facts in later for name in recorded_names(facts))]):
        raise BuildError(
            f"{folder}: {counted(len(lost), 'shard')} not there, the first {lost[0].file}: maps are made of what shards hold; bring "
            "them back, or run its `fishprep build` again"
        )
    if not origin.faces:
        raise BuildError(f"{folder}: holds no faces, so there is nothing to map")
    return origin


def _parser(configuration: BuildConfiguration, weights: WeightsFrom) -> FaceParser:
    """Loaded once, on the CPU, to know that it is there and what it is."""
    resolve_device(configuration.device)
    if configuration.keep_classes and configuration.parser in PARSERS and not PARSERS[configuration.parser].has_classes:
        raise ConfigurationError(
            f"--keep-classes: {configuration.parser} knows only skin, no classes; --no-keep-classes leaves out those that the build "
            f"has, --parser {DEFAULT_PARSER} makes them"
        )
    with threads(configuration.threads, opencv=True):
        return load_parser(configuration.model_copy(update={"device": "cpu"}), weights)


def _masks(request: RemapRequest, origin: Origin, parser: FaceParser) -> FaceMasks | None:
    if request.masks is None:
        return None
    assert isinstance(parser, GivenMaps), "masks are read by what stands in a parser's place"
    return FaceMasks(request.masks, request.follow_links, origin.configuration.crop == UNCROPPED)


def _digests(masks: FaceMasks | None, origin: Origin, parser: FaceParser, tell: TellProgress) -> dict[str, str]:
    """Of each shard's masks, all of which are looked at."""
    if masks is None or not isinstance(parser, GivenMaps):
        return {}
    faces: dict[ShardName, list[str]] = {}
    for name, record in origin.shards.items():
        if record.samples:
            rows = origin.folder.rows(name, ["id", "status"])
            pairs = zip(rows["id"].to_pylist(), rows["status"].to_pylist(), strict=True)
            faces[name] = [face for face, status in pairs if status == Status.OK]
    return masks.digests(parser, faces, lambda number: tell(Progress(looked_at=number)))
