"""The parser that a user names, ready to run."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import ConfigurationError
from fishprep.common.files import sha256_file
from fishprep.common.weights import WeightStore, find
from fishprep.parsing.base import OWN, PARSERS, FaceParser
from fishprep.parsing.bisenet import BiSeNetParser, BiSeNetSettings, Precision
from fishprep.parsing.landmark_skin import LandmarkSkinParser
from fishprep.parsing.skin import SkinFusion
from fishprep.parsing.weights import RECORDS


@dataclass(frozen=True)
class ParserRequest:
    """A parser as the user names it.

    file: weights of a BiSeNet of yours; the parser is called `bisenet` then.
    skin_classes: names of `FaceClass`.
    The rest is explained in `BiSeNetSettings`; `landmark-skin` has no settings.
    """

    name: str = OWN
    file: Path | None = None
    skin_classes: tuple[str, ...] = ("skin",)
    size: int | None = None
    device: str = "cpu"
    precision: Precision = Precision.FLOAT32
    batch: int | None = None


def create_parser(request: ParserRequest, store: WeightStore) -> FaceParser:
    """The parser that was asked for, ready to run, or the reason why there is none.

    WeightsError: weights missing (with file, url, hash and flag), damaged or unfit. ConfigurationError: an unknown name or
    settings that the parser does not have.
    """
    if request.name not in PARSERS:
        raise ConfigurationError(f"no parser is called {request.name!r}: there are {', '.join(PARSERS)}")
    if request.name == "landmark-skin":
        return _landmark_skin(request)
    return create_bisenet(request, store)


def create_bisenet(request: ParserRequest, store: WeightStore) -> BiSeNetParser:
    """As `create_parser`, for callers that need the 19 classes."""
    settings = BiSeNetSettings(
        size=request.size,
        device=request.device,
        precision=request.precision,
        batch=request.batch,
        fusion=SkinFusion.of(request.skin_classes),
    )
    name = named(request.name, request.file)
    return BiSeNetParser(settings, request.file or store.locate(find(name, RECORDS)), name)


def named(parser: str, file: Path | None) -> str:
    """What a parser is called once it takes its weights from `file`: as the record says whose bytes they are, else `bisenet`."""
    if file is None or parser == "landmark-skin":
        return parser
    found = sha256_file(file) if file.is_file() else None
    return next((record.name for record in RECORDS if record.sha256 == found), "bisenet")


def _landmark_skin(request: ParserRequest) -> LandmarkSkinParser:
    if SkinFusion.of(request.skin_classes) != SkinFusion():
        raise ConfigurationError(f"--skin-classes: the parser landmark-skin knows only skin; use --parser {OWN}")
    if request.file is not None or request.size is not None:
        raise ConfigurationError("--parser-weights, --parser-size: the parser landmark-skin has neither")
    return LandmarkSkinParser()
