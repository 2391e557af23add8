"""Parsing maps of face images that somebody already has: images in, palette PNGs, skin masks and overlays out."""

import errno
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from fishprep.common import names
from fishprep.common.errors import BuildError, ConfigurationError, DecodeError
from fishprep.common.files import atomic, is_file, remove_in_turn, sweep_below, write_text
from fishprep.common.status import Status
from fishprep.common.version import __version__
from fishprep.common.words import joined, same_command
from fishprep.decoding.decode import Limits, Picture, decode_picture
from fishprep.faces.photo import Photo
from fishprep.parsing.classes import ClassOrder, convert, palette
from fishprep.parsing.network_parser import NetworkParser
from fishprep.parsing.overlay import overlay
from fishprep.parsing.parsed import TABLE, ParsedImage, is_half_written, line, read_parsed
from fishprep.places.file import File
from fishprep.sources.base import LeftOut, Listing
from fishprep.sources.folder import FolderSource, walk_photos
from fishprep.storage.base import InUseError
from fishprep.storage.folder import FolderStorage
from fishprep.storage.lock import locked
from fishprep.storage.own import refuse_foreign, says

OUTPUTS = {"classes": ".png", "skin": ".png", "overlay": ".jpg"}
"""Output folders, and the suffix of the pictures in each."""

SETTINGS = "settings.json"
LONGEST_SIDE = 65_500  # of a JPEG, which the overlay is

_OF_ONE_IMAGE = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
"""Errors of writing that come of an image's own name; all others would befall the next image too."""


@dataclass(frozen=True)
class ParseRequest:
    """What to parse and where to.

    source: a folder, searched through, or one image.
    order: the numbering of the classes in the PNGs.
    resume: pass over images that are done and have not changed since. Without it an output folder with results is refused.
    overwrite: parse everything again, whatever is there.
    """

    source: Path
    out: Path
    order: ClassOrder = ClassOrder.CELEBAMASK
    limits: Limits = field(default_factory=Limits)
    resume: bool = True
    overwrite: bool = False
    follow_links: bool = False


@dataclass(frozen=True)
class ParseReport:
    """What became of a run.

    counts: images per status, those done before included.
    done_before: images passed over because their maps were there.
    left_out: files of the folder that are no images to parse: other formats, thumbnails, waste bins.
    """

    counts: dict[str, int]
    done_before: int
    table: Path
    left_out: tuple[LeftOut, ...] = ()

    @property
    def failed(self) -> int:
        """Images without a map."""
        return sum(count for status, count in self.counts.items() if status != Status.OK)


TellParsed = Callable[[int, int, ParsedImage], None]
"""Called after each image: how many are done, of how many, and the row."""


def parse_folder(
    request: ParseRequest, parser: NetworkParser, progress: TellParsed = lambda done, total, row: None
) -> ParseReport:
    """Write `classes/*.png`, `skin/*.png` (0 and 255) and `overlay/*.jpg` of every image at its own size, and a table.

    The table has a row for each input.

    An image's row is added to the table when its three files stand, so a run that is stopped anywhere loses at most the
    images in work; failures are tried again by the next run.

    SourceError: nothing to parse. ConfigurationError: the output folder is the source, is in use, or holds results of other
    settings. BuildError: results cannot be written.
    """
    if request.out.resolve() == request.source.resolve():
        raise ConfigurationError(f"{request.out}: results cannot go into the folder of the images; give another one")
    found = _images(request)
    try:
        with locked(request.out):
            return replace(_Run(request, parser, progress, list(found.photos)).report(), left_out=found.left_out)
    except InUseError as error:
        raise ConfigurationError(f"{request.out}: another `fishprep parse` is writing into it") from error
    except OSError as error:
        raise BuildError(
            f"{error.filename or request.out}: cannot be written: {error.strerror or error}; what was finished stands, and "
            f"{same_command(request.overwrite, request.resume)} goes on from there"
        ) from error


@dataclass(frozen=True, eq=False)
class _Loaded:
    """An image that waits for its batch."""

    photo: Photo
    picture: Picture
    sha256: str


