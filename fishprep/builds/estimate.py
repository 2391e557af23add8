"""What a build will cost: a few photos are taken all the way, in memory, and the rest is arithmetic."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.networks import LoadedNetworks, WeightsFrom, load_networks
from fishprep.builds.plan import Plan, ShardSpec
from fishprep.common.errors import BuildError
from fishprep.common.steps import Steps
from fishprep.engines import create_engine
from fishprep.engines.base import Done, Engine
from fishprep.faces.outcome import HRFace
from fishprep.shards.schema import HR_SIZE, SIZES, ShardName

SAMPLE_BYTES = sum(size * size * (3 + 1) for size in SIZES) + 68 * 2 * 4 + 4 * 4
"""Bytes of a sample in a shard, without its id."""


@dataclass(frozen=True)
class Estimate:
    """From `tried` photos: faces kept a photo, seconds a photo in one process, bytes of all shards, seconds of the whole
    build with the workers asked for, and what became of the photos that were dropped."""

    tried: int
    kept_per_photo: float
    seconds_per_photo: float
    shard_bytes: int
    build_seconds: float
    dropped: dict[str, int]


@dataclass(frozen=True)
class _Tried:
    """What came of the photos that were tried: seconds of all, faces kept, problems by status."""

    seconds: float
    kept: int
    dropped: dict[str, int]


@dataclass(frozen=True)
class _TrierFactory:
    """Makes a `_Trier` in a worker process."""

    configuration: BuildConfiguration
    weights: WeightsFrom

    def __call__(self) -> "_Trier":
        loaded = load_networks(self.configuration, self.weights)
        loaded.prove()
        return _Trier(loaded)


@dataclass(frozen=True, eq=False)
class _Trier:
    """Takes photos all the way, in memory."""

    loaded: LoadedNetworks

    def __call__(self, spec: ShardSpec, tell: Callable[[object], None]) -> _Tried:
        steps = Steps(tell)
        start = time.perf_counter()
        outcomes = list(self.loaded.pipeline.faces(spec.photos, steps, spec.alone))
        faces = [face for outcome in outcomes for face in outcome.kept]
        with steps.at("parse", *(outcome.photo.id for outcome in outcomes if outcome.kept)):
            self._parse(faces)
        problems = (str(problem.status) for outcome in outcomes for problem in outcome.dropped)
        return _Tried(time.perf_counter() - start, len(faces), dict(Counter(problems)))

    def _parse(self, faces: list[HRFace]) -> None:
        if faces:
            images, landmarks = np.stack([face.image for face in faces]), np.stack([face.landmarks for face in faces])
            self.loaded.parser.parse(images, landmarks)


def estimate(
    plan: Plan,
    configuration: BuildConfiguration,
    weights: WeightsFrom,
    workers: int,
    tries: int = 24,
    engine: Engine | None = None,
) -> Estimate:
    """Try photos spread evenly over the plan, in a process of their own: they may be the ones that a build would not survive. The
    plan must hold at least one. BuildError where the process cannot work."""
    chosen = np.unique(np.linspace(0, len(plan.photos) - 1, tries).round().astype(int))
    spec = ShardSpec(ShardName("train", 0), tuple(plan.photos[index] for index in chosen))
    factory = _TrierFactory(configuration, weights)
    (event,) = (engine or create_engine()).run(factory, [spec], 1, seconds=configuration.max_seconds)
    if not isinstance(event, Done):
        raise BuildError(f"the photos could not be tried: {event.reason}")
    tried: _Tried = event.result
    seconds, kept = tried.seconds / len(chosen), tried.kept / len(chosen)
    classes = HR_SIZE**2 if configuration.keep_classes else 0
    return Estimate(
        tried=len(chosen),
        kept_per_photo=kept,
        seconds_per_photo=seconds,
        shard_bytes=round(len(plan.photos) * kept * (SAMPLE_BYTES + classes)),
        build_seconds=seconds * len(plan.photos) / workers,
        dropped=tried.dropped,
    )
