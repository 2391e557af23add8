"""Tiles: every place of a picture is whole in one of them, and a point of a tile is where it was in the picture."""

import numpy as np
import pytest

from fishprep.detectors.tiles import search_sides, tiles


def test_levels_double_until_pixels_would_be_too_fine() -> None:
    assert search_sides(800, 600, 192, 1.0) == [192, 384, 768]
    assert search_sides(100, 60, 192, 1.0) == [192]
    assert search_sides(4000, 3000, 192, 2.0) == [192, 384, 768, 1536]


@pytest.mark.parametrize("shape", [(64, 64), (200, 64), (500, 333), (64, 1000)])
def test_every_square_that_is_shared_is_whole_in_a_tile(shape: tuple[int, int]) -> None:
    side, shared = 64, 16
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*shape, 3), np.uint8)
    cut = list(tiles(image, max(shape), side, shared))
    for _ in range(50):
        y, x = (rng.integers(0, length - shared + 1) for length in shape)
        wanted = image[y : y + shared, x : x + shared]
        assert any(
            np.array_equal(tile.image[y - top : y - top + shared, x - left : x - left + shared], wanted)
            for tile in cut
            for top, left in [(round(tile.y + 0.5), round(tile.x + 0.5))]
            if top <= y and left <= x and y + shared <= top + side and x + shared <= left + side
        )


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_points_come_back_from_a_turned_tile(turns: int) -> None:
    image = np.zeros((90, 120, 3), np.uint8)
    image[61, 97] = 255
    found = []
    for tile in tiles(image, 120, 64, 16):
        turned = tile.turned(turns)
        rows, columns = np.nonzero(turned.image[..., 0])
        found += [turned.to_picture(np.array([x + 0.5, y + 0.5])) for y, x in zip(rows, columns, strict=True)]
    assert found
    np.testing.assert_allclose(found, [(97, 61)] * len(found))


def test_a_resized_picture_keeps_its_edges() -> None:
    tile = next(tiles(np.zeros((300, 600, 3), np.uint8), 64, 64, 16))
    np.testing.assert_allclose(tile.to_picture(np.array([[0, 0], [64, 32]])), [(-0.5, -0.5), (599.5, 299.5)])
    assert not tile.image[32:].any()