class _Run:
    """One pass over the images."""

    def __init__(self, request: ParseRequest, parser: NetworkParser, progress: TellParsed, photos: list[Photo]) -> None:
        self._request, self._parser, self._progress, self._photos = request, parser, progress, photos
        self._table = request.out / TABLE
        self._rows: dict[str, ParsedImage] = {}
        self._done_before = 0

    def report(self) -> ParseReport:
        _settle(self._request, self._parser)
        earlier = read_parsed(self._table)
        half_written = is_half_written(self._table)
        with open(self._table, "a", encoding="utf-8") as stream:
            if half_written:
                stream.write("\n")  # the line of a run that was killed must not swallow the next one
            self._pass(stream, earlier)
        rows = [self._rows[photo.relative] for photo in self._photos]
        write_text(self._table, "".join(line(row) for row in rows))
        return ParseReport(dict(Counter(row.status for row in rows)), self._done_before, self._table)

    def _pass(self, stream: TextIO, earlier: dict[str, ParsedImage]) -> None:
        waiting: list[_Loaded] = []
        for photo in self._photos:
            found = self._load(photo, earlier.get(photo.relative))
            if isinstance(found, _Loaded):
                waiting.append(found)
            else:
                self._record(stream, found)
            if len(waiting) == self._parser.batch or (waiting and photo is self._photos[-1]):
                self._parse(stream, waiting)
                waiting = []

    def _load(self, photo: Photo, earlier: ParsedImage | None) -> _Loaded | ParsedImage:
        if photo.problem is not None:
            return ParsedImage(photo.relative, str(photo.problem.status), photo.problem.reason)
        try:
            data = photo.place.read(self._request.limits).data
            sha256 = hashlib.sha256(data).hexdigest()
            if earlier is not None and earlier.sha256 == sha256 and self._stands(photo, earlier):
                self._done_before += 1
                return earlier
            picture = decode_picture(data, self._request.limits)
            side = max(picture.pixels.shape)
            if side > LONGEST_SIDE:
                raise DecodeError(Status.TOO_LARGE, f"a side of {side:,} pixels, at most {LONGEST_SIDE:,}")
            return _Loaded(photo, picture, sha256)
        except DecodeError as error:
            return ParsedImage(photo.relative, str(error.status), error.reason)

    def _stands(self, photo: Photo, earlier: ParsedImage) -> bool:
        return earlier.status == Status.OK and all(is_file(path) for path in _outputs(photo, self._request))

    def _parse(self, stream: TextIO, waiting: list[_Loaded]) -> None:
        maps = self._parser.parse_images([loaded.picture.pixels for loaded in waiting])
        for loaded, classes in zip(waiting, maps, strict=True):
            try:
                row = self._write(loaded, classes)
            except OSError as error:
                if error.errno not in _OF_ONE_IMAGE:
                    raise
                reason = f"its maps cannot be written: {error.strerror}"
                row = ParsedImage(loaded.photo.relative, str(Status.UNREADABLE), reason, loaded.sha256)
            self._record(stream, row)

    def _write(self, loaded: _Loaded, classes: np.ndarray) -> ParsedImage:
        """classes: (H, W) in CelebAMask-HQ's order."""
        order = self._request.order
        skin = self._parser.fusion.fuse(classes)
        numbered = convert(classes, ClassOrder.CELEBAMASK, order)
        indexed = Image.fromarray(numbered, mode="P")
        indexed.putpalette(palette(order).tobytes())
        pictures = (
            indexed,
            Image.fromarray(skin * 255),
            Image.fromarray(overlay(loaded.picture.pixels, numbered, order)),
        )
        for path, picture in zip(_outputs(loaded.photo, self._request), pictures, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as temporary:
                picture.save(temporary, format="PNG" if path.suffix == ".png" else "JPEG", quality=90, compress_level=1)
        height, width = skin.shape
        return ParsedImage(
            path=loaded.photo.relative,
            status=str(Status.OK),
            sha256=loaded.sha256,
            output=names.text(_relative_output(loaded.photo).as_posix()),
            width=width,
            height=height,
            skin=round(float(skin.mean()), 4),
            note=joined(loaded.photo.note, loaded.picture.note),
        )

    def _record(self, stream: TextIO, row: ParsedImage) -> None:
        self._rows[row.path] = row
        stream.write(line(row))
        stream.flush()
        self._progress(len(self._rows), len(self._photos), row)


def _images(request: ParseRequest) -> Listing:
    if request.source.is_file():
        name = request.source.name
        return Listing((Photo(names.photo_ids([names.text(name)])[0], File.at(request.source), names.text(name)),))
    exclude = None
    if request.out.resolve().is_relative_to(request.source.resolve()):
        exclude = request.source / request.out.resolve().relative_to(request.source.resolve())
    return walk_photos(FolderSource(request.source, follow_links=request.follow_links, exclude=exclude))


def _outputs(photo: Photo, request: ParseRequest) -> list[Path]:
    """The files of a photo, in the order of `OUTPUTS`."""
    relative = _relative_output(photo)
    return [request.out / folder / f"{relative}{suffix}" for folder, suffix in OUTPUTS.items()]


def _relative_output(photo: Photo) -> Path:
    """The photo's path below the source without its suffix, or with it where two photos would get the same name."""
    relative = Path(names.path_of(photo.relative))
    return relative if photo.id == photo.relative else relative.with_name(relative.name.rpartition(".")[0])


def _settle(request: ParseRequest, parser: NetworkParser) -> None:
    """Record the settings of the output folder, or see that they are the same as those of the results in it."""
    path, table = request.out / SETTINGS, request.out / TABLE
    settings = {
        "producer": f"fishprep {__version__}",
        "classes": str(request.order),
        "parser": parser.name,
        "weights": parser.weights,
        **parser.settings,
    }
    if not says(path, ("classes", "parser", "weights")) and not read_parsed(table):
        refuse_foreign((table, path, *(request.out / folder for folder in OUTPUTS)), "run of `fishprep parse`")
    for folder, suffix in OUTPUTS.items():
        sweep_below(request.out / folder, suffix)
    FolderStorage(request.out).sweep(lambda name: name in (TABLE, SETTINGS))
    if request.overwrite:
        remove_in_turn([table])  # first: from here on nothing in the folder counts as done
    elif table.exists():
        _refuse_other_results(request, settings)
    write_text(path, json.dumps(settings, indent=2) + "\n")


def _refuse_other_results(request: ParseRequest, settings: dict[str, object]) -> None:
    if not request.resume:
        raise ConfigurationError(f"{request.out}: holds results already; --resume goes on, --overwrite starts again")
    try:
        stored = json.loads((request.out / SETTINGS).read_text(encoding="utf-8"))
        changed = [name for name in settings if name != "producer" and stored.get(name) != settings[name]]
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"{request.out / SETTINGS}: cannot be read, so nothing says how the results were made; --overwrite starts again"
        ) from error
    if changed:
        told = "; ".join(f"{name}: {stored.get(name)} → {settings[name]}" for name in changed)
        raise ConfigurationError(
            f"{request.out}: holds results of other settings ({told}); take another folder, or --overwrite"
        )
