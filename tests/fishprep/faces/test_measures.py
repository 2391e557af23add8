"""Pose against projected heads, mirrors and real faces; blur and fingerprint under known changes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from fishprep.faces.detail import placed_correlation
from fishprep.faces.measures import fingerprint, measure, pose
from fishprep.landmarks.annotation import read_pts

MIRROR = {31: 35, 32: 34, 36: 45, 39: 42, 48: 54}


def head() -> np.ndarray:
    """(68, 3): nose, eye corners and corners of the mouth of an adult's head in millimetres, not the one that is fitted; the
    other points are not set. x right, y down, z away from the viewer."""
    points = np.full((68, 3), np.nan)
    points[27:31] = [(0, -38, 18), (0, -26, 12), (0, -13, 6), (0, 0, 0)]
    points[31:36] = [(-16, 9, 20), (-8, 12, 15), (0, 13, 14), (8, 12, 15), (16, 9, 20)]
    points[[36, 39, 42, 45]] = [(-44, -36, 42), (-17, -35, 36), (17, -35, 36), (44, -36, 42)]
    points[[48, 54]] = [(-26, 33, 44), (26, 33, 44)]
    return points - np.nanmean(points, axis=0)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Pitch about the head's x axis, then yaw about y, then roll in the picture, by Rodrigues' formula."""
    turns = [(roll, (0, 0, 1)), (-yaw, (0, 1, 0)), (-pitch, (-1, 0, 0))]
    about_z, about_y, about_x = (cv2.Rodrigues(np.radians(angle) * np.array(axis, float))[0] for angle, axis in turns)
    return about_z @ about_y @ about_x


def projected(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(68, 2): the head as a camera sees it from 1.5 m, some 60 px between the outer eye corners."""
    seen = head() @ rotation(yaw, pitch, roll).T + (0, 0, 1500)
    return (seen[:, :2] / seen[:, 2:] * 1000 + 64).astype(np.float32)


def mirrored(points: np.ndarray) -> np.ndarray:
    other = {**MIRROR, **{right: left for left, right in MIRROR.items()}}
    return points[[other.get(i, i) for i in range(68)]] * (-1, 1) + (127, 0)


@pytest.mark.parametrize("yaw", [-40, -15, 0, 25])
@pytest.mark.parametrize("pitch", [-25, 0, 20])
@pytest.mark.parametrize("roll", [-30, 0, 10])
def test_pose_of_a_projected_head(yaw: float, pitch: float, roll: float) -> None:
    # the head's own zero of pitch differs from the one measured on photos by a few degrees
    zero = pose(projected(0, 0, 0))[1]
    found = pose(projected(yaw, pitch, roll))
    assert abs(zero) < 10
    np.testing.assert_allclose((found[0], found[1] - zero, found[2]), (yaw, pitch, roll), atol=5)


def test_pose_of_a_mirrored_face_has_opposite_yaw_and_roll() -> None:
    points = projected(20, 10, 5)
    yaw, pitch, roll = pose(points)
    np.testing.assert_allclose(pose(mirrored(points)), (-yaw, pitch, -roll), atol=1e-3)


def test_roll_is_clockwise_on_the_screen_and_size_and_place_do_not_matter() -> None:
    points = projected(15, -5, 0)
    angle = np.radians(20)
    x, y = (points - 64).T
    turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], 1)
    top, middle = turned[27], turned[33]
    assert top[0] > middle[0]  # the bridge of the nose moves to the right of its base
    yaw, pitch, roll = pose(points)
    np.testing.assert_allclose(pose(turned * 3 + 500), (yaw, pitch, roll + 20), atol=1e-3)


@pytest.mark.parametrize("points", [np.full((68, 2), 5.0), np.repeat(np.arange(68.0)[:, None], 2, axis=1)])
def test_pose_of_points_that_span_no_plane_is_nan(points: np.ndarray) -> None:
    assert np.isnan(pose(points.astype(np.float32))).all()


@pytest.mark.faces
@pytest.mark.parametrize(
    ("photo", "angle", "sign"),
    [
        ("3039319098_1", "yaw", -1),
        ("301384259_1", "yaw", -1),
        ("3213214947_2", "yaw", 1),
        ("3029583659_1", "yaw", 1),
        ("3241295295_1", "pitch", -1),
        ("3023336098_1", "pitch", -1),
        ("3160584865_1", "pitch", 1),
        ("3041080378_1", "pitch", 1),
        ("313525679_1", "roll", -1),
        ("3160584865_1", "roll", 1),
    ],
)
def test_pose_of_faces_as_people_see_them(faces: Path, photo: str, angle: str, sign: int) -> None:
    found = dict(zip(("yaw", "pitch", "roll"), pose(read_pts(faces / "helen" / f"{photo}.pts")), strict=True))
    assert 10 < sign * found[angle] < 50


def face() -> np.ndarray:
    """(128, 128, 3): the astronaut's."""
    return cv2.resize(skimage.data.astronaut()[10:190, 130:310], (128, 128), interpolation=cv2.INTER_AREA)


def grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def different_bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_measures_of_a_face() -> None:
    skin = np.zeros((128, 128), np.uint8)
    skin[32:96, 32:96] = 1
    found = measure(face(), skin, projected(10, 0, 0), 180.0)
    assert found.skin == 0.25 and found.side == 180.0
    assert found.blur > 4 * measure(cv2.GaussianBlur(face(), (0, 0), 2), skin, projected(0, 0, 0), 180.0).blur
    assert 0 < found.fingerprint < 2**64


def test_fingerprint_stays_near_under_light_and_compression() -> None:
    image = grey(face())
    own = fingerprint(image)
    darker = (image * 0.6 + 20).astype(np.uint8)
    packed = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_GRAYSCALE)
    assert different_bits(own, fingerprint(darker)) <= 4 and different_bits(own, fingerprint(packed)) <= 4
    assert different_bits(own, fingerprint(image[:, ::-1])) > 16


def test_fingerprint_bits_go_row_by_row_from_the_top_left() -> None:
    image = np.full((128, 128), 100, np.uint8)
    image[:16, 14:] = 200  # only the first cell of the first row is darker than its neighbour
    assert fingerprint(image) == 1 << 63


def test_pictures_without_detail_correlate_with_nothing() -> None:
    flat, other = np.full((64, 64, 3), 90, np.uint8), cv2.resize(face(), (64, 64), interpolation=cv2.INTER_AREA)
    assert placed_correlation(flat, flat) == placed_correlation(flat, other) == placed_correlation(other, flat) == 0
    moved = np.roll(other, (2, -3), (0, 1))
    assert placed_correlation(other, moved) > 0.95 > 0.5 > placed_correlation(other, moved[:, ::-1])
