"""Turned faces: restored upright, and pasted back where they were."""

import cv2
import numpy as np
import pytest
from PIL import Image
from resolvers import BicubicResolver, KnownFaces
from support import astronaut

from fishfsr.checkpoint import Details
from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.faces import FaceFinder, Search
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.models import FaceModel, FaceRecipe, ModelSet
from fishfsr.upscaling.pasting import RestoredFace, enlarge, paste
from fishfsr.upscaling.photo import upscaled
from fishfsr.upscaling.planning import Planner
from fishfsr.upscaling.results import PhotoSize
from fishprep.faces.crop import CropRecipe, cut
from fishprep.faces.turned import eye_angle, turned_about

UPRIGHT = FaceRecipe(CropRecipe(upright=True))
WIDTH, SCALE, DEGREES = 240, 4, 40.0


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(np.float64) - second) ** 2)))


@pytest.fixture(scope="module")
def turned() -> np.ndarray:
    """The astronaut, turned clockwise by 40 degrees, 240 px wide times `SCALE`."""
    side = WIDTH * SCALE
    matrix = cv2.getRotationMatrix2D((256, 256), -DEGREES, 1.2)
    matrix[:, 2] += side / 2 - 256
    return cv2.warpAffine(astronaut(), matrix, (side, side), flags=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def small(turned: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(turned).resize((WIDTH, WIDTH), Image.Resampling.BICUBIC))


@pytest.fixture
def face(mean_points: np.ndarray) -> np.ndarray:
    """Points whose crop has about 40 px a side, in the middle of the picture."""
    placed = (mean_points - 0.5) * 27 + WIDTH / 2
    return turned_about(placed, placed.mean(0), DEGREES - eye_angle(placed)).astype(np.float32)


def test_the_true_face_comes_back_to_its_place(turned: np.ndarray, small: np.ndarray, face: np.ndarray) -> None:
    """What was cut out of the large photo, upright, and pasted into the enlarged small one."""
    box, angle = UPRIGHT.crop.box(face, WIDTH, WIDTH), UPRIGHT.crop.angle(face)
    large_box = tuple((edge + 0.5) * SCALE - 0.5 for edge in box)
    truth = cut(turned, large_box, angle)  # type: ignore[arg-type]
    before = enlarge(small, (WIDTH * SCALE, WIDTH * SCALE))
    after = paste(before, (WIDTH, WIDTH), [RestoredFace(truth, box, angle)])
    x, y = (round((middle + 0.5) * SCALE) for middle in ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    inner = (slice(y - 30, y + 30), slice(x - 30, x + 30))
    assert psnr(after[inner], turned[inner]) > 40 > psnr(before[inner], turned[inner]) + 4
    assert psnr(after, turned) > psnr(before, turned)
    outside = np.ones(after.shape[:2], bool)
    outside[y - 130 : y + 130, x - 130 : x + 130] = False
    np.testing.assert_array_equal(after[outside], before[outside])


def test_a_bicubic_model_gives_the_enlarged_photo_again(small: np.ndarray, face: np.ndarray) -> None:
    models = ModelSet([FaceModel("bicubic", BicubicResolver(SCALE))], UPRIGHT)
    planner = Planner(models, FaceFinder(KnownFaces(WIDTH, [face]), Search()), Kind.PHOTO)
    result = upscaled(small, planner, PhotoSize())
    (found,) = result.faces
    assert found.angle == pytest.approx(DEGREES, abs=0.01) and found.angles is not None
    assert abs(found.angles[2]) < 10 and not any("roll" in warning for warning in found.warnings)
    enlarged = enlarge(small, (WIDTH * SCALE, WIDTH * SCALE))
    assert psnr(result.photo, enlarged) > 38
    plain = Planner(ModelSet(models.models), planner.finder, Kind.PHOTO).plan(small)
    assert plain.faces[0].angle == 0 and any("roll" in warning for warning in plain.faces[0].warnings)


def test_a_turned_face_beyond_the_edge_is_cut_off(small: np.ndarray) -> None:
    before = enlarge(small, (WIDTH * 2, WIDTH * 2))
    white = np.full((128, 128, 3), 255, np.uint8)
    for box in ((-20.0, -20.0, 20.0, 20.0), (220.0, 100.0, 260.0, 140.0)):
        assert (paste(before, (WIDTH, WIDTH), [RestoredFace(white, box, 30.0)]) != before).any()
    beyond = RestoredFace(white, (-90.0, -90.0, -50.0, -50.0), 30.0)
    np.testing.assert_array_equal(paste(before, (WIDTH, WIDTH), [beyond]), before)
    both = [RestoredFace(white, (50.0, 50.0, 90.0, 90.0), 30.0), RestoredFace(white, (70.5, 60.5, 110.5, 100.5))]
    np.testing.assert_allclose(
        paste(before, (WIDTH, WIDTH), both).astype(int), paste(before, (WIDTH, WIDTH), both[::-1]).astype(int), atol=1
    )


def trained(scale: int, **shards: object) -> FaceModel:
    return FaceModel(f"x{scale}", BicubicResolver(scale, Details(training={"shards": shards})))


def test_the_recipe_says_whether_faces_are_turned() -> None:
    turned, plain = trained(8, crop="square", upright=True), trained(4, crop="square")
    assert ModelSet([turned]).recipe.crop.upright and ModelSet([turned]).recipe.to_dict()["upright"] is True
    assert "upright" not in ModelSet([plain]).recipe.to_dict()
    assert not ModelSet([turned], upright=False).recipe.crop.upright
    with pytest.raises(ConfigurationError, match="another recipe"):
        ModelSet([turned, plain])
    assert ModelSet([turned, plain], upright=True).recipe == ModelSet([turned]).recipe
    with pytest.raises(ConfigurationError, match="--upright goes with the crop square, not dic"):
        ModelSet([trained(8, crop="dic")], upright=True)
    with pytest.raises(ConfigurationError, match="upright 'yes'"):
        ModelSet([trained(8, crop="square", upright="yes")])
