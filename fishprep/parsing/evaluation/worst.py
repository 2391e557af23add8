"""The crops on which a parser does worst, as one picture."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fishprep.common.files import atomic
from fishprep.landmarks.base import LandmarkBackend
from fishprep.parsing.classes import ClassOrder
from fishprep.parsing.evaluation.crops import LabelledCrop, labelled_crop
from fishprep.parsing.evaluation.evaluate import ParserEvaluation, parse_crops
from fishprep.parsing.labelled import UNLABELLED, LabelledFaces
from fishprep.parsing.network_parser import NetworkParser
from fishprep.parsing.overlay import overlay

SHOWN = 12
COLUMNS = 2
SIDE = 160  # pixels of each crop in the picture
GAP, LINE = 8, 16


def draw_worst(
    path: Path, result: ParserEvaluation, parser: NetworkParser, faces: LabelledFaces, backend: LandmarkBackend
) -> None:
    """Write a PNG with the crops of lowest skin IoU: crop | labels | found, the worst first."""
    places = {face.name: index for index, face in enumerate(faces.faces)}
    worst = sorted(result.crop_iou, key=lambda name: (result.crop_iou[name], name))[:SHOWN]
    tiles = []
    for name in worst:
        crop = labelled_crop(*faces.read(places[name]), backend)
        assert crop is not None  # it has a figure
        [found] = parse_crops(parser, [crop])
        tiles.append(_tile(crop, found, f"skin IoU {result.crop_iou[name]:.3f}: crop, labels, found   ({name})"))
    with atomic(path) as temporary:
        _sheet(tiles).save(temporary, "PNG")


def _tile(crop: LabelledCrop, found: np.ndarray, title: str) -> Image.Image:
    labels = np.where(crop.classes == UNLABELLED, 0, crop.classes).astype(np.uint8)
    row = [crop.image, overlay(crop.image, labels, ClassOrder.CELEBAMASK)]
    row.append(overlay(crop.image, found, ClassOrder.CELEBAMASK))
    pixels = Image.fromarray(np.hstack(row)).resize((3 * SIDE, SIDE), Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (3 * SIDE, SIDE + LINE), "white")
    tile.paste(pixels, (0, LINE))
    ImageDraw.Draw(tile).text((2, 2), title, fill="black")
    return tile


def _sheet(tiles: list[Image.Image]) -> Image.Image:
    width, height = tiles[0].size
    rows = -(-len(tiles) // COLUMNS)
    columns = min(COLUMNS, len(tiles))
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), "white")
    for index, tile in enumerate(tiles):
        row, column = divmod(index, COLUMNS)
        sheet.paste(tile, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return sheet
