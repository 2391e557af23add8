"""One picture of what a build makes of a photo: where the face was found, what was cut out, and every map and size of it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fishprep.faces.crop import to_photo
from fishprep.faces.turned import corners
from fishprep.landmarks.base import Box
from fishprep.shards.reader import Shard
from fishprep.shards.schema import SIZES

TILE = 256
GAP = 12
CAPTION = 30
INK, PAPER, ACCENT = (60, 64, 72), (255, 255, 255), (255, 186, 8)


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample of a shard: faces and maps by size, landmarks (68, 2) in pixels of the 128² face, crop box in the photo,
    which stands turned there by `angle` degrees."""

    images: dict[int, np.ndarray]
    skin: dict[int, np.ndarray]
    landmarks: np.ndarray
    box: Box
    angle: float = 0.0

    @classmethod
    def of(cls, shard: Shard, index: int) -> "Sample":
        """Read a sample."""
        return cls(
            {size: shard.images(size)[index] for size in SIZES},
            {size: shard.skin(size)[index] for size in SIZES},
            shard["landmarks"][index],
            tuple(shard["box"][index].tolist()),
            float(shard.angles[index]),
        )


def draw_portraits(photos: list[np.ndarray], samples: list[Sample]) -> Image.Image:
    """A row for each photo (H, W, 3) uint8: the photo with its crop and points, then the faces over their maps, large to small."""
    found = [_found(photo, sample) for photo, sample in zip(photos, samples, strict=True)]
    widest = max(picture.width for picture in found)
    rows = [_row(picture, widest, sample) for picture, sample in zip(found, samples, strict=True)]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows) + GAP * (len(rows) - 1)), PAPER)
    for number, row in enumerate(rows):
        sheet.paste(row, (0, number * (row.height + GAP)))
    return sheet


def _row(found: Image.Image, left: int, sample: Sample) -> Image.Image:
    """`left` is the width of the first column, the same in all rows."""
    height = found.height
    row = Image.new("RGB", (left + len(SIZES) * (GAP + TILE), height + CAPTION), PAPER)
    row.paste(found, (left - found.width, 0))
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(17)
    draw.text((left - found.width, height + 5), "photo, 68 landmarks, crop", INK, font)
    for number, size in enumerate(SIZES):
        x = left + GAP + number * (GAP + TILE)
        row.paste(_tile(sample.images[size]), (x, 0))
        row.paste(_tile(np.repeat(sample.skin[size][..., None] * np.uint8(255), 3, axis=2)), (x, TILE + GAP))
        draw.text(
            (x, height + 5),
            f"{size} px (HR), skin map" if size == SIZES[0] else f"{size} px (x{SIZES[0] // size})",
            INK,
            font,
        )
    return row


def _found(photo: np.ndarray, sample: Sample) -> Image.Image:
    height = 2 * TILE + GAP
    scale = height / photo.shape[0]
    shown = Image.fromarray(photo).resize((round(photo.shape[1] * scale), height), Image.Resampling.LANCZOS)
    points = to_photo(sample.landmarks, sample.box, SIZES[0], sample.angle)
    draw = ImageDraw.Draw(shown)
    outline = [tuple(corner) for corner in ((corners(sample.box, sample.angle) + 0.5) * scale).tolist()]
    if sample.angle:
        draw.line([*outline, outline[0], outline[1]], fill=ACCENT, width=3, joint="curve")
    else:
        draw.rectangle([*outline[0], *outline[2]], outline=ACCENT, width=3)
    for x, y in (points + 0.5) * scale:
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=ACCENT)
    return shown


def _tile(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.NEAREST)
