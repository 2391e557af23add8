"""Tensors → pixels → pictures in a page or a file."""

import base64
import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Pixels = NDArray[np.uint8]


def to_uint8(images: Tensor) -> Pixels:
    """Images (N, c, h, w) near [0, 1] to (N, h, w, c) uint8: clamped, rounded; what is not a number becomes 0."""
    levels = (images.detach().float().nan_to_num(0.0, 1.0, 0.0).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def grey(maps: Tensor) -> Pixels:
    """Maps (N, 1, h, w) in [0, 1] to grey pictures (N, h, w, 3) uint8."""
    return np.repeat(to_uint8(maps), 3, axis=3)


def enlarged(image: Pixels, side: int) -> Pixels:
    """A picture (h, h, 3) of `side` pixels a side, its own pixels as squares."""
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.NEAREST))


def data_uri(image: Pixels) -> str:
    """A picture (h, w, 3) as a lossless `data:` address. The same pixels give the same text."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "WEBP", lossless=True, quality=60, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
