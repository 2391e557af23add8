"""Crop recipes against the rules they are named after, and crops against the coordinates they claim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fishprep.faces.crop import CropRecipe, cut, dic_box, outside_share, square_box, to_crop


def points_in(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    inner = np.random.default_rng(0).uniform((x0, y0), (x1, y1), (64, 2))
    return np.concatenate([inner, [(x0, y0), (x1, y1), (x0, y1), (x1, y0)]]).astype(np.float32)


coordinate = st.floats(0, 400, allow_nan=False, width=32)


@given(coordinate, coordinate, st.floats(8, 300, width=32), st.floats(8, 300, width=32), st.floats(1, 3))
def test_square_is_a_whole_centred_square(x: float, y: float, w: float, h: float, expand: float) -> None:
    points = points_in(x, y, x + w, y + h)
    low, high = points.min(0), points.max(0)
    x0, y0, x1, y1 = square_box(points, (1000, 1000), expand)
    assert x1 - x0 == y1 - y0 == round(expand * float((high - low).max()))
    assert (x0 + 0.5).is_integer() and (y0 + 0.5).is_integer()
    np.testing.assert_allclose(((x0 + x1) / 2, (y0 + y1) / 2), (low + high) / 2, atol=0.501)


def pillow_crop_of_dic(points: np.ndarray, size: tuple[int, int]) -> tuple[int, ...]:
    """DIC's `bbox_generator` in its own terms, then the rounding of Pillow's `crop`."""
    x_min, y_min = (int(v) for v in points.min(0))
    w, h = (int(v) for v in np.ptp(points, axis=0))
    dx, dy = ((w - h) / 2, 0.0) if w > h else (0.0, (h - w) / 2)
    w = h = min(w, h)
    expand = int(w * 0.3 / 2)
    left, top = max(0, x_min + dx - expand), max(0, y_min + dy - expand)
    right, bottom = min(left + w + 2 * expand, size[0]), min(top + h + 2 * expand, size[1])
    return tuple(round(v) for v in (left, top, right, bottom))


@given(
    st.floats(-20, 150, width=32),
    st.floats(-20, 150, width=32),
    st.floats(20, 150, width=32),
    st.floats(20, 150, width=32),
)
def test_dic_is_dics_rule(x: float, y: float, w: float, h: float) -> None:
    points, size = points_in(x, y, x + w, y + h), (178, 218)
    left, top, right, bottom = pillow_crop_of_dic(points, size)
    if right - left < 1 or bottom - top < 1:
        with pytest.raises(ValueError, match="outside"):
            dic_box(points, size, 1.3)
        return
    box = dic_box(points, size, 1.3)
    assert tuple(int(edge + 0.5) for edge in box) == (left, top, right, bottom)


def test_a_face_without_extent_is_refused() -> None:
    for recipe in (CropRecipe("square"), CropRecipe("dic")):
        with pytest.raises(ValueError, match="less than a pixel"):
            recipe.box(np.full((68, 2), 50, np.float32), 100, 100)


def test_cut_inside_is_the_pixels() -> None:
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    np.testing.assert_array_equal(cut(image, (4.5, 2.5, 14.5, 12.5)), image[3:13, 5:15])


@pytest.mark.parametrize("box", [(-5.5, -3.5, 14.5, 16.5), (20.5, 10.5, 40.5, 30.5), (-10.5, -10.5, 39.5, 39.5)])
def test_cut_outside_replicates_the_border(box: tuple[float, float, float, float]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    padded = np.pad(image, ((50, 50), (50, 50), (0, 0)), mode="edge")
    x0, y0, x1, y1 = (int(edge + 50.5) for edge in box)
    np.testing.assert_array_equal(cut(image, box), padded[y0:y1, x0:x1])


def test_points_follow_the_pixels() -> None:
    """A bright dot cut and resized lands where its point says."""
    image = np.zeros((300, 300, 3), np.uint8)
    image[120:124, 90:94] = 255
    box = (19.5, 39.5, 275.5, 295.5)
    crop = cut(image, box)
    assert crop.shape == (256, 256, 3)
    small = crop.reshape(128, 2, 128, 2, 3).mean((1, 3))[..., 0]
    y, x = np.indices(small.shape)
    centre = (float((x * small).sum() / small.sum()), float((y * small).sum() / small.sum()))
    np.testing.assert_allclose(to_crop(np.array([[91.5, 121.5]]), box)[0], centre, atol=1e-5)


def test_outside_share() -> None:
    assert outside_share((-0.5, -0.5, 9.5, 9.5), 10, 10) == 0
    assert outside_share((-5.5, -0.5, 4.5, 9.5), 10, 10) == 0.5
    assert outside_share((-20.5, 0.5, -10.5, 10.5), 10, 10) == 1
