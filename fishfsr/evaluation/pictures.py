"""Tensors → pixels → pictures in a page or a file, and grids of them."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Pixels = NDArray[np.uint8]
CELL, GAP, HEAD = 128, 4, 22  # pixels
WHITE, INK = (255, 255, 255), (34, 38, 43)


def to_uint8(images: Tensor) -> Pixels:
    """Images (N, c, h, w) near [0, 1] to (N, h, w, c) uint8: clamped, rounded; what is not a number becomes 0."""
    levels = (images.detach().float().nan_to_num(0.0, 1.0, 0.0).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def grey(maps: Tensor) -> Pixels:
    """Maps (N, 1, h, w) in [0, 1] to grey pictures (N, h, w, 3) uint8."""
    return np.repeat(to_uint8(maps), 3, axis=3)


def as_squares(image: Pixels, side: int) -> Pixels:
    """A picture (h, h, 3) of `side` pixels a side, its own pixels as squares."""
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.NEAREST))


def lossless_uri(image: Pixels) -> str:
    """A picture (h, w, 3) as a lossless `data:` address. The same pixels give the same text."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "WEBP", lossless=True, quality=60, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def grid(columns: Sequence[str], rows: Sequence[Sequence[Pixels]], cell: int = CELL) -> Image.Image:
    """Rows of pictures under the titles of their columns, each `cell` pixels a side, its own pixels as squares."""
    step = cell + GAP
    canvas = Image.new("RGB", (len(columns) * step - GAP, HEAD + len(rows) * step - GAP), WHITE)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for place, title in enumerate(columns):
        pen.text((place * step + cell / 2, HEAD / 2), title, INK, font, anchor="mm")
    for down, row in enumerate(rows):
        for place, picture in enumerate(row):
            tile = Image.fromarray(as_squares(np.ascontiguousarray(picture), cell))
            canvas.paste(tile, (place * step, HEAD + down * step))
    return canvas
