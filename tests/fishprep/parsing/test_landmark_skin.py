"""The parser without weights: on labelled faces, on a drawn one, and on points that make no sense."""

from typing import Any

import cv2
import numpy as np
import pytest

from fishprep.parsing import PARSERS
from fishprep.parsing.landmark_skin import LandmarkSkinParser

SKIN, HAIR, BACKGROUND = (205, 160, 135), (50, 35, 25), (70, 110, 160)


def _drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A face of flat colours, its 68 points, and where its skin is (the parts not counted)."""
    points = np.zeros((68, 2))
    turn = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([64 + 40 * np.cos(turn), 60 + 52 * np.sin(turn)], axis=1)
    points[17:22] = np.stack([np.linspace(32, 54, 5), [48, 45, 44, 45, 47]], axis=1)
    points[22:27] = np.stack([np.linspace(74, 96, 5), [47, 45, 44, 45, 48]], axis=1)
    points[27:31] = np.stack([np.full(4, 64), np.linspace(55, 75, 4)], axis=1)
    points[31:36] = np.stack([np.linspace(56, 72, 5), [79, 80, 81, 80, 79]], axis=1)
    for start, x in ((36, 44), (42, 84)):
        around = np.array([np.pi, 4.2, 5.2, 0, 1.05, 2.1])
        points[start : start + 6] = np.stack([x + 8 * np.cos(around), 57 + 4 * np.sin(around)], axis=1)
    around = np.linspace(np.pi, 3 * np.pi, 12, endpoint=False)
    points[48:60] = np.stack([64 + 16 * np.cos(around), 95 + 6 * np.sin(around)], axis=1)
    points[60:68] = points[48:60][[0, 2, 3, 4, 6, 8, 9, 10]]
    image = np.full((128, 128, 3), BACKGROUND, np.uint8)
    cv2.ellipse(image, (64, 56), (54, 58), 0, 0, 360, HAIR, -1)
    cv2.ellipse(image, (64, 60), (40, 52), 0, 0, 180, SKIN, -1)
    cv2.ellipse(image, (64, 60), (40, 38), 0, 180, 360, SKIN, -1)  # hair begins at 22, above the brows
    skin = (image == SKIN).all(axis=2)
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), points.astype(np.float32), skin


def test_a_drawn_face() -> None:
    image, points, skin = _drawn()
    found = LandmarkSkinParser().parse(image[None], points[None])
    assert found.classes is None
    drawn = found.skin[0].astype(bool)
    assert (drawn & ~skin).sum() < 0.03 * skin.sum()  # the hair is left out by its colour
    parts = cv2.fillPoly(np.zeros((128, 128), np.uint8), [points[48:60].astype(np.int32)], 1).astype(bool)
    assert drawn[parts].mean() < 0.1
    assert not drawn[57, 44] and not drawn[57, 84] and not drawn[70, 64]  # eyes and nose
    assert drawn[80, 38] and drawn[80, 90] and drawn[35, 64] and drawn[106, 64]  # cheeks, forehead, chin
    assert (drawn & skin).sum() > 0.75 * skin.sum()  # of the disc with the parts in it


def test_it_gives_what_its_version_gave() -> None:
    """By shares of the map's quarters, as the last pixel is a matter of the machine; other shares are another version."""
    image, points, _ = _drawn()
    drawn = LandmarkSkinParser().parse(image[None], points[None]).skin[0]
    quarters = [float(part.mean()) for half in np.split(drawn, 2) for part in np.split(half, 2, axis=1)]
    assert PARSERS["landmark-skin"].version == 1 and quarters == pytest.approx(
        [0.2874, 0.2957, 0.2930, 0.2969], abs=0.003
    )


def test_a_mirrored_face_gives_the_mirrored_map() -> None:
    image, points, _ = _drawn()
    order = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)]
    order += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    order += [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]
    mirrored = points[order] * (-1, 1) + (127, 0)
    parser = LandmarkSkinParser()
    one = parser.parse(image[None], points[None]).skin[0]
    other = parser.parse(image[None, :, ::-1], mirrored[None].astype(np.float32)).skin[0]
    assert (one == other[:, ::-1]).mean() > 0.985  # polygons include their upper left edges


@pytest.mark.parametrize("points", [0.0, 64.0, -5000.0, 1e9, "random"])
def test_points_that_make_no_face_do_no_harm(points: float | str) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, 128, 128, 3)).astype(np.uint8)
    given = rng.uniform(-300, 400, (1, 68, 2)) if points == "random" else np.full((1, 68, 2), points)
    skin = LandmarkSkinParser().parse(image, given.astype(np.float32)).skin
    assert skin.shape == (1, 128, 128) and set(np.unique(skin)) <= {0, 1}


def test_a_flat_picture_and_no_picture_at_all() -> None:
    _, points, _ = _drawn()
    flat = np.full((1, 128, 128, 3), 128, np.uint8)
    assert 0.2 < LandmarkSkinParser().parse(flat, points[None]).skin.mean() < 0.6  # shape alone decides
    assert LandmarkSkinParser().parse(flat[:0], points[None][:0]).skin.shape == (0, 128, 128)
    with pytest.raises(ValueError, match="landmarks"):
        LandmarkSkinParser().parse(flat, points[None][:0])
    with pytest.raises(ValueError, match="finite"):
        LandmarkSkinParser().parse(flat, np.full((1, 68, 2), np.nan, np.float32))


@pytest.mark.faces
def test_against_labelled_faces(labelled: Any) -> None:
    found = LandmarkSkinParser().parse(labelled.crops, labelled.landmarks).skin.astype(bool)
    inside, truth = labelled.classes != 255, labelled.classes == 1
    assert (found & truth & inside).sum() / ((found | truth) & inside).sum() > 0.78
    assert (found == truth)[inside].mean() > 0.91
