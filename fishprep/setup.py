"""Configuration → the pipeline that it describes, and the hashes of all weights in it."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import torch

from fishprep import __version__
from fishprep.configuration import BuildConfiguration, recipe_hash
from fishprep.errors import ConfigurationError
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.parsing.base import FaceParser
from fishprep.parsing.factory import ParserRequest, create_parser
from fishprep.pipeline import FacePipeline
from fishprep.weights import WeightStore
from fishprep.words import counted

PRODUCER = f"fishprep {__version__}"
_LIBRARIES = ("torch", "numpy", "pillow", "opencv-python", "h5py", "dlib-bin", "face-alignment", "facexlib")


@dataclass(frozen=True)
class WeightsFrom:
    """Where weight files come from: a folder instead of the cache, a file for the parser."""

    folder: Path | None = None
    parser: Path | None = None


def make_pipeline(configuration: BuildConfiguration, weights: WeightsFrom) -> FacePipeline:
    """Load everything that a configuration names. WeightsError and ConfigurationError say what is missing and what to type."""
    check_device(configuration.device)
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


@dataclass(frozen=True)
class Resolved:
    """A configuration with the hashes of its weights, its recipe, and the versions of what runs it."""

    configuration: BuildConfiguration
    recipe: str


def resolve(configuration: BuildConfiguration, weights: WeightsFrom) -> Resolved:
    """Load everything once, on the CPU, to know that it is there and what it is."""
    check_device(configuration.device)
    pipeline = make_pipeline(configuration.model_copy(update={"device": "cpu"}), weights)
    parser, backend = pipeline.parser, pipeline.backend
    if configuration.keep_classes and configuration.parser == "landmark-skin":
        raise ConfigurationError(
            "--keep-classes: the parser landmark-skin knows only skin, no classes; use --parser bisenet"
        )
    known = configuration.model_copy(update={"weights": dict(sorted({**backend.weights, **parser.weights}.items()))})
    return Resolved(known, recipe_hash(known, parser.settings, parser.weights))


def check_device(device: str) -> None:
    """ConfigurationError where a device is not `cpu` or a CUDA device that is here."""
    if device == "cpu":
        return
    kind, _, number = device.partition(":")
    if kind != "cuda" or not (number or "0").isdecimal():
        raise ConfigurationError(f"--device {device}: expected auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count()
    if int(number or 0) >= count:
        raise ConfigurationError(
            f"--device {device}: this machine has {counted(count, 'CUDA device')} that torch can use"
        )


def library_versions() -> dict[str, str]:
    """Versions of the libraries whose release can change a pixel or a point."""
    return {name: found for name in _LIBRARIES if (found := _version(name))}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _backend(configuration: BuildConfiguration, weights: WeightsFrom):  # type: ignore[no-untyped-def]
    request = LandmarkRequest(
        name=configuration.landmarks, thorough=configuration.thorough, device=configuration.device
    )
    return create_backend(request, WeightStore.from_environment(weights.folder))
