"""Pasting: exact places and colours, no seam, no order."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fishfsr.upscaling.pasting import RestoredFace, enlarge, enlarged_size, paste
from fishfsr.upscaling.turned_pasting import FEATHER

WIDTH, HEIGHT = 101, 83
BOXES = ((20.5, 13.5, 52.5, 45.5), (-8.5, 30.5, 20.5, 59.5), (80.5, 60.5, 110.5, 90.5), (10.2, 20.7, 45.9, 56.4))
SIDE = 128


def scene(x: NDArray[np.float64], y: NDArray[np.float64]) -> np.ndarray:
    """A smooth picture, known at every real coordinate of the photo: (rows, columns, 3) uint8."""
    red = 128 + 60 * np.sin(x / 7)[None, :] * np.cos(y / 9)[:, None]
    green = 128 + 50 * np.cos(x / 5 + 1)[None, :] + 40 * np.sin(y / 6)[:, None]
    blue = 100 + x[None, :] + 0 * y[:, None]
    return np.rint(np.stack([red, green, blue], axis=-1)).clip(0, 255).astype(np.uint8)


def seen(start: float, end: float, count: int) -> np.ndarray:
    """Photo coordinates of the centres of `count` pixels between two edges."""
    return start + (np.arange(count) + 0.5) * (end - start) / count


def face(box: tuple[float, float, float, float], shift: float = 0.0) -> RestoredFace:
    return RestoredFace(scene(seen(box[0], box[2], SIDE) + shift, seen(box[1], box[3], SIDE)), box)


def truth(size: tuple[int, int]) -> np.ndarray:
    return scene(seen(-0.5, WIDTH - 0.5, size[0]), seen(-0.5, HEIGHT - 0.5, size[1]))


def displacement(pasted: np.ndarray, expected: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Least-squares shift in x and y, in enlarged pixels, of the middle of a box, where the face's weight is 1."""
    scale = expected.shape[1] / WIDTH
    edges = [(box[i] + (box[i + 2] - box[i]) * share + 0.5) * scale for i in (0, 1) for share in (0.2, 0.8)]
    left, right, top, bottom = (max(1, int(edge)) for edge in edges)
    place = (slice(top, bottom), slice(left, right), slice(0, 2))
    rows, columns = (gradient[place].ravel() for gradient in np.gradient(expected.astype(float), axis=(0, 1)))
    change = (expected.astype(float) - pasted)[place].ravel()
    return np.linalg.lstsq(np.stack([columns, rows], axis=1), change, rcond=None)[0]


@pytest.mark.parametrize("scale", [1.0, 2.0, 2.5, 3.37, 4.0, 8.0])
@pytest.mark.parametrize("box", BOXES)
def test_place_is_exact(box: tuple[float, float, float, float], scale: float) -> None:
    """A face that is the scene itself changes next to nothing and shifts nothing; one that is moved shifts by that."""
    size = enlarged_size(WIDTH, HEIGHT, scale)
    expected = truth(size)
    pasted = paste(expected, (WIDTH, HEIGHT), [face(box)])
    assert np.abs(pasted.astype(int) - expected).max() <= 2
    assert np.abs(displacement(pasted, expected, box)).max() < 0.02 * scale
    moved = displacement(paste(expected, (WIDTH, HEIGHT), [face(box, -0.1)]), expected, box)
    np.testing.assert_allclose(moved, [0.1 * scale, 0], atol=0.03 * scale)


@pytest.mark.parametrize("box", BOXES)
def test_no_seam_around_a_face_of_another_colour(box: tuple[float, float, float, float]) -> None:
    """No step between neighbours beyond the steepest slope of the feather: contrast · (pi / 2) / (FEATHER · side)."""
    photo = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    enlarged = enlarge(photo, enlarged_size(WIDTH, HEIGHT, 4))
    pasted = paste(enlarged, (WIDTH, HEIGHT), [RestoredFace(np.full((SIDE, SIDE, 3), 160, np.uint8), box)]).astype(int)
    steepest = 100 * np.pi / 2 / (FEATHER * 4 * (box[2] - box[0]))
    assert steepest < 9
    for axis in (0, 1):
        assert np.abs(np.diff(pasted, axis=axis)).max() <= steepest + 1
    assert pasted.max() == 160 and pasted.min() == 60


def test_colours_of_the_middle_are_the_face_s_own() -> None:
    box = BOXES[0]
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    enlarged = np.zeros((HEIGHT * 4, WIDTH * 4, 3), np.uint8)
    pasted = paste(enlarged, (WIDTH, HEIGHT), [RestoredFace(noise, box)])
    margin = int(SIDE * FEATHER) + 1
    top, left = int((box[1] + 0.5) * 4) + margin, int((box[0] + 0.5) * 4) + margin
    inner = SIDE - 2 * margin
    np.testing.assert_array_equal(pasted[top : top + inner, left : left + inner], noise[margin:-margin, margin:-margin])


def test_overlapping_faces_do_not_depend_on_their_order() -> None:
    boxes = ((20.5, 13.5, 52.5, 45.5), (36.5, 15.5, 68.5, 47.5), (30.5, 30.5, 62.5, 62.5))
    faces = [
        RestoredFace(np.full((SIDE, SIDE, 3), value, np.uint8), box)
        for value, box in zip((50, 120, 220), boxes, strict=True)
    ]
    enlarged = truth(enlarged_size(WIDTH, HEIGHT, 4))
    first = paste(enlarged, (WIDTH, HEIGHT), faces).astype(int)
    for other in (faces[::-1], faces[1:] + faces[:1]):
        assert np.abs(first - paste(enlarged, (WIDTH, HEIGHT), other)).max() <= 2  # each face rounds once
    plain = paste(np.full_like(enlarged, 100), (WIDTH, HEIGHT), faces).astype(int)
    assert np.abs(np.diff(plain, axis=1)).max() <= 170 * np.pi / 2 / (FEATHER * SIDE) + 2


@pytest.mark.parametrize("value", [0, 255])
def test_overlapping_faces_of_one_colour_stay_between_it_and_the_photo(value: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        enlarged = rng.integers(0, 256, (64, 64, 3), np.uint8)
        corners = rng.uniform(-5, 15, (3, 2))
        faces = [
            RestoredFace(np.full((SIDE, SIDE, 3), value, np.uint8), (x, y, x + side, y + side))
            for (x, y), side in zip(corners, rng.uniform(8, 20, 3), strict=True)
        ]
        pasted = paste(enlarged, (32, 32), faces).astype(int)
        low, high = np.minimum(enlarged, value).astype(int), np.maximum(enlarged, value).astype(int)
        assert (pasted >= low - 2).all() and (pasted <= high + 2).all()


def test_a_face_outside_the_photo_or_smaller_than_a_pixel_changes_nothing() -> None:
    enlarged = truth((WIDTH, HEIGHT))
    faces = [face((-60.5, 10.5, -20.5, 50.5)), face((10.1, 10.1, 10.3, 10.3))]
    np.testing.assert_array_equal(paste(enlarged, (WIDTH, HEIGHT), faces), enlarged)
