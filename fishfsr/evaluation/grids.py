"""Faces side by side as picture files, for papers and slides."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fishfsr.evaluation.maps import MapChoice
from fishfsr.evaluation.pictures import Pixels, enlarged
from fishfsr.evaluation.shown import Face

CELL = 128
GAP = 4
HEAD = 22
WHITE, INK = (255, 255, 255), (34, 38, 43)
COLUMNS = ("LR", "Bicubic", "SR", "HR", "Map")


def sheet_grid(faces: Sequence[Face], headline: str) -> Image.Image:
    """A row for each face: LR | bicubic | SR | HR | map; small pictures as squares, nothing else enlarged."""
    return grid(COLUMNS, [face.strip(headline) for face in faces])


def map_grid(faces: Sequence[Face], choices: Sequence[MapChoice]) -> Image.Image:
    """Two rows for each face, a column for each choice: the map, and SR made with it; HR stands last (Figs. 12, 13)."""
    rows: list[list[Pixels]] = []
    for face in faces:
        rows.append([*(face.maps[choice.name] for choice in choices), face.lr])
        rows.append([*(face.enlarged[choice.name] for choice in choices), face.hr])
    return grid([*(choice.name for choice in choices), "LR, HR"], rows)


def grid(columns: Sequence[str], rows: Sequence[Sequence[Pixels]], cell: int = CELL) -> Image.Image:
    """Rows of pictures under the titles of their columns, each `cell` pixels a side, its own pixels as squares."""
    step = cell + GAP
    canvas = Image.new("RGB", (len(columns) * step - GAP, HEAD + len(rows) * step - GAP), WHITE)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for place, title in enumerate(columns):
        pen.text((place * step + cell / 2, HEAD / 2), title, INK, font, anchor="mm")
    for down, row in enumerate(rows):
        for place, picture in enumerate(row):
            tile = Image.fromarray(enlarged(np.ascontiguousarray(picture), cell))
            canvas.paste(tile, (place * step, HEAD + down * step))
    return canvas
