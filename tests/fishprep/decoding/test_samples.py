"""Depth, sense and transparency of samples in every container: right, or refused by name."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from fishprep.common.errors import DecodeError
from fishprep.decoding.decode import Limits, Picture, decode, decode_picture

RAMP = np.arange(256, dtype=np.uint32).reshape(8, 32)
"""Grey levels 0 to 255, as they are to come out."""


def tiff(strip: bytes, bits: tuple[int, ...], order: str = "<", **tags: tuple[int, ...]) -> bytes:
    """A file of 32 x 8 pixels, uncompressed; tags as t262=(1,)."""
    values = {256: (32,), 257: (8,), 258: bits, 259: (1,), 262: (1,), 277: (len(bits),), 278: (8,), 279: (len(strip),)}
    values |= {int(name[1:]): value for name, value in tags.items()}
    values[273] = (0,)
    values = {tag: value for tag, value in sorted(values.items()) if value}
    start = 8 + 2 + 12 * len(values) + 4
    behind, entries = b"", b""
    for tag, value in values.items():
        packed = struct.pack(f"{order}{len(value)}H", *value)
        if len(packed) > 4:
            packed, behind = struct.pack(f"{order}I", start + len(behind)), behind + packed
        entries += struct.pack(f"{order}HHI", tag, 3, len(value)) + packed.ljust(4, b"\0")
    offset = struct.pack(f"{order}H", start + len(behind))
    place = entries.index(struct.pack(f"{order}HHI", 273, 3, 1)) + 8
    entries = entries[:place] + offset.ljust(4, b"\0") + entries[place + 4 :]
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(values)) + entries + bytes(4) + behind + strip


def packed(values: np.ndarray, bits: int) -> bytes:
    """Samples without gaps, each row from a new byte."""
    rows = [np.unpackbits(row.astype(">u2").view(np.uint8)).reshape(-1, 16)[:, 16 - bits :].ravel() for row in values]
    return np.packbits(np.stack(rows), axis=1).tobytes()


def words(values: np.ndarray, order: str = "<") -> bytes:
    return values.astype(f"{order}u2").tobytes()


INKS = np.stack([RAMP, 255 - RAMP, RAMP // 2, RAMP // 4], -1)
RGB = np.stack([RAMP, 255 - RAMP, RAMP // 2], -1)
FULL = (65535 * RAMP + 127) // 255

GREY = {
    "1 bit": (tiff(packed(RAMP >> 7, 1), (1,)), (RAMP >> 7) * 255),
    "1 bit, white is zero": (tiff(packed(1 - (RAMP >> 7), 1), (1,), t262=(0,)), (RAMP >> 7) * 255),
    "2 bits": (tiff(packed(RAMP >> 6, 2), (2,)), (RAMP >> 6) * 85),
    "4 bits": (tiff(packed(RAMP >> 4, 4), (4,)), (RAMP >> 4) * 17),
    "4 bits, white is zero": (tiff(packed(15 - (RAMP >> 4), 4), (4,), t262=(0,)), (RAMP >> 4) * 17),
    "8 bits": (tiff(RAMP.astype(np.uint8).tobytes(), (8,)), RAMP),
    "8 bits, white is zero": (tiff((255 - RAMP).astype(np.uint8).tobytes(), (8,), t262=(0,)), RAMP),
    "12 bits": (tiff(packed(RAMP * 4095 // 255, 12), (12,)), RAMP),
    "16 bits": (tiff(words(FULL), (16,)), RAMP),
    "16 bits, Motorola": (tiff(words(FULL, ">"), (16,), ">"), RAMP),
    "16 bits, white is zero": (tiff(words(65535 - FULL), (16,), t262=(0,)), RAMP),
}


@pytest.mark.parametrize("name", GREY)
def test_grey_tiffs(name: str) -> None:
    data, expected = GREY[name]
    picture = decode_picture(data, Limits())
    assert np.abs(picture.pixels[..., 1].astype(int) - expected).max() <= 1
    bits = int(name.split()[0])
    assert picture.note == (f"{bits} bits a sample reduced to 8" if bits > 8 else "")


COLOUR = {
    "RGB": (tiff(RGB.astype(np.uint8).tobytes(), (8, 8, 8), t262=(2,)), RGB),
    "RGB of 16 bits": (tiff(words(RGB * 257), (16, 16, 16), t262=(2,)), RGB),
    "CMYK": (
        tiff(INKS.astype(np.uint8).tobytes(), (8,) * 4, t262=(5,)),
        (255 - INKS[..., :3]) * (255 - INKS[..., 3:]) / 255,
    ),
    "clear, straight": (
        tiff(np.dstack([RGB, np.full_like(RAMP, 128)]).astype(np.uint8).tobytes(), (8,) * 4, t262=(2,), t338=(2,)),
        RGB * 128 / 255 + 127,
    ),
    "clear, multiplied": (
        tiff(
            np.dstack([RGB * 128 // 255, np.full_like(RAMP, 128)]).astype(np.uint8).tobytes(),
            (8,) * 4,
            t262=(2,),
            t338=(1,),
        ),
        RGB * 128 / 255 + 127,
    ),
    "grey and clear": (
        tiff(np.dstack([RAMP, np.full_like(RAMP, 64)]).astype(np.uint8).tobytes(), (8, 8), t338=(2,)),
        np.dstack([RAMP * 64 / 255 + 191] * 3),
    ),
    "grey and clear, multiplied": (
        tiff(np.dstack([RAMP * 64 // 255, np.full_like(RAMP, 64)]).astype(np.uint8).tobytes(), (8, 8), t338=(1,)),
        np.dstack([RAMP * 64 / 255 + 191] * 3),
    ),
    "a channel of no meaning": (
        tiff(np.dstack([RGB, np.zeros_like(RAMP)]).astype(np.uint8).tobytes(), (8,) * 4, t262=(2,), t338=(0,)),
        RGB,
    ),
}


MULTIPLIED_GREY = (b"II", 1, (1,), 1, (8, 8), (1,))
"""What Pillow calls a TIFF of grey multiplied by its alpha."""


@pytest.mark.parametrize("name", COLOUR)
def test_colour_and_alpha_of_tiffs(name: str) -> None:
    data, expected = COLOUR[name]
    if name == "grey and clear, multiplied" and MULTIPLIED_GREY not in TiffImagePlugin.OPEN_INFO:
        with pytest.raises(DecodeError, match="a TIFF that is not read"):  # Pillows there are that do not know it
            decode_picture(data, Limits())
        return
    picture = decode_picture(data, Limits())
    assert np.abs(picture.pixels - expected).max() <= 2.5
    assert (picture.alpha is not None) == ("clear" in name)
    assert ("no stated meaning" in picture.note) == ("no meaning" in name)


REFUSED = {
    "signed": tiff(RAMP.astype(np.uint8).tobytes(), (8,), t339=(2,)),
    "signed of 16": tiff(words(FULL // 2), (16,), t339=(2,)),
    "32 bits": tiff((RAMP * 16843009).astype("<u4").tobytes(), (32,)),
    "floating": tiff(RAMP.astype("<f4").tobytes(), (32,), t339=(3,)),
    "10 bits": tiff(packed(RAMP * 1023 // 255, 10), (10,)),
    "CIELab": tiff(RGB.astype(np.uint8).tobytes(), (8, 8, 8), t262=(8,)),
    "subsampled": tiff(RGB.astype(np.uint8).tobytes(), (8, 8, 8), t262=(6,)),
    "other inks": tiff(INKS.astype(np.uint8).tobytes(), (8,) * 4, t262=(5,), t332=(2,)),
    "16 bits, a plane a colour": tiff(
        words(np.moveaxis(RGB * 257, -1, 0)), (16,) * 3, t262=(2,), t284=(2,), t273=(0,) * 3
    ),
    "5, 6 and 5 bits": tiff(RGB.astype(np.uint8).tobytes(), (5, 6, 5), t262=(2,)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_come_out_wrong_is_refused(name: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(REFUSED[name], Limits())
    assert caught.value.status == "undecodable" and "a TIFF that is not read" in caught.value.reason


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiffs(compression: str) -> None:
    for mode, values in (("L", RAMP.astype(np.uint8)), ("I;16", FULL.astype(np.uint16)), ("RGB", RGB.astype(np.uint8))):
        stream = io.BytesIO()
        Image.fromarray(values).save(stream, "TIFF", compression=compression)
        shown = decode(stream.getvalue(), Limits())
        assert np.abs(shown.astype(int) - (RGB if mode == "RGB" else RAMP[..., None])).max() <= 1
        for cut in (len(stream.getvalue()) // 2, 60):
            with pytest.raises(DecodeError):
                decode(stream.getvalue()[:cut], Limits())


def test_a_damaged_jpeg_in_a_tiff() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    for mode in ("L", "RGB", "YCbCr", "CMYK"):
        stream = io.BytesIO()
        Image.fromarray(noise).convert(mode).save(stream, "TIFF", compression="jpeg", quality=95)
        data = stream.getvalue()
        assert decode(data, Limits()).shape == noise.shape
        refused = 0
        for at in range(2000, 4000, 100):
            broken = data[:at] + bytes(8) + data[at + 8 :]
            with contextlib.suppress(DecodeError):
                decode(broken, Limits())
                continue
            refused += 1
        assert refused >= 18, mode


def test_pnm_of_any_range() -> None:
    for most in (1, 100, 255, 1000, 4095, 65535):
        values = RAMP * most // 255
        raw = values.astype(np.uint8 if most < 256 else ">u2").tobytes()
        picture = decode_picture(b"P5 32 8 %d\n" % most + raw, Limits())
        assert np.abs(picture.pixels[..., 0] - values * 255 / most).max() <= 1, most
        assert ("16 bits" in picture.note) == (most > 255)
        colour = np.repeat(values[..., None], 3, 2).astype(np.uint8 if most < 256 else ">u2").tobytes()
        picture = decode_picture(b"P6 32 8 %d\n" % most + colour, Limits())
        assert np.abs(picture.pixels[..., 2] - values * 255 / most).max() <= 1, most
        assert ("16 bits" in picture.note) == (most > 255)
    with pytest.raises(DecodeError):
        decode(b"P5 32 8 255\n" + bytes(100), Limits())


def png(values: np.ndarray, bits: int, kind: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """values: (H, W) or (H, W, channels)."""
    height, width = values.shape[:2]
    flat = values.reshape(height, -1)
    rows = flat.astype(">u2" if bits == 16 else np.uint8)
    lines = [b"\0" + (packed(row[None], bits) if bits < 8 else row.tobytes()) for row in rows]
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    body = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")]
    made = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in body]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def clear(picture: Picture) -> np.ndarray:
    assert picture.alpha is not None
    return picture.alpha == 0


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_of_a_png_in_any_depth(bits: int) -> None:
    values = (RAMP >> 7 if bits == 1 else FULL >> (16 - bits)).astype(np.uint16)
    key = int(values[-1, -1])
    picture = decode_picture(png(values, bits, 0, (b"tRNS", struct.pack(">H", key))), Limits())
    np.testing.assert_array_equal(clear(picture), values == key)
    assert (picture.pixels[clear(picture)] == 255).all()
    shown = values[~clear(picture)].astype(float) * 255 / (2**bits - 1)
    assert np.abs(picture.pixels[..., 0][~clear(picture)] - shown).max() <= 1


def test_a_transparent_colour_of_a_png() -> None:
    values = RGB.astype(np.uint8)
    picture = decode_picture(png(values, 8, 2, (b"tRNS", struct.pack(">3H", *values[3, 5]))), Limits())
    assert clear(picture).sum() == 1 and clear(picture)[3, 5]
    with pytest.raises(DecodeError, match="16 bits"):
        decode(png(RGB * 257, 16, 2, (b"tRNS", struct.pack(">3H", 1, 2, 3))), Limits())


def test_a_png_of_16_bits_with_alpha() -> None:
    picture = decode_picture(png(np.dstack([FULL, np.full_like(FULL, 32768)]), 16, 4), Limits())
    assert picture.alpha is not None and np.abs(picture.alpha.astype(int) - 128).max() <= 1
    assert picture.note == "16 bits a sample reduced to 8"
    assert picture.colours is not None and np.abs(picture.colours[..., 1].astype(int) - RAMP).max() <= 1


def test_a_palette_with_alpha() -> None:
    palette = bytes(range(256)) * 3
    data = png(RAMP, 8, 3, (b"PLTE", palette), (b"tRNS", bytes(range(256))))
    picture = decode_picture(data, Limits())
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha, RAMP)


def test_an_opaque_alpha_is_none() -> None:
    stream = io.BytesIO()
    Image.fromarray(np.dstack([RGB, np.full_like(RAMP, 255)]).astype(np.uint8)).save(stream, "PNG")
    picture = decode_picture(stream.getvalue(), Limits())
    assert picture.alpha is None
    np.testing.assert_array_equal(picture.pixels, RGB)
