"""Photos in a program: what `fishfsr upscale` writes, byte for byte, and what it says of each face."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from resolvers import FixedResolver, KnownFaces
from support import astronaut, hopper, run

import fishfsr
from fishfsr import ConfigurationError, FishFSRError, InputError, PhotoSize
from fishfsr.upscaling.faces import FaceFinder, Search
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.models import FaceModel, ModelSet
from fishfsr.upscaling.photo import upscaled
from fishfsr.upscaling.planning import Planner
from fishprep.common.errors import DecodeError

WIDTH = 120


@pytest.fixture(scope="module")
def group() -> Image.Image:
    """Four faces: two that x4 takes, one for x2, which reads no map, and one that is too large for any."""
    sheet = Image.new("RGB", (570, 310), (90, 90, 90))
    places = (
        (astronaut(), 104, (0, 60)),
        (hopper(), 60, (110, 70)),
        (hopper(), 120, (175, 0)),
        (hopper(), 260, (305, 0)),
    )
    for image, width, place in places:
        whole = Image.fromarray(image)
        size = (width, round(width * whole.height / whole.width))
        sheet.paste(whole.resize(size, Image.Resampling.BICUBIC), place)
    return sheet


@pytest.fixture(scope="module")
def upscaler() -> fishfsr.Upscaler:
    return fishfsr.Upscaler(fishfsr.UpscaleSettings(kind="photo", device="cpu", threads=1, smallest=24))


def test_it_is_what_the_command_writes(group: Image.Image, upscaler: fishfsr.Upscaler, tmp_path: Path) -> None:
    group.save(tmp_path / "group.png")
    flags = ("--kind", "photo", "--device", "cpu", "--threads", 1, "--smallest", 24, "--outscale", "2.5")
    run("fishfsr", "upscale", tmp_path / "group.png", "-o", tmp_path / "out", *flags)
    written = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.png")}
    for image in (tmp_path / "group.png", group, np.asarray(group)):
        found = upscaler.photo(image, PhotoSize(2.5, keep_all=True))
        assert isinstance(found.photo, np.ndarray if isinstance(image, np.ndarray) else Image.Image)
        assert np.array_equal(pixels(written["restored_photos/group.png"]), np.asarray(found.photo))
        restored = {number: face for number, face in enumerate(found.faces) if face.restored is not None}
        assert len(found.faces) > len(restored) == sum("restored_faces" in name for name in written) > 0
        for number, face in restored.items():
            assert np.array_equal(pixels(written[f"restored_faces/group_{number:02d}.png"]), np.asarray(face.restored))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_what_is_said_of_faces(group: Image.Image, upscaler: fishfsr.Upscaler) -> None:
    before = torch.get_num_threads(), cv2.getNumThreads(), torch.random.get_rng_state()
    found = upscaler.photo(group)
    assert (found.kind, found.outscale) == ("photo", 4) and found.photo.size == (2280, 1240)
    taken = [face for face in found.faces if face.model]
    assert taken and "left alone" in found.reason
    for face in found.faces:
        assert face.angles is not None and face.box[2] - face.box[0] == pytest.approx(face.side, abs=1)
        if face in taken:
            name = face.model.removeprefix("fishfsr-").removesuffix(".safetensors")
            assert name in (f"x{face.scale}", f"x{face.scale}-wild") and "fit best" in face.why
            assert face.lr.size == (face.side, face.side) and face.restored.size == (face.side * face.scale,) * 2
            assert (face.map is None) == (face.scale == 2)
            if face.map is not None:
                assert face.map.shape == face.lr.size
                assert 0 <= face.map.min() < 0.3 and 0.7 < face.map.max() <= 1
            resolver = fishfsr.load(name, "cpu")
            assert np.array_equal(np.asarray(resolver.upscale(face.lr)), np.asarray(face.restored))
        else:
            assert "128 and more are left alone" in face.why and face.lr is face.restored is face.map is None
    after = torch.get_num_threads(), cv2.getNumThreads(), torch.random.get_rng_state()
    assert before[:2] == after[:2] and torch.equal(before[2], after[2])


def test_without_a_face_nothing_is_given_back_unless_it_is_asked_for(upscaler: fishfsr.Upscaler) -> None:
    grey = np.full((60, 90, 3), 128, np.uint8)
    found = upscaler.photo(grey)
    assert found.photo is None and found.outscale == 0 and found.faces == () and "no face" in found.reason
    asked = upscaler.photo(grey, PhotoSize(2, keep_all=True))
    assert asked.photo.shape == (120, 180, 3) and "no face" in asked.reason


def test_one_line_and_faces_that_are_given_as_faces() -> None:
    lr = Image.fromarray(astronaut()[:180, 130:310]).resize((16, 16), Image.Resampling.BICUBIC)
    found = fishfsr.upscale_photo(lr, kind="aligned", models=("x8",), device="cpu")
    (face,) = found.faces
    assert found.photo is None and face.restored.size == (128, 128) and "LR face of 16 px" in face.why
    assert fishfsr.upscale_photo(lr, 2, kind="aligned", models=("x8",), device="cpu").photo.size == (32, 32)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("L", (40, 40)), "mode L"),
        (np.zeros((40, 40, 3)), "uint8"),
        (None, "a NoneType is no picture"),
        (torch.zeros(3, 40, 40), "a Tensor is no picture"),
    ],
)
def test_other_pictures_are_refused(image: Any, words: str, upscaler: fishfsr.Upscaler) -> None:
    with pytest.raises(InputError, match=words):
        upscaler.photo(image)


def test_a_file_that_is_no_picture_is_named(upscaler: fishfsr.Upscaler, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"nothing\.jpg: cannot be opened"):
        upscaler.photo(tmp_path / "nothing.jpg")


def test_a_picture_that_lies_on_its_side_is_refused(upscaler: fishfsr.Upscaler) -> None:
    image = Image.new("RGB", (40, 40))
    image.getexif()[0x0112] = 6
    with pytest.raises(InputError, match="not upright"):
        upscaler.photo(image)


def test_wrong_settings_are_refused() -> None:
    for wrong in ({"kind": "guesses"}, {"faces": "both"}, {"landmarks": "eyes"}, {"expand": 2.0}, {"threads": 0}):
        with pytest.raises(ConfigurationError):
            fishfsr.UpscaleSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="x3"):
        fishfsr.upscale_photo(np.zeros((40, 40, 3), np.uint8), models=("x3",), device="cpu")


def test_failures_are_raised(points_at: Callable[..., np.ndarray]) -> None:
    photo = np.zeros((90, WIDTH, 3), np.uint8)
    finder = FaceFinder(KnownFaces(WIDTH, [points_at(20, 20, 16)]), Search(smallest=8))
    for resolver, size, kind, words in (
        (FixedResolver(8, float("nan")), PhotoSize(), FishFSRError, "NaN"),
        (FixedResolver(8, 0.5), PhotoSize(max_pixels=1000), InputError, "the limit is 1,000"),
    ):
        planner = Planner(ModelSet([FaceModel("x8", resolver)]), finder, Kind.PHOTO)
        with pytest.raises(kind, match=words):
            upscaled(photo, planner, size)
