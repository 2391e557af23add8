"""Pixels → pictures that stand inside a page."""

import base64
import io

import numpy as np
from PIL import Image


def data_uri(image: np.ndarray, quality: int) -> str:
    """image (H, W, 3) uint8 RGB → a WebP picture as a `data:` address. The same pixels give the same text."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
