"""Configuration → the pipeline that it describes, its networks loaded."""

from dataclasses import dataclass
from pathlib import Path

import torch

from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.device import resolve_device
from fishprep.common.opencv import cv2
from fishprep.common.weights import WeightStore
from fishprep.faces.pipeline import FacePipeline
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.parsing.base import FaceParser
from fishprep.parsing.factory import ParserRequest, create_parser


@dataclass(frozen=True)
class WeightsFrom:
    """Where weight files come from: a folder instead of the cache, a file for the parser."""

    folder: Path | None = None
    parser: Path | None = None


def make_pipeline(configuration: BuildConfiguration, weights: WeightsFrom) -> FacePipeline:
    """Load everything that a configuration names; the process computes with the configuration's threads from here on.

    WeightsError and ConfigurationError say what is missing and what to type.
    """
    resolve_device(configuration.device)
    torch.set_num_threads(configuration.threads)
    cv2.setNumThreads(configuration.threads)
    return FacePipeline(configuration, _backend(configuration, weights), make_parser(configuration, weights))


def make_parser(configuration: BuildConfiguration, weights: WeightsFrom) -> FaceParser:
    """The parser of a configuration."""
    request = ParserRequest(
        name=configuration.parser,
        size=configuration.parser_size,
        skin_classes=configuration.skin_classes,
        device=configuration.device,
        file=weights.parser,
    )
    return create_parser(request, WeightStore.from_environment(weights.folder))


def _backend(configuration: BuildConfiguration, weights: WeightsFrom):  # type: ignore[no-untyped-def]
    request = LandmarkRequest(
        name=configuration.landmarks, thorough=configuration.thorough, device=configuration.device
    )
    return create_backend(request, WeightStore.from_environment(weights.folder))
