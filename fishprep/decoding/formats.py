"""The formats of pictures that are read: what their files begin with, and what opens them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from fishprep.decoding import png
from fishprep.decoding.containers import Opened, SizeCheck, open_by_pillow, open_jpeg, open_png
from fishprep.decoding.primaries import ADOBE, D65, rgb_profile

ADOBE_GAMMA = 563 / 256


@dataclass(frozen=True)
class Format:
    """A format. begins: whether the first 16 bytes of a file are its own. open: the first picture of the file, loaded; it says the
    size before it decodes a pixel, and raises DecodeError for a damaged file."""

    begins: Callable[[bytes], bool]
    open: Callable[[bytes, SizeCheck], Opened]


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


def _is_ppm(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace()


FORMATS = {
    "JPEG": Format(_starts(b"\xff\xd8\xff"), open_jpeg),
    "PNG": Format(_starts(png.SIGNATURE), open_png),
    "WEBP": Format(lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", open_by_pillow),
    "BMP": Format(_starts(b"BM"), open_by_pillow),
    "PPM": Format(_is_ppm, open_by_pillow),
    "TIFF": Format(_starts(b"II*\0", b"MM\0*"), open_by_pillow),
}
"""What is decoded."""


def looks_like_picture(head: bytes) -> bool:
    """Whether the first 16 bytes of a file are those of one of `FORMATS`."""
    return any(known.begins(head) for known in FORMATS.values())


def open_picture(data: bytes, check_size: SizeCheck) -> Opened:
    """Open and load the first picture. DecodeError where it is damaged; Pillow's own errors where that finds it so.

    What begins like none is left to Pillow, which knows rarer beginnings of its formats.
    """
    opens = next((known.open for known in FORMATS.values() if known.begins(data[:16])), open_by_pillow)
    opened = opens(data, check_size)
    if not opened.metadata.icc and not opened.metadata.icc_problem and opened.metadata.says_adobe_rgb:
        profile = rgb_profile(ADOBE, D65, (ADOBE_GAMMA,))
        return replace(opened, metadata=replace(opened.metadata, icc=profile))
    return opened
