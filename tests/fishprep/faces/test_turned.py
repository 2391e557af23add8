"""Crops that stand turned in their photo: where their points lie, what they show, and what of them lies outside."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_build import points
from support import astronaut

from fishprep.faces.crop import CropRecipe, cut, outside_share, to_crop, to_photo
from fishprep.faces.pyramid import hr_face
from fishprep.faces.turned import corners, cut_level, eye_angle, middle, reach, turned_about

PLAIN, UPRIGHT = CropRecipe(), CropRecipe(upright=True)
CANVAS = 900


def level_face() -> np.ndarray:
    """(68, 2) float32 points on the astronaut's face, with level eyes."""
    return (points() - 64 + (225, 120)).astype(np.float32)


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(np.float64) - second) ** 2)))


def levelled(face: np.ndarray) -> np.ndarray:
    return turned_about(face, face.mean(0), -eye_angle(face)).astype(np.float32)


def turned_photo(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The astronaut turned clockwise in a larger picture, and the points of the level face there."""
    photo, face = astronaut(), levelled(level_face())
    matrix = cv2.getRotationMatrix2D((0, 0), -degrees, 1)
    matrix[:, 2] = (CANVAS - 1) / 2 - matrix[:, :2] @ ((photo.shape[1] - 1) / 2, (photo.shape[0] - 1) / 2)
    turned = cv2.warpAffine(photo, matrix, (CANVAS, CANVAS), flags=cv2.INTER_LANCZOS4)
    return turned, (face @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


@pytest.mark.parametrize("degrees", [10, 40, 90, 175, -130])
def test_a_turned_photo_gives_the_face_of_the_unturned_one(degrees: float) -> None:
    photo, face = turned_photo(degrees)
    angle, box = UPRIGHT.angle(face), UPRIGHT.box(face, CANVAS, CANVAS)
    assert angle == pytest.approx(degrees, abs=0.01)
    plain = astronaut()
    unturned = levelled(level_face())
    expected_box = UPRIGHT.box(unturned, *plain.shape[1::-1])
    assert box[2] - box[0] == expected_box[2] - expected_box[0]
    expected = hr_face(cut(plain, expected_box, UPRIGHT.angle(unturned)), "pillow-bicubic")
    found = hr_face(cut(photo, box, angle), "pillow-bicubic")
    assert psnr(found, expected) > 42
    np.testing.assert_allclose(
        to_crop(face, box, angle=angle), to_crop(unturned, expected_box, angle=UPRIGHT.angle(unturned)), atol=0.01
    )
    assert abs(eye_angle(to_crop(face, box, angle=angle))) < 0.001


def test_level_eyes_give_the_crop_of_the_plain_recipe() -> None:
    face = points()
    face[42:48] = face[36:42] + np.array([30, 0])
    assert UPRIGHT.angle(face) == 0 and UPRIGHT.box(face, 178, 218) == PLAIN.box(face, 178, 218)
    assert PLAIN.angle(points()) == 0.0 != eye_angle(points())


@given(st.floats(-180, 180, width=32), st.floats(-50, 400), st.integers(1, 300))
def test_points_come_back(angle: float, left: float, side: int) -> None:
    box = (left, 2 * left, left + side, 2 * left + side)
    placed = to_crop(points(), box, 128, angle)
    np.testing.assert_allclose(to_photo(placed, box, 128, angle), points(), atol=1e-3 * max(1.0, side / 64))


def test_a_quarter_of_a_turn_moves_pixels_and_changes_none() -> None:
    image = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    box = (9.5, 19.5, 40.5, 50.5)
    for quarters in (1, 2, 3, -1):
        # the face stands turned clockwise, and is turned back
        expected = np.rot90(cut(image, box), quarters)
        np.testing.assert_array_equal(cut(image, box, 90.0 * quarters), expected)


def test_turned_beyond_the_photo_the_border_goes_on() -> None:
    image = np.full((40, 50, 3), 77, np.uint8)
    box = (-30.0, -30.0, 31.0, 31.0)
    assert (cut(image, box, 33.0) == 77).all()
    assert outside_share((10.0, 10.0, 20.0, 20.0), 50, 40, 45.0) == pytest.approx(0, abs=1e-6)
    # about a corner of the photo, half a square standing on its tip is a quarter inside
    assert outside_share((-10.5, -10.5, 9.5, 9.5), 50, 40, 45.0) == pytest.approx(0.75, abs=1e-6)
    assert outside_share((100.0, 100.0, 110.0, 110.0), 50, 40, 45.0) == 1


def test_what_is_read_is_in_reach() -> None:
    box = (100.25, 50.5, 149.25, 99.5)
    area = reach(box, 30.0)
    places = corners(box, 30.0)
    assert (places.min(0) > area[:2]).all() and (places.max(0) < area[2:]).all()
    assert all((edge + 0.5).is_integer() for edge in area)
    np.testing.assert_allclose(places.mean(0), middle(box))
    part = np.zeros((round(area[3] - area[1]), round(area[2] - area[0]), 1), np.uint8)
    assert cut_level(part, box, 30.0).shape == (49, 49, 1)
