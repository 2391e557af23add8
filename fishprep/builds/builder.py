"""One spec → one shard and its rows: what a worker does."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Self

import numpy as np

from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.fit import refuse_other_drives, refuse_other_software, refuse_other_weights
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Row, ShardRecord, rows_table
from fishprep.builds.networks import LoadedNetworks, WeightsFrom, load_networks
from fishprep.builds.plan import ShardSpec
from fishprep.builds.rows import face_ids, rows_of
from fishprep.builds.specs import AnySpec
from fishprep.builds.storing import ShardStore
from fishprep.builds.versions import PRODUCER
from fishprep.common.errors import SourceError
from fishprep.common.progress import Progress
from fishprep.common.status import Problem, Status
from fishprep.common.steps import Steps
from fishprep.faces.outcome import HRFace, Outcome
from fishprep.faces.pyramid import lr_pyramid
from fishprep.parsing.base import ParsedFaces, joined_maps
from fishprep.parsing.given import GivenMaps
from fishprep.parsing.skin import skin_pyramid
from fishprep.shards.schema import HR_SIZE, LR_SIZES
from fishprep.shards.writer import Samples

NEWS_EVERY = 64
"""Photos that are parsed together and told of together; the map of a face does not depend on the others."""


@dataclass(frozen=True)
class ShardResult:
    """What came of a spec, with the seconds that each stage took."""

    record: ShardRecord
    seconds: dict[str, float]


@dataclass(frozen=True)
class BuilderFactory:
    """Makes a `ShardBuilder` in a worker process, on a machine that is fit for it; BuildError says why one is not."""

    folder: BuildFolder
    attributes: BuildAttributes
    weights: WeightsFrom
    begun: str | None = None
    """`BuildFolder.identity` of the build; nothing is stored once another one was begun in its place."""
    source: str = ""
    """Where the photos are now: a source may have been moved since the build began."""
    producer: str = PRODUCER

    @property
    def max_seconds(self) -> float:
        """Of a step, for each of its photos."""
        return self.attributes.configuration.max_seconds

    def shared(self) -> Self:
        """The same, where several write at the same time."""
        return replace(self, folder=self.folder.shared())

    def __call__(self) -> "ShardBuilder":
        refuse_other_software(self.attributes, self.producer)
        refuse_other_drives(self.source)
        loaded = load_networks(self.attributes.configuration, self.weights)
        refuse_other_weights(self.attributes, loaded)
        loaded.prove()
        return ShardBuilder(self.folder, self.attributes, loaded, self.begun)


class ShardBuilder:
    """Builds whole shards, one after another, in one process."""

    def __init__(
        self, folder: BuildFolder, attributes: BuildAttributes, loaded: LoadedNetworks, begun: str | None = None
    ) -> None:
        self.folder = folder
        self.begun = begun
        self.attributes = attributes
        self.configuration = attributes.configuration
        self.pipeline, self.parser = loaded.pipeline, loaded.parser

    def __call__(self, work: AnySpec, tell: Callable[[object], None]) -> ShardResult | None:
        """Write `SPLIT-NNNNN.h5` (unless nothing was kept) and then its rows; nothing at all for a trial.

        Tells of Progress and of Steps. OSError where the disk refuses; PartError where a photo makes something raise; BuildError
        where the plan, by which the spec is loaded, is not to be read.
        """
        spec = work.loaded()
        self.pipeline.times.seconds.clear()
        outcomes: list[Outcome] = []
        parsed: list[ParsedFaces] = []
        steps = Steps(tell)
        coming = self.pipeline.faces(spec.photos, steps, spec.alone)
        while group := list(islice(coming, 1 if spec.alone else NEWS_EVERY)):
            group = [self._with_given_map(outcome, steps) for outcome in group]
            maps = self._parse(group, steps)
            if not spec.is_trial:
                outcomes += group
                parsed.append(maps)
                tell(_news(group))
        return None if spec.is_trial else self._finish(spec, outcomes, joined_maps(parsed), steps)

    def _finish(self, spec: ShardSpec, outcomes: list[Outcome], parsed: ParsedFaces, steps: Steps) -> ShardResult:
        faces = [face for outcome in outcomes for face in outcome.kept]
        with self.pipeline.times.stage("pyramid"):
            samples = self._samples(spec, outcomes, faces, parsed)
        with self.pipeline.times.stage("measure"):
            rows = list(rows_of(spec, outcomes, parsed.skin, self.configuration, steps))
        with self.pipeline.times.stage("write"):
            record = self._write(spec, samples, rows)
        return ShardResult(record, dict(self.pipeline.times.seconds))

    def _with_given_map(self, outcome: Outcome, steps: Steps) -> Outcome:
        """The outcome with the map that its face brings, or the problem with that map; as it is where maps are made here."""
        file = outcome.photo.mask_file
        if not isinstance(self.parser, GivenMaps) or not outcome.kept:
            return outcome
        assert file is not None  # a photo without a mask is not opened
        with self.pipeline.times.stage("parse"), steps.at("parse", outcome.photo.id):
            try:
                given = self.parser.read(file)
            except SourceError as error:
                problem = Problem(Status.BAD_ANNOTATION, str(error).replace(str(file), file.name))
                return replace(outcome, kept=(), dropped=(problem,))
            return replace(outcome, kept=tuple(replace(face, given=given) for face in outcome.kept))

    def _parse(self, outcomes: list[Outcome], steps: Steps) -> ParsedFaces:
        faces = [face for outcome in outcomes for face in outcome.kept]
        images = _stack([face.image for face in faces], (HR_SIZE, HR_SIZE, 3), np.uint8)
        landmarks = _stack([face.landmarks for face in faces], (68, 2), np.float32)
        photos = [outcome.photo.id for outcome in outcomes if outcome.kept]
        with self.pipeline.times.stage("parse"), steps.at("parse", *photos):
            if isinstance(self.parser, GivenMaps):
                return self.parser.fused([face.given for face in faces if face.given is not None])
            return self.parser.parse(images, landmarks)

    def _samples(
        self, spec: ShardSpec, outcomes: list[Outcome], faces: list[HRFace], parsed: ParsedFaces
    ) -> Samples | None:
        if not faces:
            return None
        hr = np.stack([face.image for face in faces])
        return Samples(
            images={HR_SIZE: hr, **lr_pyramid(hr, self.configuration.resizer)},
            skin={HR_SIZE: parsed.skin, **skin_pyramid(parsed.skin, LR_SIZES, self.configuration.mask_resizer)},
            classes=parsed.classes if self.configuration.keep_classes else None,
            landmarks=np.stack([face.landmarks for face in faces]),
            boxes=np.array([face.box for face in faces], np.float32),
            ids=[name for outcome in outcomes for name in face_ids(outcome, self.configuration)],
            split=spec.name.split,
            angles=np.array([face.angle for face in faces], np.float32) if self.configuration.upright else None,
        )

    def _write(self, spec: ShardSpec, samples: Samples | None, rows: list[Row]) -> ShardRecord:
        return ShardStore(self.folder, self.begun).store(spec.name, rows_table(rows), samples, self.attributes.texts())


def _news(outcomes: list[Outcome]) -> Progress:
    return Progress(len(outcomes), sum(len(o.kept) for o in outcomes), sum(len(o.dropped) for o in outcomes))


def _stack(arrays: list[np.ndarray], shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return np.stack(arrays) if arrays else np.empty((0, *shape), dtype)
