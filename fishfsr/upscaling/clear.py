"""Alpha beside the colours: enlarged with them, and taken out of what was laid over white for the models."""

import numpy as np
from PIL import Image

from fishfsr.upscaling.pasting import BICUBIC
from fishprep.decoding.decode import Picture
from fishprep.faces.crop import cut
from fishprep.landmarks.base import Box


def enlarge_clear(picture: Picture, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Colours (H', W', 3) and alpha (H', W') uint8 at `size` (width, height); colours that cannot be seen do not run out.

    The picture must have an alpha.
    """
    assert picture.colours is not None and picture.alpha is not None
    clear = Image.fromarray(np.dstack([picture.colours, picture.alpha]))
    enlarged = np.asarray(clear.resize(size, BICUBIC))  # Pillow weighs colours by alpha
    return np.array(enlarged[..., :3]), np.array(enlarged[..., 3])


def alpha_of(picture: Picture, box: Box, size: tuple[int, int], angle: float = 0.0) -> np.ndarray | None:
    """Alpha of a crop, turned by `angle`, at `size` (width, height); None where all of it is opaque."""
    if picture.alpha is None:
        return None
    part = cut(picture.alpha[..., None], box, angle)[..., 0]
    if (part == 255).all():
        return None
    return np.asarray(Image.fromarray(np.ascontiguousarray(part)).resize(size, BICUBIC))


def without_white(laid: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) uint8 that look like `laid` when they are laid over white with `alpha` (H, W)."""
    share = np.maximum(alpha, 1)[..., None] / np.float32(255)
    return np.rint(255 - (255 - laid.astype(np.float32)) / share).clip(0, 255).astype(np.uint8)
