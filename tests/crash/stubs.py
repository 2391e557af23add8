"""Builds in a moment: photos are lines of JSON, and faces are made of them without any picture."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from here import Here
from small_build import points, skin

from fishprep.builds.builder import BuilderFactory, ShardBuilder
from fishprep.builds.networks import LoadedNetworks
from fishprep.common.status import Problem, Status
from fishprep.common.steps import Steps
from fishprep.faces.outcome import HRFace, Outcome
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.faces.settings import FaceSettings
from fishprep.faces.times import StageTimes
from fishprep.parsing.base import ParsedFaces
from fishprep.public.settings import BuildSettings

SETTINGS = {"landmarks": "annotation", "parser": "landmark-skin", "device": "cpu", "workers": 1, "shard_size": 2}
STUB = "stub"
SKIN = skin()


class StubPipeline:
    """As `FacePipeline`: a photo says how large its face is, and what colour."""

    def __init__(self, settings: FaceSettings) -> None:
        self.settings, self.times = settings, StageTimes()

    def prove(self) -> None:
        """Nothing to prove."""

    def faces(self, photos: Iterable[Photo], steps: Steps | None = None, alone: bool = False) -> Iterator[Outcome]:
        """The outcome of each."""
        return map(self._outcome, photos)

    def _outcome(self, photo: Photo) -> Outcome:
        read = photo.place.read(self.settings.limits)
        data, sha256 = read.data, hashlib.sha256(read.data).hexdigest()
        planned = photo.planned or Fingerprint(None, "")
        if planned.sha256 not in (None, sha256) or (planned.stamp is not None and read.stamp.differs(planned.stamp)):
            return Outcome(photo, sha256, dropped=(Problem(Status.CHANGED, "changed"),))
        said = json.loads(data)
        if said["side"] < self.settings.min_side:
            return Outcome(photo, sha256, dropped=(Problem(Status.TOO_SMALL, "too small"),))
        image = np.full((128, 128, 3), said["shade"], np.uint8)
        box = (-0.5, -0.5, said["side"] - 0.5, said["side"] - 0.5)
        return Outcome(
            photo, sha256, said["side"], said["side"], (HRFace(image, points(), box, "annotation", 1.0, True),)
        )


class StubParser:
    """As `FaceParser`: the same map always."""

    name, settings, weights = "landmark-skin", dict[str, object](), dict[str, str]()

    def parse(self, images: np.ndarray, landmarks: np.ndarray) -> ParsedFaces:
        """(N, 128, 128)."""
        return ParsedFaces(np.repeat(SKIN[None], len(images), axis=0), None)


class StubEngine(Here):
    """As `Here`, with work that needs no networks."""

    def run(self, make_work: Callable[[], Any], specs: Any, workers: int, *rest: Any, **named: Any) -> Iterator[Any]:
        """As `Engine.run`."""
        assert isinstance(make_work, BuilderFactory)

        def work() -> ShardBuilder:
            attributes = make_work.attributes
            loaded = LoadedNetworks(StubPipeline(attributes.configuration.face_settings), StubParser())  # type: ignore[arg-type]
            return ShardBuilder(make_work.folder, attributes, loaded)

        return super().run(work, specs, workers, *rest, **named)


def settings(split: Path, min_side: int = 100, **others: Any) -> BuildSettings:
    """Of a stub's build."""
    return BuildSettings(**SETTINGS | {"split": str(split), "min_side": min_side} | others)  # type: ignore[arg-type]
