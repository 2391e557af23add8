"""What a file says about its picture, beside the pixels."""

import re
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image

MOST_FRAMES = 1000
"""Frames are counted no further."""

_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")


@dataclass(frozen=True)
class Metadata:
    """exif: a TIFF structure, without the mark before it. xmp: its XML. dpi: across and down. frames: pictures in the file.

    icc: the colour profile, `icc_problem` why it cannot be had. bits: of a sample. notes: what else has to be said.
    """

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    icc_problem: str = ""
    dpi: tuple[float, float] | None = None
    frames: int = 1
    bits: int = 8
    notes: tuple[str, ...] = ()

    @property
    def orientation(self) -> int:
        """How the stored picture lies, 1 to 8 as in EXIF; 1 where nothing is said or the block is damaged."""
        value = _exif_value(self.exif, ExifTags.Base.Orientation) if self.exif else None
        if value is None and (found := _XMP_ORIENTATION.search(self.xmp)):
            value = int(found[1])
        return value if isinstance(value, int) and 1 <= value <= 8 else 1

    @property
    def says_adobe_rgb(self) -> bool:
        """Whether a camera has written Adobe RGB, which it says by EXIF's interoperability index `R03` alone."""
        if b"R03\0" not in self.exif:
            return False
        try:
            return _exif(self.exif).get_ifd(ExifTags.IFD.Interop).get(1) == "R03"
        except Exception:  # a damaged block says nothing
            return False


def _exif(data: bytes) -> Image.Exif:
    exif = Image.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exif.load(data)
    return exif


def _exif_value(data: bytes, tag: int) -> object:
    try:
        return _exif(data).get(tag)
    except Exception:  # a damaged block says nothing about the way up; the pixels are still good
        return None
