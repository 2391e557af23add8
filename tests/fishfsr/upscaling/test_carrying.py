"""What goes from a file into its results beside the pixels: alpha, metadata, formats, frames without a face."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from resolvers import BicubicResolver, KnownFaces

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.clear import without_white
from fishfsr.upscaling.faces import FaceFinder, Search
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.models import FaceModel, ModelSet
from fishfsr.upscaling.pictures import PictureFormat
from fishfsr.upscaling.planning import Planner
from fishfsr.upscaling.request import UpscaleReport, UpscaleRequest
from fishfsr.upscaling.results import PhotoSize
from fishfsr.upscaling.run import upscale_files
from fishprep.decoding.decode import Limits, decode
from fishprep.decoding.primaries import D65, SRGB_CURVE, rgb_profile

Points = Callable[..., np.ndarray]
WIDTH, HEIGHT = 120, 90
P3 = rgb_profile(((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65, SRGB_CURVE)


def smooth(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 3, WIDTH // 3, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def planner(points: list[np.ndarray], kind: Kind = Kind.PHOTO) -> Planner:
    models = ModelSet([FaceModel("x8", BicubicResolver(8))])
    finder = FaceFinder(KnownFaces(WIDTH, points), Search(smallest=8)) if kind is Kind.PHOTO else None
    return Planner(models, finder, kind)


def upscale(source: Path, out: Path, made: Planner, **options: Any) -> UpscaleReport:
    return upscale_files(UpscaleRequest((source,), out, **options), made)


def row(report: UpscaleReport) -> dict[str, Any]:
    return json.loads(report.table.read_text(encoding="utf-8"))["inputs"][0]


@pytest.fixture
def cut_out(tmp_path: Path) -> Path:
    """A photo whose left third is clear, and black there; the rest is opaque."""
    image = smooth(1).copy()
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, :40] = 0
    image[:, :40] = 0
    Image.fromarray(np.dstack([image, alpha])).save(tmp_path / "cut.png")
    return tmp_path / "cut.png"


def test_alpha_is_enlarged_beside_the_colours(cut_out: Path, tmp_path: Path, points_at: Points) -> None:
    report = upscale(cut_out, tmp_path / "out", planner([points_at(70, 40, 16)]))
    assert row(report)["status"] == "ok"
    with Image.open(tmp_path / "out/restored_photos/cut.png") as written:
        shown = np.asarray(written)
    assert shown.shape == (HEIGHT * 8, WIDTH * 8, 4)
    assert (shown[:, :300, 3] == 0).all() and (shown[:, 340:, 3] == 255).all()
    opaque = Image.fromarray(smooth(1)).resize((WIDTH * 8, HEIGHT * 8), Image.Resampling.BICUBIC)
    off = np.abs(shown[..., :3].astype(int) - np.asarray(opaque))[:, 400:]
    assert off.max() <= 2  # the face as well: a bicubic model gives the bicubic photo, and no white comes through
    edge = shown[:, 312:330]
    seen = edge[edge[..., 3] > 64]
    assert len(seen) and 60 < seen[:, :3].mean() < 160  # neither the black that nobody saw nor white runs out


def test_a_clear_face_crop_comes_back_clear(tmp_path: Path) -> None:
    image = np.asarray(Image.fromarray(smooth(2)).resize((16, 16)))
    alpha = np.full((16, 16), 255, np.uint8)
    alpha[:, :8] = 128
    Image.fromarray(np.dstack([image, alpha])).save(tmp_path / "face.png")
    upscale(tmp_path / "face.png", tmp_path / "out", planner([], Kind.CROP))
    for folder in ("cropped_faces", "restored_faces"):
        with Image.open(tmp_path / "out" / folder / "face_00.png") as written:
            assert written.mode == "RGBA"
            shown = np.asarray(written)
        scale = len(shown) // 16
        assert (shown[:, : 6 * scale, 3] == 128).all() and (shown[:, 10 * scale :, 3] == 255).all()
        expected = np.asarray(Image.fromarray(image).resize((16 * scale, 16 * scale), Image.Resampling.BICUBIC))
        assert np.abs(shown[..., :3].astype(int) - expected)[:, : 5 * scale].max() <= 4


def test_a_face_in_a_half_clear_photo_brings_no_white(tmp_path: Path, points_at: Points) -> None:
    alpha = np.full((HEIGHT, WIDTH), 128, np.uint8)
    Image.fromarray(np.dstack([smooth(1), alpha])).save(tmp_path / "half.png")
    upscale(tmp_path / "half.png", tmp_path / "out", planner([points_at(70, 40, 16)]))
    with Image.open(tmp_path / "out/restored_photos/half.png") as written:
        shown = np.asarray(written)
    assert (shown[..., 3] == 128).all()
    plain = np.asarray(Image.fromarray(smooth(1)).resize((WIDTH * 8, HEIGHT * 8), Image.Resampling.BICUBIC))
    assert np.abs(shown[..., :3].astype(int) - plain).max() <= 6  # of white it would be 127


def test_white_is_taken_out_again() -> None:
    rng = np.random.default_rng(0)
    colours, alpha = rng.integers(0, 256, (40, 40, 3)), rng.integers(100, 256, (40, 40))
    laid = np.rint(colours * (alpha / 255)[..., None] + 255 * (1 - alpha / 255)[..., None]).astype(np.uint8)
    assert np.abs(without_white(laid, alpha.astype(np.uint8)).astype(int) - colours).max() <= 2


def test_jpeg_has_no_transparency_which_is_said(cut_out: Path, tmp_path: Path, points_at: Points) -> None:
    report = upscale(cut_out, tmp_path / "out", planner([points_at(70, 40, 16)]), format=PictureFormat("jpeg", 90))
    assert "transparency" in row(report)["note"]
    with Image.open(tmp_path / "out/restored_photos/cut.jpg") as written:
        assert written.format == "JPEG" and written.getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize("fmt", ["png", "jpeg", "webp"])
def test_metadata_go_along_without_what_is_not_true_any_more(fmt: str, tmp_path: Path, points_at: Points) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8298] = 6, "a camera", "(c) somebody"
    exif[0x8769] = {0xA001: 65535, 0xA002: HEIGHT, 0xA003: WIDTH, 0x9003: "2020:01:02 03:04:05", 0xA005: {1: "R03"}}
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" b="kept"/></x:xmpmeta>'
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    stored = Image.fromarray(np.rot90(smooth(1)))
    stored.save(tmp_path / "in.png", exif=exif, pnginfo=info, dpi=(300, 300))
    upscale(tmp_path / "in.png", tmp_path / "out", planner([points_at(70, 40, 16)]), format=PictureFormat(fmt, 100))
    suffix = "jpg" if fmt == "jpeg" else fmt
    with Image.open(tmp_path / f"out/restored_photos/in.{suffix}") as written:
        written.load()
        assert written.size == (WIDTH * 8, HEIGHT * 8) and written.format == fmt.upper()
        kept = written.getexif()
        assert kept[0x010F] == "a camera" and kept[0x8298] == "(c) somebody"
        assert kept.get(0x0112, 1) == 1
        inner = kept.get_ifd(0x8769)
        assert inner[0x9003] == "2020:01:02 03:04:05" and inner[0xA001] == 1 and 0xA005 not in inner
        assert (inner[0xA002], inner[0xA003]) == (WIDTH * 8, HEIGHT * 8)
        assert kept.get_ifd(0x8825)[1] == "N"
        found = written.info.get("xmp") or written.info.get("XML:com.adobe.xmp") or b""
        found = found.encode() if isinstance(found, str) else found
        assert b'b="kept"' in found and b"Orientation" not in found
        if fmt != "webp":
            assert np.allclose(written.info["dpi"], 300, atol=0.1)


def test_a_damaged_exif_block_is_named_and_left_behind(tmp_path: Path, points_at: Points) -> None:
    stream = io.BytesIO()
    Image.fromarray(smooth(1)).save(stream, "JPEG", exif=b"Exif\0\0no TIFF at all", quality=95)
    (tmp_path / "in.jpg").write_bytes(stream.getvalue())
    report = upscale(tmp_path / "in.jpg", tmp_path / "out", planner([points_at(70, 40, 16)]))
    assert row(report)["status"] == "ok" and "EXIF" in row(report)["note"]


def test_a_result_shows_the_colours_of_its_input(tmp_path: Path, points_at: Points) -> None:
    image = Image.fromarray(smooth(1))
    srgb = ImageCms.createProfile("sRGB")
    wide = ImageCms.profileToProfile(image, srgb, ImageCms.ImageCmsProfile(io.BytesIO(P3)), outputMode="RGB")
    wide.save(tmp_path / "in.png", icc_profile=P3)
    upscale(tmp_path / "in.png", tmp_path / "out", planner([points_at(70, 40, 16)]))
    shown = decode((tmp_path / "out/restored_photos/in.png").read_bytes(), Limits())
    expected = np.asarray(image.resize((WIDTH * 8, HEIGHT * 8), Image.Resampling.BICUBIC))
    assert np.abs(shown.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize("keep_all", [False, True])
def test_every_frame_of_a_film_is_written(keep_all: bool, tmp_path: Path) -> None:
    Image.fromarray(smooth(1)).save(tmp_path / "in.png")
    size = PhotoSize(outscale=2, keep_all=keep_all)
    report = upscale(tmp_path / "in.png", tmp_path / "out", planner([]), size=size)
    photo = tmp_path / "out/restored_photos/in.png"
    assert photo.exists() == keep_all and report.failed == (not keep_all)
    found = row(report)
    assert found["status"] == ("enlarged" if keep_all else "no_face") and "no face" in found["reason"]
    if keep_all:
        with Image.open(photo) as written:
            expected = Image.fromarray(smooth(1)).resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.BICUBIC)
            np.testing.assert_array_equal(np.asarray(written), np.asarray(expected))
        again = upscale(tmp_path / "in.png", tmp_path / "out", planner([]), size=size)
        assert again.done_before == 1


def test_a_frame_that_is_a_face_has_the_size_of_the_others(tmp_path: Path) -> None:
    Image.fromarray(smooth(2)).resize((16, 16)).save(tmp_path / "face.png")
    upscale(tmp_path / "face.png", tmp_path / "out", planner([], Kind.CROP), size=PhotoSize(4, keep_all=True))
    with Image.open(tmp_path / "out/restored_photos/face.png") as written:
        assert written.size == (64, 64)


def test_without_outscale_a_frame_without_a_face_takes_the_largest_scale(tmp_path: Path) -> None:
    Image.fromarray(smooth(1)).save(tmp_path / "in.png")
    report = upscale(tmp_path / "in.png", tmp_path / "out", planner([]), size=PhotoSize(keep_all=True))
    assert row(report)["outscale"] == 8


def test_a_side_that_the_format_cannot_have_is_refused(tmp_path: Path, points_at: Points) -> None:
    wide = np.zeros((60, 2100, 3), np.uint8)
    Image.fromarray(wide).save(tmp_path / "in.png")
    finder = FaceFinder(KnownFaces(2100, [points_at(70, 40, 16)]), Search(smallest=8))
    made = Planner(ModelSet([FaceModel("x8", BicubicResolver(8))]), finder, Kind.PHOTO)
    report = upscale(tmp_path / "in.png", tmp_path / "out", made, format=PictureFormat("webp"))
    assert row(report)["status"] == "too_large" and "16,383" in row(report)["reason"]


def test_another_format_is_another_run(tmp_path: Path, points_at: Points) -> None:
    Image.fromarray(smooth(1)).save(tmp_path / "in.png")
    made = planner([points_at(70, 40, 16)])
    upscale(tmp_path / "in.png", tmp_path / "out", made)
    with pytest.raises(ConfigurationError, match="format"):
        upscale(tmp_path / "in.png", tmp_path / "out", made, format=PictureFormat("webp"))
    with pytest.raises(ConfigurationError, match="quality"):
        PictureFormat("jpeg", 0)
