"""The project's own parsers, ready to run."""

from typing import TYPE_CHECKING

from fishprep.common.errors import ConfigurationError, WeightsError
from fishprep.common.weights import WeightStore, find
from fishprep.parsing.base import COMPACT, DEFAULT_PARSER, ParserRequest, Precision
from fishprep.parsing.given import GIVEN, GivenMaps
from fishprep.parsing.landmark_skin import LandmarkSkinParser
from fishprep.parsing.skin import SkinFusion
from fishprep.parsing.weights import RECORDS, name_of

if TYPE_CHECKING:
    from fishprep.parsing.network_parser import NetworkParser


def create_network(request: ParserRequest, store: WeightStore) -> "NetworkParser":
    """A network with recorded weights or those of a file. WeightsError where they are missing, damaged or unfit."""
    from fishprep.parsing.network_parser import NetworkParser, NetworkSettings  # which loads torch

    settings = NetworkSettings(
        size=request.size,
        device=request.device,
        precision=request.precision,
        batch=request.batch,
        fusion=SkinFusion.of(request.skin_classes),
    )
    if request.file is not None:
        return NetworkParser(settings, request.file, name_of(request.file))
    if request.name == COMPACT:
        raise WeightsError(
            f"--parser compact: weights of yours: --parser-weights FILE; the shipped ones are --parser {DEFAULT_PARSER}"
        )
    return NetworkParser(settings, store.locate(find(request.name, RECORDS)), request.name)


def create_given(request: ParserRequest) -> GivenMaps:
    """What stands in a parser's place where masks are given. ConfigurationError for settings that it does not have."""
    fusion = SkinFusion.of(request.skin_classes)
    if GIVEN[request.name] is None and fusion != SkinFusion():
        raise ConfigurationError(f"--skin-classes: masks of skin alone (--parser {request.name}) have no other classes")
    _refuse_settings_of_networks(request, "masks are given, and no parser runs")
    return GivenMaps(request.name, fusion)


def create_landmark_skin(request: ParserRequest) -> LandmarkSkinParser:
    """The parser without weights. ConfigurationError for settings that it does not have."""
    if SkinFusion.of(request.skin_classes) != SkinFusion():
        raise ConfigurationError(
            f"--skin-classes: the parser landmark-skin knows only skin; use --parser {DEFAULT_PARSER}"
        )
    _refuse_settings_of_networks(request, "the parser landmark-skin has none of them")
    return LandmarkSkinParser()


def _refuse_settings_of_networks(request: ParserRequest, why: str) -> None:
    if request.file is not None or request.size is not None or request.precision not in (None, Precision.FLOAT32):
        raise ConfigurationError(f"--parser-weights, --parser-size, --parser-precision: {why}")
