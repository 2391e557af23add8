"""Colours as their profile means them → sRGB."""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

MOST_PROFILE_BYTES = 4 * 2**20
"""Profiles of presses have up to 3 MB, those of screens and cameras a few KB."""

ALIKE = 3
"""Grey levels by which a profile may differ from sRGB and still be it: primaries rounded otherwise differ by that in dark, full
colours; a plain power of 2.2 differs by 9."""

_SPACES = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}
"""Colour space in the header of a profile → mode of the pictures that it describes."""

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


@dataclass(frozen=True, eq=False)
class Conversion:
    """What a profile asks for. mode: of the pictures that it describes, "" for none.

    transform: to sRGB; None where they are as in sRGB, or where the profile is of no use, which `note` then says.
    """

    mode: str = ""
    transform: ImageCms.ImageCmsTransform | None = None
    note: str = ""


def to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str]:
    """A picture (L, RGB or CMYK) in RGB with the colours that its profile means, and a note where it was of no use.

    A picture whose profile does what sRGB does keeps its values.
    """
    conversion = conversion_of(profile) if profile else Conversion()
    note = conversion.note
    if conversion.transform is not None:
        if image.mode == "L" and conversion.mode == "RGB":
            image = image.convert("RGB")
        if image.mode == conversion.mode:
            return conversion.transform.apply(image), note
        note = f"its colour profile is for {conversion.mode} pictures and was passed over"
    return (image if image.mode == "RGB" else image.convert("RGB")), note


def conversion_of(profile: bytes) -> Conversion:
    """What an ICC profile asks for, whatever its bytes are."""
    if len(profile) > MOST_PROFILE_BYTES:
        size, most = (f"{count / 2**20:.0f} MiB" for count in (len(profile), MOST_PROFILE_BYTES))
        return Conversion(note=f"its colour profile of {size} was passed over, the limit is {most}")
    return _conversion(profile)


@lru_cache(8)
def _conversion(profile: bytes) -> Conversion:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        mode = _SPACES.get(space)
        if mode is None:
            return Conversion(note=f"its colour profile is for {space} pictures and was passed over")
        transform = ImageCms.buildTransform(opened, _srgb(), mode, "RGB", _INTENT, _FLAGS)
        if mode != "CMYK" and _does_nothing(transform, mode):
            return Conversion(mode)
        return Conversion(mode, transform)
    except MemoryError:
        raise
    except Exception as error:  # the library fed hostile bytes
        return Conversion(note=f"its colour profile is damaged and was passed over ({_one_line(error)})")


@lru_cache(1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _does_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether it changes no colour of a grid, and no grey, by more than `ALIKE`."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    if mode == "L":
        before, after = greys, transform.apply(Image.fromarray(greys[..., 0]))
    else:
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
        before = np.concatenate([greys, grid], axis=1)
        after = transform.apply(Image.fromarray(before))
    return int(np.abs(np.asarray(after).astype(int) - before).max()) <= ALIKE


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__
