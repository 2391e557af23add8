"""Photos of every kind, honest and hostile, through the decoder."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fishprep.common.errors import DecodeError
from fishprep.decoding.decode import Limits, decode, decode_file, read_file
from fishprep.decoding.formats import looks_like_picture

LIMITS = Limits()


def encoded(image: Image.Image, fmt: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, fmt, **options)
    return stream.getvalue()


def gradient(mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[0:24, 0:32]
    return Image.fromarray(np.stack([x * 8, y * 10, 255 - x * 8], -1).astype(np.uint8)).convert(mode)


@pytest.mark.parametrize("fmt", ["PNG", "BMP", "PPM", "TIFF", "WEBP"])
def test_lossless_formats_give_back_the_pixels(fmt: str) -> None:
    data = encoded(gradient(), fmt, **({"lossless": True} if fmt == "WEBP" else {}))
    assert looks_like_picture(data[:16])
    np.testing.assert_array_equal(decode(data, LIMITS), np.asarray(gradient()))


def test_jpeg_is_close() -> None:
    error = np.abs(decode(encoded(gradient(), "JPEG", quality=95), LIMITS).astype(int) - np.asarray(gradient()))
    assert error.mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_exif_orientation_ends_upright(orientation: int, fmt: str) -> None:
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :8] = (255, 0, 0)  # red at the top left, blue at the bottom right: every wrong turn shows
    upright[8:, 16:] = (0, 0, 255)
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[
        orientation
    ]  # the transposition that undoes the viewer's
    stored = Image.fromarray(upright)
    stored = stored if back is None else stored.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = decode(encoded(stored, fmt, exif=exif), LIMITS).astype(int)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright).mean() < 12


def test_damaged_exif_keeps_the_pixels() -> None:
    data = encoded(gradient(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 40)
    assert decode(data, LIMITS).shape == (24, 32, 3)


@pytest.mark.parametrize(("mode", "fmt"), [("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("CMYK", "JPEG"), ("LA", "PNG")])
def test_other_modes_become_rgb(mode: str, fmt: str) -> None:
    image = gradient("L").convert(mode) if mode != "CMYK" else gradient("CMYK")
    decoded = decode(encoded(image, fmt), LIMITS)
    assert decoded.dtype == np.uint8 and decoded.shape == (24, 32, 3)
    expected = np.asarray((gradient() if mode == "CMYK" else gradient("L").convert(mode)).convert("RGB"), int)
    assert np.abs(decoded - expected).mean() < 6


def test_sixteen_bit_grey_keeps_its_range() -> None:
    levels = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(8, 0)
    decoded = decode(encoded(Image.fromarray(levels), "PNG"), LIMITS)
    np.testing.assert_allclose(decoded[..., 1], levels / 257, atol=0.51)


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    np.testing.assert_array_equal(decode(encoded(clear, "PNG"), LIMITS), np.full((4, 4, 3), 255))
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30])
    np.testing.assert_array_equal(decode(encoded(palette, "PNG", transparency=0), LIMITS), np.full((4, 4, 3), 255))


def test_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(decode(data, LIMITS)[0, 0], (255, 0, 0))


def test_one_pixel() -> None:
    assert decode(encoded(Image.new("RGB", (1, 1), "red"), "PNG"), LIMITS).shape == (1, 1, 3)


def huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [20_000, 60_000])
def test_a_header_of_many_pixels_is_refused_unopened(side: int) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(huge_png(side, side), LIMITS)
    assert caught.value.status == "too_large"


BROKEN = {
    "empty": b"",
    "text": b"this is not a picture",
    "zeros": bytes(1000),
    "gif": encoded(gradient("P"), "GIF"),
    "truncated jpeg": encoded(gradient().resize((300, 300)), "JPEG")[:900],
    "truncated png": encoded(gradient().resize((300, 300)), "PNG")[:300],
    "png header alone": huge_png(10, 10),
    "webp header alone": b"RIFF\x10\0\0\0WEBPVP8 ",
    "tiff to nowhere": b"II*\0\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes_are_undecodable_with_a_reason(name: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(BROKEN[name], LIMITS)
    assert caught.value.status == "undecodable"
    assert caught.value.reason and "\n" not in caught.value.reason


def test_flipped_bytes_never_raise_anything_else() -> None:
    rng = np.random.default_rng(0)
    for fmt in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM"):
        good = np.frombuffer(encoded(gradient(), fmt), np.uint8)
        for _ in range(60):
            bad = good.copy()
            where = rng.integers(0, len(bad), 6)
            bad[where] = rng.integers(0, 256, 6)
            try:
                decoded = decode(bad.tobytes(), LIMITS)
            except DecodeError as error:
                assert error.status in ("undecodable", "too_large")
            else:
                assert decoded.dtype == np.uint8 and decoded.ndim == 3


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(gradient(), "JPEG"))
    assert decode_file(path, LIMITS).shape == (24, 32, 3)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(bytes(2000))
    with pytest.raises(DecodeError) as caught:
        read_file(path, Limits(max_bytes=1999))
    assert caught.value.status == "too_large"
    assert len(read_file(path, Limits(max_bytes=2000))) == 2000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("most", [100 * 2**40, 10**30])
def test_no_limit_asks_for_more_memory_than_the_file_has_bytes(tmp_path: Path, most: int) -> None:
    (tmp_path / "a.png").write_bytes(bytes(3_000_000))
    assert len(read_file(tmp_path / "a.png", Limits(max_bytes=most))) == 3_000_000


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs a file that says it has no bytes")
def test_the_limit_is_on_what_is_read_not_on_what_the_file_says() -> None:
    with pytest.raises(DecodeError) as caught:
        read_file(Path("/proc/self/maps"), Limits(max_bytes=100))
    assert caught.value.status == "too_large"


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError("out of memory error when reading image file"), RuntimeError("std::bad_alloc")],
    ids=lambda error: type(error).__name__,
)
def test_memory_that_runs_out_says_nothing_about_the_picture(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def load(picture: Image.Image) -> None:
        raise error

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(DecodeError) as caught:
        decode(encoded(gradient(), "PNG"), LIMITS)
    assert caught.value.status == "failed" and "memory" in caught.value.reason


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DecodeError) as caught:
        read_file(tmp_path / "pipe.jpg", LIMITS)
    assert caught.value.status == "unreadable"


def test_missing_and_folder_are_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(DecodeError) as caught:
            read_file(path, LIMITS)
        assert caught.value.status == "unreadable"
