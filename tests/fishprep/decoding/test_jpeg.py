"""Damaged, cut and hostile JPEGs of every kind; whole ones of every kind."""

import io
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from fishprep.common.errors import DecodeError
from fishprep.decoding import jpeg
from fishprep.decoding.decode import Limits, decode, decode_picture

PHOTO = Image.fromarray(np.ascontiguousarray(astronaut()[:241:1, :251:1]))

KINDS: dict[str, dict[str, object]] = {
    "4:2:0": {},
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "own tables": {"optimize": True},
    "progressive": {"progressive": True},
    "progressive 4:4:4": {"progressive": True, "subsampling": 0},
    "restarts by rows": {"restart_marker_rows": 1},
    "restarts by blocks": {"restart_marker_blocks": 3},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 2},
    "grey": {"mode": "L"},
    "grey progressive": {"mode": "L", "progressive": True},
    "inks": {"mode": "CMYK"},
    "fine": {"quality": 100},
    "coarse": {"quality": 5},
}


def encoded(image: Image.Image = PHOTO, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    image.convert(mode).save(stream, "JPEG", **{"quality": 92, **options})
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(251, 241), (16, 16), (1, 1), (9, 33)])
def test_whole_ones_decode_as_pillow_does(kind: str, size: tuple[int, int]) -> None:
    data = encoded(PHOTO.resize(size), **KINDS[kind])  # type: ignore[arg-type]
    picture = decode_picture(data, Limits())
    np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert picture.note == ""


def damages(data: bytes, count: int, size: int) -> Iterator[bytes]:
    """With `size` random bytes somewhere in the compressed data."""
    parts = jpeg.take_apart(data)
    scan = max(parts.scans, key=lambda scan: scan.end - scan.start)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        at = int(rng.integers(scan.start, scan.end - size))
        yield data[:at] + rng.integers(0, 256, size, np.uint8).tobytes() + data[at + size :]


def refused(data: bytes) -> bool:
    try:
        decode(data, Limits())
    except DecodeError as error:
        assert error.status == "undecodable", error
        return True
    return False


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "coarse"])
def test_overwritten_data_are_undecodable(kind: str) -> None:
    data = encoded(**KINDS[kind])  # type: ignore[arg-type]
    assert all(refused(damaged) for damaged in damages(data, 12, 400))


@pytest.mark.parametrize("kind", ["4:2:0", "progressive", "restarts by blocks", "grey"])
def test_everything_that_libjpeg_warns_of_is_found(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """OpenCV prints libjpeg's first warning on the error channel of the process."""
    data = encoded(**KINDS[kind])  # type: ignore[arg-type]
    warned = 0
    for damaged in damages(data, 40, 6):
        capfd.readouterr()
        cv2.imdecode(np.frombuffer(damaged, np.uint8), cv2.IMREAD_COLOR)
        if "Corrupt JPEG data" in capfd.readouterr().err:
            warned += 1
            assert refused(damaged)
    assert warned > 5


@pytest.mark.parametrize("fill", [b"\0", b"\x55", b"\xff", b"\xaa"])
def test_a_stretch_of_one_value_is_undecodable(fill: bytes) -> None:
    data = encoded(quality=95)
    half = len(data) // 2
    assert refused(data[:half] + fill * 400 + data[half + 400 :])
    assert refused(data[:half] + fill * (len(data) - half))


@pytest.mark.parametrize("kind", KINDS)
def test_a_stretch_that_is_missing_is_undecodable(kind: str) -> None:
    data = encoded(**KINDS[kind])  # type: ignore[arg-type]
    parts = jpeg.take_apart(data)
    scan = max(parts.scans, key=lambda scan: scan.end - scan.start)
    middle = (scan.start + scan.end) // 2
    assert refused(data[:middle] + data[scan.end - 20 :])
    assert refused(data[:middle])
    assert refused(data[:middle] + b"\xff\xd9")


def test_rubbish_behind_a_whole_picture_is_fine() -> None:
    for kind in KINDS.values():
        data = encoded(**kind)  # type: ignore[arg-type]
        true = decode(data, Limits())
        for behind in (b"\0" * 1000, b"rubbish" * 99, data, b"\xff\xd8\xff", b"\xff"):
            np.testing.assert_array_equal(decode(data + behind, Limits()), true)


def test_a_whole_picture_without_its_end_mark_is_taken() -> None:
    data = encoded()
    np.testing.assert_array_equal(decode(data[:-2], Limits()), decode(data, Limits()))
    np.testing.assert_array_equal(
        decode(data[:-2] + b"\0\0\0" + data[-2:], Limits()), decode(data, Limits())
    )  # filling


def test_metadata_of_any_size_and_state_leave_the_pixels() -> None:
    data, true = encoded(), decode(encoded(), Limits())
    segments = [
        b"Exif\0\0" + b"\xff" * 900,
        b"http://ns.adobe.com/xap/1.0/\0<x",
        b"Photoshop 3.0\x008BIM" + b"\xff" * 20,
        b"MPF\0II*\0",
    ]
    for marker in (0xE1, 0xE2, 0xED, 0xFE):
        for body in (*segments, b"", b"x" * 65533):
            segment = bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
            np.testing.assert_array_equal(decode(data[:2] + segment * 20 + data[2:], Limits()), true)


def test_more_scans_than_any_encoder_writes_are_too_large() -> None:
    data = encoded(progressive=True)
    parts = jpeg.take_apart(data)
    last = parts.scans[-1]
    start = data.rindex(b"\xff\xda", 0, last.start)
    empty = data[start : last.start] + b"\0"
    assert len(parts.scans) <= 12
    with pytest.raises(DecodeError, match="scans") as caught:
        decode(data[:-2] + empty * jpeg.MOST_SCANS + data[-2:], Limits())
    assert caught.value.status == "too_large"


def test_damaged_headers_never_raise_anything_else() -> None:
    data = encoded(PHOTO.resize((40, 30)), progressive=True)
    rng = np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(data)
        for at in rng.integers(2, len(data), 3):
            bad[at] = rng.integers(0, 256)
        try:
            decode(bytes(bad), Limits())
        except DecodeError as error:
            assert error.status in ("undecodable", "too_large")


def test_twelve_bits_are_refused_by_name() -> None:
    data = encoded()
    at = data.index(b"\xff\xc0")
    with pytest.raises(DecodeError, match="12 bits"):
        decode(data[:at] + b"\xff\xc1" + data[at + 2 : at + 4] + b"\x0c" + data[at + 5 :], Limits())
