"""Colour profiles of every kind: what they mean is what comes out, and sRGB by whatever name keeps its bytes."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from skimage.data import astronaut

from fishprep.common.errors import DecodeError
from fishprep.decoding import colour, primaries
from fishprep.decoding.decode import Limits, decode, decode_picture
from fishprep.decoding.primaries import ADOBE, BT709, D65, SRGB_CURVE, rgb_profile

P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
PROPHOTO, D50 = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585)
SRGB = ImageCms.createProfile("sRGB")
PHOTO = np.ascontiguousarray(astronaut()[::4, ::4])

WIDE = {
    "Display P3": rgb_profile(P3, D65, SRGB_CURVE),
    "Adobe RGB": rgb_profile(ADOBE, D65, (563 / 256,)),
    "BT.2020": rgb_profile(BT2020, D65, primaries.BT709_CURVE),
    "ProPhoto": rgb_profile(PROPHOTO, D50, (1.8,)),
    "gamma 1.8": rgb_profile(BT709, D65, (1.8,)),
    "gamma 2.2": rgb_profile(BT709, D65, (2.2,)),
    "swapped channels": rgb_profile((BT709[1], BT709[0], BT709[2]), D65, SRGB_CURVE),
}


def encoded(image: Image.Image, fmt: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, fmt, **options)
    return stream.getvalue()


def in_space(profile: bytes, mode: str = "RGB") -> Image.Image:
    """The photo with values of another space."""
    return ImageCms.profileToProfile(
        Image.fromarray(PHOTO), SRGB, ImageCms.ImageCmsProfile(io.BytesIO(profile)), outputMode=mode
    )


def table_profile(space: bytes, curve: np.ndarray) -> bytes:
    """A profile of one channel, whose curve is a table; also of sRGB with the curve as a table."""
    coded = b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + curve.astype(">u2").tobytes()
    if space == b"GRAY":
        tags = {b"wtpt": primaries._xyz(np.array((0.9642, 1, 0.8249))), b"kTRC": coded}
        return primaries._assembled(tags).replace(b"mntrRGB ", b"mntrGRAY", 1)
    columns = primaries._columns(BT709, D65)
    tags = {name: primaries._xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    return primaries._assembled({b"wtpt": tags[b"rXYZ"], **tags, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), coded)})


def srgb_linear(size: int) -> np.ndarray:
    x = np.linspace(0, 1, size)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4) * 65535


@pytest.mark.parametrize("name", [name for name in WIDE if name != "swapped channels"])
@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_a_photo_in_another_space_shows_its_own_colours(name: str, fmt: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98, "subsampling": 0}}.get(fmt, {})
    data = encoded(in_space(WIDE[name]), fmt, icc_profile=WIDE[name], **options)
    off = np.abs(decode(data, Limits()).astype(int) - PHOTO).mean(axis=(0, 1))
    assert off.max() < (3 if fmt == "JPEG" or name == "ProPhoto" else 1.5)


def test_exact_values() -> None:
    """Red of Display P3 lies outside of sRGB; its mid grey is sRGB's; red and green change places."""
    image = Image.fromarray(np.array([[(128, 128, 128), (200, 100, 50)]], np.uint8))
    shown = decode(encoded(image, icc_profile=WIDE["Display P3"]), Limits())[0]
    np.testing.assert_allclose(shown, [(128, 128, 128), (216, 95, 32)], atol=2)
    shown = decode(encoded(image, icc_profile=WIDE["swapped channels"]), Limits())[0]
    np.testing.assert_allclose(shown[1], (100, 200, 50), atol=1)


LIKE_SRGB = {
    "parameters": rgb_profile(BT709, D65, SRGB_CURVE),
    "Little CMS": ImageCms.ImageCmsProfile(SRGB).tobytes(),
    "a table of 1,024": table_profile(b"RGB ", srgb_linear(1024)),
    "a table of 4,096": table_profile(b"RGB ", srgb_linear(4096)),
    "primaries of another rounding": rgb_profile(
        ((0.6404, 0.3302), (0.3002, 0.6003), (0.1501, 0.0600)), D65, SRGB_CURVE
    ),
    "rounded primaries": rgb_profile(((0.6400, 0.3300), (0.3003, 0.6001), (0.1500, 0.0600)), D65, SRGB_CURVE),
}


