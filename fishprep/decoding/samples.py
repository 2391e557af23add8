"""Samples as a file stores them (any depth, palette, either sense, transparency) → 8 bits, and alpha apart."""

import numpy as np
from PIL import Image

from fishprep.common.errors import DecodeError
from fishprep.common.status import Status

_CLEAR_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


def eight_bits(
    image: Image.Image, bits: int, white_is_zero: bool = False, key: tuple[int, ...] = ()
) -> tuple[Image.Image, Image.Image | None]:
    """A loaded picture as L, RGB or CMYK of 8 bits, and its alpha (mode L), None where all of it is opaque.

    bits: of a sample in the file. white_is_zero: its grey is to be turned round. key: its transparent colour, in its own samples.

    DecodeError (`undecodable`) for values that have no defined black and white.
    """
    alpha = None
    if image.mode == "F":
        raise DecodeError(Status.UNDECODABLE, "floating-point pixels have no defined white: convert it to 8 or 16 bits")
    if image.mode.startswith("I"):
        return _grey(np.asarray(image), bits, white_is_zero, key)
    if key:
        image, alpha = _without_key(image, bits, key)
    elif image.mode in _CLEAR_MODES or image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert(image.mode[:-1])  # grey stays grey, as its colour profile is one of greys
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    return image, alpha


def _grey(
    values: np.ndarray, bits: int, white_is_zero: bool, key: tuple[int, ...]
) -> tuple[Image.Image, Image.Image | None]:
    white = 2**bits - 1
    if values.min() < 0 or values.max() > white or bits > 16:
        raise DecodeError(Status.UNDECODABLE, "grey levels beyond 16 bits: convert it to 8 or 16 bits")
    reduced = ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)
    if white_is_zero:
        reduced = 255 - reduced
    clear = values == key[0] if key else np.zeros(0, bool)
    return Image.fromarray(reduced), _alpha(clear) if clear.any() else None


def _without_key(image: Image.Image, bits: int, key: tuple[int, ...]) -> tuple[Image.Image, Image.Image | None]:
    if bits > 8:
        raise DecodeError(Status.UNDECODABLE, f"a transparent colour of {bits} bits is not read: convert it to 8 bits")
    if image.mode == "1":
        image = image.convert("L")
    shown = np.array([value * 255 // (2**bits - 1) for value in key])
    values = np.asarray(image)
    clear = values == shown if values.ndim == 2 else (values == shown).all(axis=2)
    return image, _alpha(clear) if clear.any() else None


def _alpha(clear: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(clear, 0, 255).astype(np.uint8))
