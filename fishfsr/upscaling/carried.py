"""What of a file's metadata goes with its enlarged photo: who, when, where; not what is no longer true of the pixels."""

import re
from dataclasses import dataclass

from PIL import ExifTags, Image

from fishprep.decoding.metadata import Metadata

_SRGB = 1
_COLOUR_SPACE, _WIDTH, _HEIGHT, _INTEROPERABILITY = 0xA001, 0xA002, 0xA003, 0xA005
_XMP_ORIENTATION = re.compile(rb'\s*tiff:Orientation="[^"]*"|<tiff:Orientation>[^<]*</tiff:Orientation>')


@dataclass(frozen=True)
class Carried:
    """exif: with the mark before it, as Pillow takes it; xmp: XML. Both may be empty. note: what could not be carried."""

    exif: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    note: str = ""


def carried(metadata: Metadata, width: int, height: int) -> Carried:
    """For an upright sRGB photo of this size, made of one with this metadata."""
    exif, note = b"", ""
    if metadata.exif:
        try:
            exif = _exif(metadata.exif, width, height)
        except Exception:  # a damaged block, of which Pillow may raise anything
            note = "its EXIF is damaged and was not carried over"
    return Carried(exif, _XMP_ORIENTATION.sub(b"", metadata.xmp), metadata.dpi, note)


def _exif(block: bytes, width: int, height: int) -> bytes:
    exif = Image.Exif()
    exif.load(block)
    exif.pop(ExifTags.Base.Orientation, None)
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner.pop(_INTEROPERABILITY, None)
    for tag, value in ((_COLOUR_SPACE, _SRGB), (_WIDTH, width), (_HEIGHT, height)):
        if tag in inner:
            inner[tag] = value
    return exif.tobytes() if len(exif) else b""