@pytest.mark.parametrize("name", LIKE_SRGB)
@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
def test_srgb_by_any_name_keeps_its_bytes(name: str, fmt: str) -> None:
    image = Image.fromarray(PHOTO)
    with_profile, without = encoded(image, fmt, icc_profile=LIKE_SRGB[name]), encoded(image, fmt)
    picture = decode_picture(with_profile, Limits())
    np.testing.assert_array_equal(picture.pixels, decode(without, Limits()))
    assert picture.note == ""


def test_grey_profiles() -> None:
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(4, 0)
    same = table_profile(b"GRAY", srgb_linear(1024))
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(ramp), icc_profile=same), Limits())[..., 1], ramp)
    linear = table_profile(b"GRAY", np.array([0, 65535]))
    shown = decode(encoded(Image.fromarray(ramp), icc_profile=linear), Limits())[0]
    assert shown[128].tolist() == [188, 188, 188] and shown[0, 0] == 0 and shown[255, 0] == 255
    assert decode(encoded(Image.fromarray(ramp), "JPEG", quality=100, icc_profile=linear), Limits())[0, 128, 0] == 188


@pytest.mark.parametrize("alpha", [255, 254, 128])
def test_a_grey_profile_beside_alpha(alpha: int) -> None:
    linear = table_profile(b"GRAY", np.array([0, 65535]))
    clear = Image.merge("LA", [Image.new("L", (4, 4), 128), Image.new("L", (4, 4), alpha)])
    for fmt in ("PNG", "TIFF"):
        picture = decode_picture(encoded(clear, fmt, icc_profile=linear), Limits())
        colours = picture.pixels if picture.colours is None else picture.colours
        assert (colours == 188).all() and picture.note == ""
        assert (picture.pixels == round((188 * alpha + 255 * (255 - alpha)) / 255)).all()


def test_a_grey_photo_with_an_rgb_profile() -> None:
    grey = Image.fromarray(np.full((4, 4), 100, np.uint8))
    shown = decode(encoded(grey, "JPEG", icc_profile=WIDE["gamma 1.8"]), Limits())
    expected = round(255 * (1.055 * (100 / 255) ** (1.8 / 2.4) - 0.055))
    assert np.abs(shown.astype(int) - expected).max() <= 1


def cmyk_profile() -> bytes:
    """Inks that take away one primary each, as a table of 2 points an axis from CMYK to Lab."""
    corners = np.array([[(1 - c) * (1 - k), (1 - m) * (1 - k), (1 - y) * (1 - k)]
                        for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)])  # fmt: skip
    to_lab = ImageCms.buildTransform(SRGB, ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(to_lab.apply(Image.fromarray((corners * 255).astype(np.uint8)[None])))[0].astype(int)
    lab[:, 1:] = (lab[:, 1:] + 128) % 256
    table = np.round(lab * np.array((65280 / 255, 256, 256))).astype(">u2").tobytes()
    body = b"mft2\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    body += struct.pack(">HH", 2, 2) + struct.pack(">2H", 0, 65535) * 4 + table + struct.pack(">2H", 0, 65535) * 3
    made = primaries._assembled({b"wtpt": primaries._xyz(np.array((0.9642, 1, 0.8249))), b"A2B0": body})
    return made.replace(b"mntrRGB XYZ ", b"prtrCMYKLab ", 1)


def test_cmyk_goes_through_its_profile() -> None:
    """Half of an ink: the profile mixes in Lab, which the plain rule (paper minus ink) does not."""
    inks = Image.new("CMYK", (8, 8), (128, 0, 0, 0))
    profile = cmyk_profile()
    expected = ImageCms.profileToProfile(
        inks, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB, ImageCms.Intent.RELATIVE_COLORIMETRIC,
        "RGB", flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip
    for fmt in ("TIFF", "JPEG"):
        shown = decode(encoded(inks, fmt, icc_profile=profile), Limits())[4, 4].astype(int)
        assert np.abs(shown - np.asarray(expected)[4, 4]).max() <= 2
        assert np.abs(shown - decode(encoded(inks, fmt), Limits())[4, 4]).max() > 5


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (b"no profile at all", "damaged"),
        (WIDE["Display P3"][:200], "damaged"),
        (WIDE["Display P3"] + bytes(colour.MOST_PROFILE_BYTES), "limit"),
        (cmyk_profile(), "for CMYK pictures"),
        (WIDE["Display P3"].replace(b"mntrRGB ", b"mntrYCbr", 1), "passed over"),
    ],
)
def test_a_profile_of_no_use_is_noted_and_the_pixels_taken(profile: bytes, words: str) -> None:
    for fmt in ("PNG", "TIFF", "JPEG"):
        image = Image.fromarray(PHOTO)
        picture = decode_picture(encoded(image, fmt, icc_profile=profile), Limits())
        np.testing.assert_array_equal(picture.pixels, decode(encoded(image, fmt), Limits()))
        assert "colour profile" in picture.note, fmt
        assert words in picture.note or fmt == "PNG"  # whose writer packs it, so that the reader stops at the limit


