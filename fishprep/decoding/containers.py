"""Bytes of a file → its first picture as stored, and what the file says of it: one way in for every container."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from fishprep.common.errors import DecodeError
from fishprep.common.opencv import cv2
from fishprep.common.status import Status
from fishprep.decoding import jpeg, png, tiff
from fishprep.decoding.metadata import Metadata
from fishprep.decoding.primaries import ADOBE, D65, rgb_profile

ADOBE_GAMMA = 563 / 256

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


def open_picture(data: bytes, check_size: SizeCheck) -> Opened:
    """Open and load the first picture. DecodeError where it is damaged; Pillow's own errors where that finds it so."""
    if data.startswith(b"\xff\xd8\xff"):
        opened = _jpeg(data, check_size)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = (_png if data.startswith(png.SIGNATURE) else _other)(data, check_size)
    if not opened.metadata.icc and not opened.metadata.icc_problem and opened.metadata.says_adobe_rgb:
        profile = rgb_profile(ADOBE, D65, (ADOBE_GAMMA,))
        return replace(opened, metadata=replace(opened.metadata, icc=profile))
    return opened


def _jpeg(data: bytes, check_size: SizeCheck) -> Opened:
    parts = jpeg.take_apart(data)
    frame = parts.frame
    assert frame is not None
    check_size(frame.width, frame.height)
    if frame.bits != 8:
        raise DecodeError(Status.UNDECODABLE, f"a JPEG of {frame.bits} bits a sample is not read: convert it to 8")
    note = jpeg.check_whole(data, parts)
    image = _decoded(parts.codec, len(frame.components))
    metadata = Metadata(parts.exif, parts.xmp, parts.icc, parts.icc_problem, parts.dpi, notes=(note,) if note else ())
    return Opened(image, metadata, metadata.orientation)


def _decoded(codec: bytes, colours: int) -> Image.Image | np.ndarray:
    """By OpenCV, which takes half of Pillow's time for the same bytes, but knows no inks."""
    if colours in (1, 3):
        flag = cv2.IMREAD_GRAYSCALE if colours == 1 else cv2.IMREAD_COLOR_RGB
        pixels = cv2.imdecode(np.frombuffer(codec, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None:
            raise jpeg.damaged("its data cannot be decoded")
        return pixels
    image = Image.open(io.BytesIO(codec), formats=("JPEG",))
    image.load()
    return image


def _png(data: bytes, check_size: SizeCheck) -> Opened:
    parts = png.take_apart(data)
    check_size(parts.width, parts.height)
    image = Image.open(io.BytesIO(parts.codec), formats=("PNG",))
    image.load()
    return Opened(image, parts.metadata, parts.metadata.orientation, key=parts.key)


def _other(data: bytes, check_size: SizeCheck) -> Opened:
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
