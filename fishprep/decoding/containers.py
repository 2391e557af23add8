"""Bytes of a file → its first picture as stored, and what the file says of it: one way in for every container."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from fishprep.common.errors import DecodeError
from fishprep.common.opencv import cv2
from fishprep.common.status import Status
from fishprep.decoding import jpeg, png, tiff
from fishprep.decoding.jpeg_parts import damaged
from fishprep.decoding.jpeg_whole import check_whole
from fishprep.decoding.metadata import Metadata

PILLOW = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF")
"""What Pillow is trusted with, by its own names."""

SizeCheck = Callable[[int, int], None]
"""Told width and height before any pixel is decoded; raises what is to be raised."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A loaded picture. white_is_zero, key: as `samples.eight_bits` takes them.

    orientation: how it lies, as in EXIF; said: what the file says of that, where loading has turned it upright already.
    image: Pillow's, or the (H, W) or (H, W, 3) uint8 that another decoder made.
    """

    image: Image.Image | np.ndarray
    metadata: Metadata
    orientation: int = 1
    white_is_zero: bool = False
    key: tuple[int, ...] = ()
    said: int = 1

    @property
    def turned(self) -> int:
        """The orientation that the picture has once it is upright was turned by."""
        return self.orientation if self.orientation in range(2, 9) else self.said


def _quietly(opens: Callable[[bytes, SizeCheck], Opened]) -> Callable[[bytes, SizeCheck], Opened]:
    """Without Pillow's warnings: what they say is noted, or refused."""

    @wraps(opens)
    def opened(data: bytes, check_size: SizeCheck) -> Opened:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return opens(data, check_size)

    return opened


def open_jpeg(data: bytes, check_size: SizeCheck) -> Opened:
    """A JPEG, checked whole; OpenCV decodes it, or Pillow where there are inks."""
    parts = jpeg.take_apart(data)
    frame = parts.frame
    assert frame is not None
    check_size(frame.width, frame.height)
    if frame.bits != 8:
        raise DecodeError(Status.UNDECODABLE, f"a JPEG of {frame.bits} bits a sample is not read: convert it to 8")
    note = check_whole(data, parts)
    image = _decoded(parts.codec, len(frame.components))
    metadata = Metadata(parts.exif, parts.xmp, parts.icc, parts.icc_problem, parts.dpi, notes=(note,) if note else ())
    return Opened(image, metadata, metadata.orientation)


def _decoded(codec: bytes, colours: int) -> Image.Image | np.ndarray:
    """By OpenCV, which takes half of Pillow's time for the same bytes, but knows no inks."""
    if colours in (1, 3):
        flag = cv2.IMREAD_GRAYSCALE if colours == 1 else cv2.IMREAD_COLOR_RGB
        pixels = cv2.imdecode(np.frombuffer(codec, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None:
            raise damaged("its data cannot be decoded")
        return pixels
    image = Image.open(io.BytesIO(codec), formats=("JPEG",))
    image.load()
    return image


@_quietly
def open_png(data: bytes, check_size: SizeCheck) -> Opened:
    """A PNG, without what its pixels do not depend on."""
    parts = png.take_apart(data)
    check_size(parts.width, parts.height)
    image = Image.open(io.BytesIO(parts.codec), formats=("PNG",))
    image.load()
    return Opened(image, parts.metadata, parts.metadata.orientation, key=parts.key)


@_quietly
def open_by_pillow(data: bytes, check_size: SizeCheck) -> Opened:
    """What else Pillow is trusted with."""
    try:
        image = Image.open(io.BytesIO(data), formats=("WEBP", "BMP", "PPM", "TIFF"))
    except UnidentifiedImageError:
        if data.startswith(tiff.MARKS) and len(data) > 8:
            raise tiff.refused("samples of a depth, kind or order that is not known here, or damaged tags") from None
        raise
    check_size(*image.size)
    if image.format == "TIFF":
        metadata, white_is_zero = tiff.check(image)
        said = image.getexif().get(ExifTags.Base.Orientation, 1)
        image.load()  # which turns it upright
        return Opened(image, metadata, white_is_zero=white_is_zero, said=said if said in range(1, 9) else 1)
    bits = _ppm_bits(image) if image.format == "PPM" else 8
    metadata = Metadata(
        exif=image.info.get("exif", b"").removeprefix(b"Exif\0\0"),
        xmp=image.info.get("xmp", b""),
        icc=image.info.get("icc_profile", b"") or _bmp_profile(data),
        dpi=image.info.get("dpi"),
        frames=getattr(image, "n_frames", 1),
        bits=bits,
    )
    image.load()
    return Opened(image, metadata, metadata.orientation)


def _ppm_bits(image: ImageFile.ImageFile) -> int:
    """16 where its samples have two bytes; Pillow brings any range to the whole of 8 or 16 bits."""
    args = image.tile[0][3]
    most = args[-1] if isinstance(args, tuple) and isinstance(args[-1], int) else 65535 if image.mode == "I" else 255
    return 16 if most > 255 else 8


def _bmp_profile(data: bytes) -> bytes:
    """The profile that a BMP of version 5 may hold."""
    if not data.startswith(b"BM") or data[14:18] != (124).to_bytes(4, "little") or data[70:74] != b"DEBM":
        return b""
    offset, size = (int.from_bytes(data[at : at + 4], "little") for at in (126, 130))
    return data[14 + offset : 14 + offset + size]