def png_with(*chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> bytes:
    data = encoded(image or Image.fromarray(PHOTO))
    more = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return data[:33] + more + data[33:]


def test_a_png_that_names_its_space_by_numbers() -> None:
    grey = Image.fromarray(np.full((2, 2, 3), 128, np.uint8))
    linear = png_with((b"gAMA", struct.pack(">I", 100_000)), image=grey)
    assert decode(linear, Limits())[0, 0].tolist() == [188, 188, 188]
    usual = png_with((b"gAMA", struct.pack(">I", 45_455)))
    np.testing.assert_array_equal(decode(usual, Limits()), PHOTO)
    p3 = [round(value * 1e5) for point in (D65, *P3) for value in point]
    wide = Image.fromarray(np.array([[(200, 100, 50)]], np.uint8))
    for chunk in ((b"cICP", bytes((12, 13, 0, 1))), (b"cHRM", struct.pack(">8I", *p3))):
        np.testing.assert_allclose(decode(png_with(chunk, image=wide), Limits())[0, 0], (216, 95, 32), atol=2)
    overruled = png_with((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000)))
    np.testing.assert_array_equal(decode(overruled, Limits()), PHOTO)


def test_high_dynamic_range_is_refused_by_name() -> None:
    with pytest.raises(DecodeError, match="dynamic range"):
        decode(png_with((b"cICP", bytes((9, 16, 0, 1)))), Limits())


def test_a_camera_that_says_adobe_rgb_by_exif_alone() -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    wide = Image.fromarray(np.full((8, 8, 3), (150, 120, 100), np.uint8))
    said = decode(encoded(wide, exif=exif), Limits())
    expected = decode(encoded(wide, icc_profile=WIDE["Adobe RGB"]), Limits())
    np.testing.assert_array_equal(said, expected)
    linear = (
        np.array(((1.3984, -0.3984, 0), (0, 1, 0), (0, -0.0429, 1.0429))) @ (np.array((150, 120, 100)) / 255) ** 2.2
    )
    np.testing.assert_allclose(said[0, 0], 255 * (1.055 * linear ** (1 / 2.4) - 0.055), atol=1.5)


def test_alpha_stays_beside_converted_colours() -> None:
    clear = Image.fromarray(np.full((2, 2, 4), (200, 100, 50, 128), np.uint8))
    picture = decode_picture(encoded(clear, icc_profile=WIDE["Display P3"]), Limits())
    assert picture.alpha is not None and picture.colours is not None and (picture.alpha == 128).all()
    np.testing.assert_allclose(picture.colours[0, 0], (216, 95, 32), atol=2)
    np.testing.assert_allclose(picture.pixels[0, 0], (235, 175, 143), atol=2)


def test_a_large_profile_in_a_png_is_taken() -> None:
    """Pillow stops at 1 MiB; a press's profile may have more."""
    profile = bytearray(WIDE["Display P3"] + bytes(3 * 2**20))
    profile[:4] = struct.pack(">I", len(profile))
    info = PngImagePlugin.PngInfo()
    data = encoded(in_space(WIDE["Display P3"]), pnginfo=info, icc_profile=bytes(profile))
    assert np.abs(decode(data, Limits()).astype(int) - PHOTO).mean() < 1.5
