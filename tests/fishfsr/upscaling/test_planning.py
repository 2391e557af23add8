"""Kinds, fitting and warnings, with faces whose places are known."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from resolvers import KnownFaces
from support import astronaut, hopper

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.faces import FaceFinder, Search
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.models import ModelSet
from fishfsr.upscaling.planning import PicturePlan, Planner

Models = Callable[..., ModelSet]
Points = Callable[..., np.ndarray]


@pytest.fixture
def photo() -> np.ndarray:
    """(240, 400, 3) uint8."""
    return np.random.default_rng(3).integers(0, 256, (240, 400, 3), np.uint8)


def planned(photo: np.ndarray, points: list[np.ndarray], models: ModelSet, **options: object) -> PicturePlan:
    finder = FaceFinder(KnownFaces(photo.shape[1], points), Search(smallest=8))
    return Planner(models, finder, Kind.PHOTO, **options).plan(photo)  # type: ignore[arg-type]


def test_crops_are_the_recipe_s_and_reach_the_model_as_they_are(
    photo: np.ndarray, points_at: Points, bicubic: Models
) -> None:
    plan = planned(photo, [points_at(20, 30, 16), points_at(60, 50, 20), points_at(110, 50, 12)], bicubic(4, 8))
    exact, larger, smaller = plan.faces
    assert exact.box == pytest.approx((19.5, 29.5, 35.5, 45.5))
    np.testing.assert_array_equal(exact.crop, photo[30:46, 20:36])
    assert exact.lr is exact.crop and exact.model and exact.model.scale == 8 and not exact.warnings
    assert (
        larger.side == 20
        and larger.model
        and larger.model.scale == 8
        and larger.lr is larger.crop
        and not larger.warnings
    )
    assert smaller.side == 12 and smaller.model and smaller.model.scale == 8 and smaller.lr is not None
    assert smaller.lr is smaller.crop and not smaller.warnings
    (far,) = planned(photo, [points_at(60, 50, 20)], bicubic(4)).faces
    assert far.model and far.lr is far.crop
    assert "trained on faces of 32 px; x8 would fit better" in far.warnings[0]


def test_faces_too_large_are_left_alone_unless_forced_and_those_of_128_always(
    photo: np.ndarray, points_at: Points, bicubic: Models
) -> None:
    points = [points_at(5, 30, 33), points_at(60, 30, 127), points_at(210, 30, 128)]
    plain = planned(photo, points, bicubic(8)).faces
    assert [face.model for face in plain] == [None] * 3
    assert "x4 takes it" in plain[0].reason and "--force" in plain[0].reason
    assert "x2 takes it" in plain[1].reason and "128 and more" in plain[2].reason
    forced = planned(photo, points, bicubic(8), force=True).faces
    assert [face.model is not None for face in forced] == [True, True, False]
    assert forced[1].lr is not None and forced[1].lr.shape == (32, 32, 3)
    assert "detail of the photo is lost" in forced[1].warnings[0]


def test_faces_outside_of_what_was_trained_on_are_warned_of(
    photo: np.ndarray, points_at: Points, bicubic: Models
) -> None:
    def turned(points: np.ndarray, degrees: float) -> np.ndarray:
        angle, centre = np.radians(degrees), points.mean(axis=0)
        matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return ((points - centre) @ matrix + centre).astype(np.float32)

    upright = points_at(30, 40, 16)
    profile = upright.copy()  # seen from the side, what stands out moves: the bridge and the tip of the nose
    profile[:, 0] = 38 + (upright[:, 0] - 38) * 0.6
    profile[27:36, 0] += np.linspace(1, 3, 9)
    points = [upright, turned(upright, 40), profile, points_at(-6, 40, 16)]
    warnings = [" ".join(face.warnings) for face in planned(photo, points, bicubic(8), force=True).faces]
    assert warnings[0] == ""
    assert "roll of 4" in warnings[1]
    assert "yaw of" in warnings[2]
    assert "38% of its crop lies outside" in warnings[3] and "25%" in warnings[3]


def test_crops_below_the_smallest_do_not_count(photo: np.ndarray, points_at: Points, bicubic: Models) -> None:
    small = points_at(30, 40, 10)
    finder = FaceFinder(KnownFaces(400, [small, points_at(90, 40, 16)]), Search(smallest=16))
    first, second = Planner(bicubic(8), finder, Kind.PHOTO).plan(photo).faces
    assert "--smallest 16" in first.reason and first.model is None and second.model is not None
    assert "a face needs 8" in planned(photo, [points_at(30, 40, 6)], bicubic(8)).faces[0].reason


def test_aligned_faces_go_straight_through_whatever_their_shape(bicubic: Models) -> None:
    planner = Planner(bicubic(8), None, Kind.ALIGNED)
    for size, warned in (((16, 16), False), ((17, 21), True), ((64, 8), True)):
        image = np.zeros((*size, 3), np.uint8)
        (face,) = planner.plan(image).faces
        assert face.lr is image and bool(face.warnings) is warned
    for size in ((65, 65), (7, 16)):
        (face,) = planner.plan(np.zeros((*size, 3), np.uint8)).faces
        assert face.model is None and face.reason


def test_crops_keep_their_shape(bicubic: Models) -> None:
    planner = Planner(bicubic(4), None, Kind.CROP)
    (face,) = planner.plan(np.zeros((20, 30, 3), np.uint8)).faces
    assert face.lr is not None and face.lr.shape == (20, 30, 3)
    assert "square" in face.warnings[0]
    (large,) = planner.plan(np.zeros((128, 128, 3), np.uint8)).faces
    assert large.model is None and "128 and more" in large.reason


def test_kinds_are_guessed(dlib_finder: FaceFinder, bicubic: Models) -> None:
    planner = Planner(bicubic(2), dlib_finder)

    def shrunk(image: np.ndarray, width: int, height: int) -> np.ndarray:
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))

    (face,) = dlib_finder.find(astronaut()).faces  # type: ignore[union-attr]
    x0, y0, x1, y1 = (int(edge + 0.5) for edge in bicubic(2).recipe.crop.box(face.points, 512, 512))
    crop = astronaut()[y0:y1, x0:x1]
    for image, kind in (
        (shrunk(crop, 16, 16), Kind.ALIGNED),
        (shrunk(crop, 64, 64), Kind.ALIGNED),
        (shrunk(crop, 100, 100), Kind.CROP),
        (shrunk(hopper(), 128, 150), Kind.PHOTO),
        (np.zeros((100, 300, 3), np.uint8), Kind.PHOTO),
        (np.zeros((3, 3, 3), np.uint8), Kind.PHOTO),
    ):
        plan = planner.plan(image)
        assert plan.kind is kind and plan.guessed
    assert plan.problem is not None and "--kind crop" in plan.problem.reason


def test_photos_need_a_finder(bicubic: Models) -> None:
    for kind in (None, Kind.PHOTO):
        with pytest.raises(ConfigurationError, match="finder"):
            Planner(bicubic(8), None, kind)


@pytest.fixture(scope="module")
def large(dlib_finder: FaceFinder) -> np.ndarray:
    """Points of the face in `hopper()`."""
    (face,) = dlib_finder.find(hopper()).faces  # type: ignore[union-attr]
    return face.points


@pytest.mark.parametrize("side", [20, 24, 48])
def test_small_faces_are_found_where_they_are(dlib_finder: FaceFinder, large: np.ndarray, side: int) -> None:
    """Against the points of the photo before it was shrunk: the mean error is below 3 % of the crop's side."""
    factor = side / 280
    size = (round(512 * factor), round(600 * factor))
    small = np.asarray(Image.fromarray(hopper()).resize(size, Image.Resampling.BICUBIC))
    (found,) = dlib_finder.find(small).faces  # type: ignore[union-attr]
    expected = (large + 0.5) * (size[0] / 512, size[1] / 600) - 0.5
    assert np.linalg.norm(found.points - expected, axis=1).mean() < 0.03 * side


def test_a_large_photo_is_searched_smaller_and_says_so(mean_points: np.ndarray, bicubic: Models) -> None:
    sizes = []

    class Sizes(KnownFaces):
        def detect(self, queries):  # type: ignore[no-untyped-def]
            sizes.append(queries[0].image.shape[0] * queries[0].image.shape[1])
            return super().detect(queries)

    points = (mean_points * 40 + 100).astype(np.float32)
    finder = FaceFinder(Sizes(1000, [points]), Search(smallest=16, max_pixels=250_000))
    plan = Planner(bicubic(2), finder, Kind.PHOTO).plan(np.zeros((1000, 1000, 3), np.uint8))
    assert sizes == [250_000] and "from 256 px, not 16" in plan.note
    assert plan.faces[0].box == pytest.approx(bicubic(2).recipe.crop.box(points, 1000, 1000))
