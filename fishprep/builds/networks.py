"""Configuration → all that it names, loaded: the way of photos to faces, and the parser of those.

Torch takes seconds to load: it is loaded with what computes with it, and not by whoever only looks at a build.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.opencv import cv2
from fishprep.common.weights import WeightStore
from fishprep.faces.pipeline import FacePipeline
from fishprep.landmarks import create_backend
from fishprep.landmarks.base import LandmarkBackend
from fishprep.parsing import create_parser
from fishprep.parsing.base import FaceParser, ParserRequest, Precision
from fishprep.parsing.given import GivenMaps
from fishprep.shards.schema import HR_SIZE

DECODERS = 4
"""Threads that decode beside a GPU, which is faster than one of them; a worker on the CPU has one beside it."""


@dataclass(frozen=True)
class WeightsFrom:
    """Where weight files come from: a folder instead of the cache, a file for the parser."""

    folder: Path | None = None
    parser: Path | None = None


@dataclass(frozen=True, eq=False)
class LoadedNetworks:
    """The networks of a configuration: what makes faces of photos, and what makes maps of faces."""

    pipeline: FacePipeline
    parser: FaceParser

    def prove(self) -> None:
        """Run the networks once: a device that cannot is found out here, and not by every photo."""
        self.pipeline.prove()
        prove_parser(self.parser)


def prove_parser(parser: FaceParser) -> None:
    """Parse a face that is none."""
    faces = 0 if isinstance(parser, GivenMaps) else 1
    parser.parse(np.zeros((faces, HR_SIZE, HR_SIZE, 3), np.uint8), np.zeros((faces, 68, 2), np.float32))


def load_networks(configuration: BuildConfiguration, weights: WeightsFrom) -> LoadedNetworks:
    """Load everything that a configuration names; the process computes with the configuration's threads from here on.

    WeightsError and ConfigurationError say what is missing and what to type.
    """
    configuration = _on_own_device(configuration)
    decoders = 1 if configuration.device == "cpu" else DECODERS
    cv2.setNumThreads(configuration.threads)
    pipeline = FacePipeline(configuration.face_settings, _backend(configuration, weights), decoders)
    loaded = LoadedNetworks(pipeline, make_parser(configuration, weights))
    if configuration.resizer == "torch-bicubic":
        import torch  # noqa: F401 (which it computes with)
    _hold_torch_to(configuration.threads)
    return loaded


def load_parser(configuration: BuildConfiguration, weights: WeightsFrom) -> FaceParser:
    """As `load_networks`, where the faces are there already."""
    configuration = _on_own_device(configuration)
    cv2.setNumThreads(configuration.threads)
    parser = make_parser(configuration, weights)
    _hold_torch_to(configuration.threads)
    return parser


def _on_own_device(configuration: BuildConfiguration) -> BuildConfiguration:
    """With the GPU that is this worker's turn."""
    if configuration.device == "cpu":
        return configuration
    from fishprep.common.device import own_device, resolve_device

    resolve_device(configuration.device)
    return configuration.model_copy(update={"device": own_device(configuration.device)})


def _hold_torch_to(threads: int) -> None:
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)


def make_parser(configuration: BuildConfiguration, weights: WeightsFrom) -> FaceParser:
    """The parser of a configuration."""
    request = ParserRequest(
        name=configuration.parser,
        size=configuration.parser_size,
        skin_classes=configuration.skin_classes,
        device=configuration.device,
        precision=None if configuration.parser_precision is None else Precision(configuration.parser_precision),
        file=weights.parser,
    )
    return create_parser(request, WeightStore.from_environment(weights.folder))


def _backend(configuration: BuildConfiguration, weights: WeightsFrom) -> LandmarkBackend:
    return create_backend(configuration.landmark_request, WeightStore.from_environment(weights.folder))
