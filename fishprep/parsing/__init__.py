"""Parsing maps of faces: one protocol, several parsers.

A further parser is one file beside the others and one entry in `PARSERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import ConfigurationError
from fishprep.common.weights import WeightStore
from fishprep.parsing.base import BISENET, COMPACT, DEFAULT_PARSER, TEACHER, FaceParser, ParserRequest
from fishprep.parsing.weights import name_of


@dataclass(frozen=True)
class ParserKind:
    """A parser.

    version: of the map that it makes of a face, its constants included: whoever changes one raises it. The weights of a network
    are told apart by their hash. create: loads it. has_classes: it makes the 19 classes, not skin alone. is_network: its weights
    may come from a file, whose bytes then say what the parser is called. is_given: the maps are those of `--masks`, and not made here.
    """

    version: int
    create: Callable[[ParserRequest, WeightStore], FaceParser]
    has_classes: bool = True
    is_network: bool = False
    is_given: bool = False


# The networks take seconds to load: only the parser asked for is imported.


def _network(request: ParserRequest, store: WeightStore) -> FaceParser:
    from fishprep.parsing.factory import create_network

    return create_network(request, store)


def _landmark_skin(request: ParserRequest, store: WeightStore) -> FaceParser:
    from fishprep.parsing.factory import create_landmark_skin

    return create_landmark_skin(request)


def _given(request: ParserRequest, store: WeightStore) -> FaceParser:
    from fishprep.parsing.factory import create_given

    return create_given(request)


PARSERS = {
    DEFAULT_PARSER: ParserKind(1, _network, is_network=True),
    TEACHER: ParserKind(1, _network, is_network=True),
    BISENET: ParserKind(1, _network, is_network=True),
    COMPACT: ParserKind(1, _network, is_network=True),
    "landmark-skin": ParserKind(1, _landmark_skin, has_classes=False),
    "masks": ParserKind(1, _given, is_given=True),
    "masks-facexlib": ParserKind(1, _given, is_given=True),
    "masks-skin": ParserKind(1, _given, has_classes=False, is_given=True),
}
"""What `--parser` may name."""


def create_parser(request: ParserRequest, store: WeightStore) -> FaceParser:
    """The parser that was asked for, ready to run, or the reason why there is none.

    WeightsError: weights missing (with file, url, hash and flag), damaged or unfit. ConfigurationError: an unknown name or
    settings that the parser does not have.
    """
    if request.name not in PARSERS:
        raise ConfigurationError(f"no parser is called {request.name!r}: there are {', '.join(PARSERS)}")
    return PARSERS[request.name].create(request, store)


def named(parser: str, file: Path | None) -> str:
    """What a parser is called once it takes its weights from `file`."""
    if file is None or parser not in PARSERS or not PARSERS[parser].is_network:
        return parser
    return name_of(file)
