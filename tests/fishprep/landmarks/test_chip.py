import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fishprep.landmarks.chip import can_cut, cut_chip, resize_to, resized_box_to_photo


def blob(x: float, y: float, size: int = 200) -> np.ndarray:
    """Wide enough that neither resizing nor rounding moves its centre."""
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    grey = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4.0**2))
    return np.repeat(grey.round().astype(np.uint8)[..., np.newaxis], 3, axis=2)


def centroid(image: np.ndarray) -> np.ndarray:
    weight = image[..., 0].astype(np.float64)
    y, x = np.indices(weight.shape)
    return np.array([[(x * weight).sum(), (y * weight).sum()]]) / weight.sum()


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(70, 115),
    y=st.floats(70, 115),
    left=st.floats(30, 45),
    top=st.floats(30, 45),
    side=st.floats(110, 150),
    chip_side=st.sampled_from([64, 100, 256, 384]),
)
def test_a_place_in_the_chip_is_brought_back_to_the_photo(
    x: float, y: float, left: float, top: float, side: float, chip_side: int
) -> None:
    chip = cut_chip(blob(x, y), (left, top, left + side, top + side), chip_side)
    assert np.abs(chip.to_photo(centroid(chip.image)) - (x, y)).max() < 0.05


def test_the_box_takes_the_middle_of_the_chip() -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    image[100:180, 120:200] = 255
    chip = cut_chip(image, (119.5, 99.5, 199.5, 179.5), side=192, margin=16)
    assert (chip.image[17:-17, 17:-17] == 255).all()  # the border itself is interpolated
    assert chip.image[:15].max() == 0
    assert chip.image[:, :15].max() == 0
    assert chip.box_to_photo((15.5, 15.5, 175.5, 175.5)) == (119.5, 99.5, 199.5, 179.5)


def test_outside_the_photo_is_black_and_the_way_back_holds() -> None:
    image = np.full((50, 40, 3), 200, np.uint8)
    chip = cut_chip(image, (-20.5, -10.5, 39.5, 49.5), side=60)
    assert chip.image[:10].max() == 0
    assert chip.image[:, :20].max() == 0
    assert (chip.image[10:, 20:] == 200).all()
    assert chip.to_photo(np.array([[20.0, 10.0]])).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, float("nan"), 10.0),
        (0.0, 0.0, float("inf"), 10.0),
        (200.0, 0.0, 210.0, 10.0),
        (-1e9, -1e9, 1e9, 1e9),
        (10.0, 10.0, 10.2, 10.2),
        (20.0, 20.0, 10.0, 10.0),
    ],
)
def test_boxes_that_would_exhaust_memory_or_miss_the_photo_are_refused(box: tuple[float, float, float, float]) -> None:
    assert not can_cut(np.zeros((100, 100, 3), np.uint8), box)


def test_a_box_in_a_shrunk_photo_is_brought_back() -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    image[80:160, 200:320] = 255
    small = resize_to(image, 150)
    assert small.shape == (100, 150, 3)
    ys, xs = np.nonzero(small[..., 0] > 127)
    box = (xs.min() - 0.5, ys.min() - 0.5, xs.max() + 0.5, ys.max() + 0.5)
    assert resized_box_to_photo(box, small, image) == (199.5, 79.5, 319.5, 159.5)
