"""The work on face crops: `fishprep parse`, and how much of each picture its classes take."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import fishprep
from fishfsr.web.photos import TellShare
from fishfsr.web.results import link_inputs
from fishfsr.web.settings import WebSettings
from fishfsr.web.shelf import Slot

PARSERS = ("compact-fishfsr", "bisenet-fishfsr", "bisenet")


@dataclass(frozen=True)
class ClassShare:
    """A class of a map: its name, its colour (R, G, B) there, its share of the pixels."""

    name: str
    colour: tuple[int, int, int]
    share: float


@dataclass(frozen=True)
class ParsedCrop:
    """A face crop. reason: why there is no map. The pictures are names of files in the run's slot. shares: the largest first."""

    name: str
    reason: str = ""
    note: str = ""
    size: tuple[int, int] = (0, 0)
    picture: str = ""
    classes: str = ""
    skin: str = ""
    overlay: str = ""
    shares: tuple[ClassShare, ...] = ()


def parsed_crops(
    paths: Sequence[Path], parser: str, settings: WebSettings, slot: Slot, tell: TellShare
) -> list[ParsedCrop]:
    """Parse face crops into the slot. Raises FishPrepError where the parser's weights are not here."""
    inputs = link_inputs(paths, slot.folder / "in")
    out = slot.folder / "out"
    rows: dict[str, fishprep.ParsedImage] = {}

    def listen(news: "fishprep.ParserReady | fishprep.Parsed") -> None:
        if isinstance(news, fishprep.Parsed):
            rows[news.row.path] = news.row
            tell(news.done / news.total, f"{news.done} of {news.total} pictures parsed")

    asked = fishprep.ParseSettings(
        parser=parser,
        device=settings.upscale.device,
        threads=settings.upscale.threads,
        max_bytes=settings.limits.max_bytes,
        max_pixels=settings.limits.max_pixels,
    )
    tell(0.0, "loading the parser")
    fishprep.parse(slot.folder / "in", out, asked, progress=listen)
    return [_parsed(path, rows.get(path.name), number, out, slot) for number, path in enumerate(inputs)]


def _parsed(path: Path, row: "fishprep.ParsedImage | None", number: int, out: Path, slot: Slot) -> ParsedCrop:
    if row is None:
        return ParsedCrop(
            path.name, reason="a file of a format that is not read: give JPEG, PNG, WebP, BMP, PPM or TIFF"
        )
    if not row.output:
        return ParsedCrop(path.name, reason=row.reason)
    names = {}
    for folder, suffix in (("classes", ".png"), ("skin", ".png"), ("overlay", ".jpg")):
        names[folder] = f"{number}_{Path(row.output).name}_{folder}{suffix}"
        (out / folder / f"{row.output}{suffix}").rename(slot.folder / names[folder])
    with Image.open(slot.folder / names["classes"]) as image:
        shares = _shares(image)
    return ParsedCrop(path.name, note=row.note, size=(row.width, row.height), shares=shares, **names)


def _shares(image: Image.Image) -> tuple[ClassShare, ...]:
    """Of a palette picture whose pixels are the numbers of classes."""
    names = [str(each) for each in fishprep.FaceClass]
    counts = np.bincount(np.asarray(image).ravel(), minlength=len(names))
    colours = np.array((image.getpalette() or [])[: 3 * len(names)]).reshape(-1, 3).tolist()
    shares = [
        ClassShare(name.replace("_", " "), (colour[0], colour[1], colour[2]), count / counts.sum())
        for name, colour, count in zip(names, colours, counts.tolist(), strict=True)
        if count
    ]
    return tuple(sorted(shares, key=lambda each: -each.share))
