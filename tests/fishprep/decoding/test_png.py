"""Chunks of PNGs: those of pixels are held to their sums, all others cost nothing."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from skimage.data import astronaut

from fishprep.common.errors import DecodeError
from fishprep.decoding.decode import Limits, decode, decode_picture

PHOTO = np.ascontiguousarray(astronaut()[::4, ::4])


def encoded(**options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PHOTO).save(stream, "PNG", **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(kind: bytes, body: bytes, count: int = 1) -> bytes:
    data = encoded()
    return data[:33] + chunk(kind, body) * count + data[33:]


ZIPPED = {
    "zTXt": (b"zTXt", b"workflow\0\0"),
    "iTXt": (b"iTXt", b"workflow\0\1\0\0\0"),
    "XMP": (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"),
    "raw EXIF": (b"zTXt", b"Raw profile type exif\0\0"),
    "profile": (b"iCCP", b"name\0\0"),
}
"""What a bomb follows."""
LONG = {
    "tEXt": (b"tEXt", b"workflow\0" + b"x" * 3_000_000),
    "EXIF": (b"eXIf", b"MM\0*" + b"\xff" * 3_000_000),
    "unknown": (b"abCd", b"x" * 3_000_000),
    "broken text": (b"zTXt", b"workflow\0\0" + b"no data"),
    "two headers of text": (b"iTXt", b""),
}


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A few bytes that become 300 MB."""
    return zlib.compress(bytes(300_000_000), 9)


@pytest.mark.parametrize("name", [*ZIPPED, *LONG])
def test_long_metadata_leave_the_pixels_and_take_no_memory(name: str, bomb: bytes) -> None:
    kind, body = LONG[name] if name in LONG else ZIPPED[name]
    data = with_chunk(kind, body if name in LONG else body + bomb)
    decode(encoded(), Limits())
    tracemalloc.start()
    try:
        np.testing.assert_array_equal(decode(data, Limits()), PHOTO)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000 + 2 * len(data)
    finally:
        tracemalloc.stop()


def test_many_texts() -> None:
    np.testing.assert_array_equal(decode(with_chunk(b"tEXt", b"a\0" + b"x" * 1000, 3000), Limits()), PHOTO)


def test_a_long_text_written_by_pillow() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("workflow", "x" * 3_000_000, zip=True)
    info.add_text("other", "x" * 3_000_000, zip=True)
    np.testing.assert_array_equal(decode(encoded(pnginfo=info), Limits()), PHOTO)


def test_a_damaged_text_with_a_wrong_sum() -> None:
    data = bytearray(with_chunk(b"tEXt", b"a\0bcd"))
    data[33 + 10] ^= 255
    np.testing.assert_array_equal(decode(bytes(data), Limits()), PHOTO)


def test_every_flipped_byte_of_the_pixels_is_found() -> None:
    """Also with a level of 0, where the data are stored and any byte inflates."""
    for level in (0, 6):
        data = encoded(compress_level=level)
        start = data.index(b"IDAT")
        for at in range(start + 4, len(data) - 16, len(data) // 40):
            bad = bytearray(data)
            bad[at] ^= 1
            with pytest.raises(DecodeError) as caught:
                decode(bytes(bad), Limits())
            assert caught.value.status == "undecodable"


def test_cut_files_and_rubbish_behind() -> None:
    data = encoded()
    for cut in range(8, len(data) - 16, len(data) // 30):
        with pytest.raises(DecodeError):
            decode(data[:cut], Limits())
    np.testing.assert_array_equal(decode(data + b"rubbish" * 100, Limits()), PHOTO)
    np.testing.assert_array_equal(decode(data[:-12], Limits()), PHOTO)  # all of the pixels, no end mark


def test_orientation_by_every_chunk_that_may_hold_it() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    text = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n" % len(block) + block.hex().encode() + b"\n")
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
    for kind, body in ((b"eXIf", block), (b"zTXt", text), (b"iTXt", xmp)):
        picture = decode_picture(with_chunk(kind, body), Limits())
        np.testing.assert_array_equal(picture.pixels, np.rot90(PHOTO, -1))
        assert picture.orientation == 6


def test_an_animation_says_which_frame_it_gives() -> None:
    frames = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO), Image.fromarray(PHOTO // 2)]
    for fmt, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        stream = io.BytesIO()
        frames[0].save(stream, fmt, save_all=True, append_images=frames[1:], **options)
        picture = decode_picture(stream.getvalue(), Limits())
        np.testing.assert_array_equal(picture.pixels, PHOTO)
        assert picture.note == "the first of 3 frames"


@pytest.mark.parametrize("fmt", ["WEBP", "BMP", "PPM", "TIFF"])
def test_other_containers_that_are_cut(fmt: str) -> None:
    stream = io.BytesIO()
    Image.fromarray(PHOTO).save(stream, fmt)
    data = stream.getvalue()
    for share in (0.3, 0.6, 0.95):
        with pytest.raises(DecodeError) as caught:
            decode(data[: int(len(data) * share)], Limits())
        assert caught.value.status == "undecodable"
