"""Points of a file are held against a face: their order and sense in their own frame, and their place in the photo."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from fishprep.landmarks.annotation import read_pts
from fishprep.landmarks.geometry import MIRROR
from fishprep.landmarks.sense import MEAN_FACE, Shown, misfit, misplacement, roll

SHOWN = Shown(400, 300)
UPRIGHT = MEAN_FACE * 40 + (150, 120)


def turned(degrees: float, points: np.ndarray = UPRIGHT) -> np.ndarray:
    """About (150, 120), clockwise."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (points - (150, 120)) @ matrix + (150, 120)


def reordered(*moves: tuple[slice, slice]) -> np.ndarray:
    points = UPRIGHT.copy()
    for one, other in moves:
        points[one], points[other] = UPRIGHT[other], UPRIGHT[one]
    return points


@pytest.mark.parametrize("degrees", [-80, -30, 0, 10, 80])
def test_a_face_is_a_face_however_it_leans(degrees: float) -> None:
    assert misfit(turned(degrees)) == "" and roll(turned(degrees)) == pytest.approx(degrees)
    profile = (UPRIGHT - (150, 120)) * (0.4, 1) + (150, 120)
    assert misfit(turned(degrees, profile)) == ""


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (UPRIGHT[:, ::-1], "probably x and y are exchanged"),
        (turned(20)[:, ::-1], "probably x and y are exchanged"),
        (UPRIGHT * (-1, 1) + (399, 0), "mirrored picture, or left and right are exchanged"),
        (UPRIGHT[list(MIRROR)], "mirrored picture, or left and right are exchanged"),
        (UPRIGHT * (1, -1) + (0, 299), "probably y is counted from below"),
        (UPRIGHT * (-1, -1) + (399, 299), "upside down"),
        (UPRIGHT[::-1], "not those of a face in iBUG's order"),
        (np.random.default_rng(0).permutation(UPRIGHT), "not those of a face in iBUG's order"),
        (np.random.default_rng(0).uniform(0, 300, (68, 2)), "not those of a face in iBUG's order"),
        (np.full((68, 2), 7.0), "in one place"),
        (reordered((slice(36, 42), slice(42, 48))), "left and right of the eyes are exchanged"),
        (reordered((slice(17, 22), slice(22, 27))), "left and right of the brows are exchanged"),
        (reordered((slice(17, 27), slice(36, 46))), "the brows below the eyes"),
        (UPRIGHT / 400, "normalised"),
        (UPRIGHT / 200 - 1, "normalised"),
        (UPRIGHT * 4, "% of the points lie outside the photo: probably they are of the picture in another size"),
        (UPRIGHT - UPRIGHT.min(axis=0) + (400 - np.ptp(UPRIGHT, axis=0)[0], 50), "probably they are one-based"),
        (UPRIGHT - UPRIGHT.min(axis=0) + (20, -1), "probably they are zero-based"),
        (UPRIGHT, ""),
        (UPRIGHT - UPRIGHT.min(axis=0) - (30, 20), ""),  # cut off by the border: the crop's own rule
        (UPRIGHT - UPRIGHT.min(axis=0), ""),
    ],
    ids=range(21),
)
def test_what_is_no_face_of_this_photo_and_the_probable_cause(points: np.ndarray, said: str) -> None:
    found = misplacement(points.astype(np.float32), SHOWN)
    assert said in found and bool(said) == bool(found)


def stored(points: np.ndarray, orientation: int) -> np.ndarray:
    """By Pillow: where the upright picture's points lie in the picture that EXIF turns upright by `orientation`."""
    y, x = np.indices((300, 400), dtype=np.float32)
    came_from = np.stack([turn_by_pillow(axis, orientation) for axis in (x, y)], axis=-1)
    columns, rows = points.astype(int).T
    return came_from[rows, columns]


def turn_by_pillow(values: np.ndarray, orientation: int) -> np.ndarray:
    image = Image.fromarray(values)
    image.getexif()[274] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_points_of_the_picture_as_it_is_stored(orientation: int) -> None:
    width, height = (400, 300) if orientation < 5 else (300, 400)
    upright = np.round(MEAN_FACE * 40 + (120, 130))
    shown = Shown(width, height, orientation)
    assert misplacement(upright, shown) == ""
    as_stored = stored(upright, orientation)
    assert np.array_equal(shown.turned(as_stored), upright)
    assert "as it is stored" in misplacement(as_stored, shown)
    assert misplacement(upright, Shown(width, height)) == ""


@pytest.mark.faces
def test_no_face_that_was_annotated_by_hand_is_refused(faces: Path) -> None:
    for path in (path for folder in ("helen", "afw", "pts") for path in (faces / folder).glob("*.pts")):
        photo = next(other for other in path.parent.glob(f"{path.stem}.*") if other.suffix != ".pts")
        with Image.open(photo) as picture:
            assert misplacement(read_pts(path), Shown(*picture.size)) == "", path.name
