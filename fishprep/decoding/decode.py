"""Bytes of a photo → upright RGB pixels, within stated limits, whatever the bytes are."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fishprep.common.errors import DecodeError, MissingLibraryError, out_of_memory, says_out_of_memory
from fishprep.common.files import open_regular
from fishprep.common.status import Status
from fishprep.common.words import joined
from fishprep.decoding import colour, samples
from fishprep.decoding.containers import Opened
from fishprep.decoding.formats import FORMATS, open_picture
from fishprep.decoding.metadata import Metadata
from fishprep.decoding.turning import upright

VERSION = 3
"""Of what `decode` makes of the bytes of a photo: whoever changes a pixel of any photo raises it."""

MOST_PIXELS = 89_000_000
"""The largest limit that can be asked for: above it Pillow's own guard against decompression bombs speaks up."""

READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Checked before anything is decoded: size of the file in bytes, width times height in pixels."""

    max_bytes: int = 64 * 2**20
    max_pixels: int = 50_000_000


def read_file(path: Path, limits: Limits) -> bytes:
    """The content of a regular file of at most `limits.max_bytes`; DecodeError (`unreadable`, `too_large`,
    `failed` where memory runs out) otherwise."""
    try:
        with open_photo(path) as stream:
            return b"".join(read_parts(stream, limits))
    except MemoryError as error:
        raise DecodeError(Status.FAILED, out_of_memory("read")) from error


def open_photo(path: Path) -> io.BufferedReader:
    """A regular file, open; DecodeError (`unreadable`) where there is none to be had."""
    try:
        return open_regular(path)
    except OSError as error:
        raise DecodeError(Status.UNREADABLE, f"cannot be opened: {error.strerror}") from error


def read_parts(stream: io.BufferedReader, limits: Limits) -> Iterator[bytes]:
    """What is there and not what is allowed decides how much is read, whatever the file says of its size."""
    check_bytes(os.fstat(stream.fileno()).st_size, limits)
    total = 0
    try:
        while part := stream.read(READ_BYTES):
            total += len(part)
            if total > limits.max_bytes:
                raise DecodeError(Status.TOO_LARGE, f"more than the limit of {limits.max_bytes:,} bytes (--max-bytes)")
            yield part
    except OSError as error:
        raise DecodeError(Status.UNREADABLE, f"cannot be read: {error.strerror}") from error


def check_bytes(size: int, limits: Limits) -> None:
    """DecodeError (`too_large`) for a photo of more bytes than it may have."""
    if size > limits.max_bytes:
        raise DecodeError(Status.TOO_LARGE, f"{size:,} bytes, the limit is {limits.max_bytes:,} (--max-bytes)")


@dataclass(frozen=True, eq=False)
class Picture:
    """What a file shows, upright. pixels: (H, W, 3) uint8 sRGB, what is transparent laid over white.

    alpha: (H, W) uint8; None where all of it is opaque. colours: (H, W, 3) uint8, as they are below the alpha.
    note: what was done to the file's own values that its owner should know; empty where there is nothing to say.
    orientation: the EXIF orientation that it was turned by, 1 (not at all) to 8.
    metadata: what else the file says; of its own pixels, not of these.
    """

    pixels: np.ndarray
    note: str = ""
    orientation: int = 1
    alpha: np.ndarray | None = None
    colours: np.ndarray | None = None
    metadata: Metadata = field(default_factory=Metadata)


def decode(data: bytes, limits: Limits) -> np.ndarray:
    """The pixels of `decode_picture`."""
    return decode_picture(data, limits).pixels


def decode_picture(data: bytes, limits: Limits) -> Picture:
    """Decode a picture.

    Its pixels: the first frame, turned upright by its EXIF orientation; every colour profile converted to sRGB; grey, palette,
    CMYK and 16-bit pictures converted; transparency laid over white.

    Raises DecodeError with status `undecodable`, `too_large`, or `failed` where memory ran out, which says nothing about the
    picture. The size is read from the header and checked before any pixel is decoded.
    """
    if not data:
        raise DecodeError(Status.UNDECODABLE, "the file is empty")
    try:
        return _picture(open_picture(data, lambda width, height: _check_size(width, height, limits)))
    except (DecodeError, MissingLibraryError, ImportError):  # a library that is not there says nothing about the photo
        raise
    except Image.DecompressionBombError as error:
        raise DecodeError(Status.TOO_LARGE, f"more pixels than the limit of {limits.max_pixels:,}") from error
    except Exception as error:  # a decoder fed hostile bytes may raise anything
        if says_out_of_memory(error):
            raise DecodeError(Status.FAILED, out_of_memory("decode")) from error
        raise DecodeError(Status.UNDECODABLE, _one_line(error)) from error


def decode_file(path: Path, limits: Limits) -> np.ndarray:
    """`read_file`, then `decode`."""
    return decode(read_file(path, limits), limits)


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise DecodeError(
            Status.TOO_LARGE, f"{width} x {height} pixels, the limit is {limits.max_pixels:,} (--max-pixels)"
        )


def _picture(opened: Opened) -> Picture:
    metadata = opened.metadata
    stored, lies = opened.image, opened.orientation
    if isinstance(stored, np.ndarray):
        if stored.ndim == 3 and not metadata.icc and lies == 1:  # most photos: nothing is left to do
            return Picture(stored, _note(metadata), metadata=metadata)
        stored = Image.fromarray(stored)
    image, alpha = samples.eight_bits(stored, metadata.bits, opened.white_is_zero, opened.key)
    image, about_colour = colour.to_srgb(image, metadata.icc)
    note = _note(metadata, about_colour)
    if alpha is None:
        return Picture(upright(np.array(image), lies), note, opened.turned, metadata=metadata)
    shown = image.convert("RGBA")
    shown.putalpha(alpha)
    shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")
    pixels, clear, colours = (upright(np.array(each), lies) for each in (shown, alpha, image))
    return Picture(pixels, note, opened.turned, clear, colours, metadata)


def _note(metadata: Metadata, about_colour: str = "") -> str:
    return joined(
        f"{metadata.bits} bits a sample reduced to 8" if metadata.bits > 8 else "",
        f"its colour profile was passed over: {metadata.icc_problem}" if metadata.icc_problem else about_colour,
        f"the first of {metadata.frames} frames" if metadata.frames > 1 else "",
        *metadata.notes,
    )


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "cannot identify image file" in text or isinstance(error, KeyError):
        return "not a picture of a known format (" + ", ".join(FORMATS) + ")"
    return f"{text or type(error).__name__}"[:200]
