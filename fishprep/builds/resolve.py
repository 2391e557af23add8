"""Configuration → the pipeline that it describes, and the hashes of all weights in it."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from fishprep import __version__
from fishprep.builds import algorithms
from fishprep.builds.configuration import BuildConfiguration, recipe_hash
from fishprep.common.device import check_device
from fishprep.common.errors import ConfigurationError
from fishprep.common.opencv import cv2
from fishprep.faces.pipeline import FacePipeline
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.parsing.base import OWN, FaceParser
from fishprep.parsing.factory import ParserRequest, create_parser, named
from fishprep.shards.versions import differences
from fishprep.weights import WeightStore

PRODUCER = f"fishprep {__version__}"
_LIBRARIES = ("torch", "numpy", "pillow", "opencv-python", "h5py", "dlib-bin", "face-alignment", "facexlib")
_STAND_INS = {
    "opencv-python": ("opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
}
"""Distributions of the same code, which are recorded under the declared one's name."""


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
    configuration = configuration.model_copy(update={"parser": named(configuration.parser, weights.parser)})
    pipeline = make_pipeline(configuration.model_copy(update={"device": "cpu"}), weights)
    parser, backend = pipeline.parser, pipeline.backend
    if configuration.keep_classes and configuration.parser == "landmark-skin":
        raise ConfigurationError(
            f"--keep-classes: the parser landmark-skin knows only skin, no classes; use --parser {OWN}"
        )
    known = configuration.model_copy(update={"weights": dict(sorted({**backend.weights, **parser.weights}.items()))})
    return Resolved(known, recipe_hash(known, parser.settings, parser.weights, algorithms.in_recipe(known)))


def versions_of(configuration: BuildConfiguration) -> dict[str, str]:
    """Versions of all that decides what a build makes of its photos: libraries, and the project's own algorithms."""
    return library_versions() | algorithms.versions(configuration)


def version_changes(before: dict[str, str], configuration: BuildConfiguration) -> list[str]:
    """`name: before → now` for every library and algorithm of another version than a build recorded."""
    libraries = [
        f"{name}: {old} → {new}" for name, new in library_versions().items() if (old := before.get(name)) != new
    ]
    return libraries + differences(before, algorithms.versions(configuration))


def library_versions() -> dict[str, str]:
    """Versions of the libraries whose release can change a pixel or a point."""
    return {name: found for name in _LIBRARIES if (found := _version(name))}


def _version(distribution: str) -> str | None:
    for name in (distribution, *_STAND_INS.get(distribution, ())):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def _backend(configuration: BuildConfiguration, weights: WeightsFrom):  # type: ignore[no-untyped-def]
    request = LandmarkRequest(
        name=configuration.landmarks, thorough=configuration.thorough, device=configuration.device
    )
    return create_backend(request, WeightStore.from_environment(weights.folder))
