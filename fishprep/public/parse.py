"""`fishprep.parse`: parsing maps of face images that somebody already has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.device import resolve_device
from fishprep.common.errors import ConfigurationError
from fishprep.common.threads import threads
from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits
from fishprep.parsing.base import ParserRequest, Precision
from fishprep.parsing.classes import ClassOrder
from fishprep.parsing.factory import create_network
from fishprep.parsing.folder import ParseReport, ParseRequest, parse_folder
from fishprep.parsing.parsed import ParsedImage
from fishprep.public.news import unheard
from fishprep.public.planning import optional_path
from fishprep.public.settings import ParseSettings, StrPath


@dataclass(frozen=True)
class ParserReady:
    """The parser that runs: its name, the side of its input, the device, the numbers that it computes in, whether in a mirror too."""

    name: str
    size: int
    device: str
    precision: str
    mirrored: bool = False


@dataclass(frozen=True)
class Parsed:
    """An image whose fate is known: how many there are so far, of how many, and its row."""

    done: int
    total: int
    row: ParsedImage


def parse(
    source: StrPath,
    out: StrPath,
    settings: ParseSettings | None = None,
    *,
    resume: bool = True,
    overwrite: bool = False,
    progress: Callable[[ParserReady | Parsed], None] = unheard,
) -> ParseReport:
    """Write parsing maps of the face images in `source` (a folder, or one file) to the folder `out`, each at its own size.

    `classes/*.png` (palette, 19 classes), `skin/*.png` (0 and 255), `overlay/*.jpg` and `images.jsonl`, a row for each image. No
    face is searched for. Images that are done are passed over (`resume`), or parsed again (`overwrite`); those that failed are
    counted in the result. Raises SourceError, ConfigurationError, WeightsError, BuildError where results cannot be written.
    """
    settings = settings or ParseSettings()
    device = str(resolve_device(settings.device))
    if settings.classes not in tuple(ClassOrder):
        raise ConfigurationError(f"--classes {settings.classes}: expected {' or '.join(ClassOrder)}")
    if settings.threads is not None and settings.threads < 1:
        raise ConfigurationError(f"--threads {settings.threads}: at least one is needed")
    asked = ParserRequest(
        settings.parser,
        optional_path(settings.parser_weights),
        settings.skin_classes,
        settings.parser_size,
        device,
        None if settings.parser_precision is None else Precision.of(settings.parser_precision),
    )
    request = ParseRequest(
        source=Path(source),
        out=Path(out),
        order=ClassOrder(settings.classes),
        limits=Limits(settings.max_bytes, settings.max_pixels),
        resume=resume,
        overwrite=overwrite,
        follow_links=settings.follow_links,
    )
    with threads(settings.threads):
        parser = create_network(asked, WeightStore.from_environment(optional_path(settings.weights_dir)))
        precision, mirrored = str(parser.settings["precision"]), parser.mirrors_pictures
        progress(ParserReady(parser.name, parser.size, device, precision, mirrored))
        return parse_folder(request, parser, lambda done, total, row: progress(Parsed(done, total, row)))
