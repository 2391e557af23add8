"""Tiles: every place of a picture is whole in one of them, and a point of a tile is where it was in the picture."""

import numpy as np
import pytest

from fishprep.detectors.tiles import first_side, search_sides, tiles


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


def test_a_small_picture_is_enlarged_no_more_than_it_must_be() -> None:
    sides = {longer: first_side(longer // 2, longer, 192, 128, 32) for longer in (20, 128, 129, 160, 161, 192, 4000)}
    assert sides == {20: 128, 128: 128, 129: 160, 160: 160, 161: 192, 192: 192, 4000: 192}


@pytest.mark.parametrize("step", [None, 32])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_points_come_back_from_a_turned_tile(turns: int, step: int | None) -> None:
    image = np.zeros((90, 120, 3), np.uint8)
    image[61, 97] = 255
    found = []
    for tile in tiles(image, 120, 64, 16, step):
        turned = tile.turned(turns)
        rows, columns = np.nonzero(turned.image[..., 0])
        found += [turned.to_picture(np.array([x + 0.5, y + 0.5])) for y, x in zip(rows, columns, strict=True)]
    assert found
    np.testing.assert_allclose(found, [(97, 61)] * len(found))


def test_a_resized_picture_keeps_its_edges() -> None:
    tile = next(tiles(np.zeros((300, 600, 3), np.uint8), 64, 64, 16))
    np.testing.assert_allclose(tile.to_picture(np.array([[0, 0], [64, 32]])), [(-0.5, -0.5), (599.5, 299.5)])
    assert tile.image.shape == (64, 64, 3) and not tile.image[32:].any()


@pytest.mark.parametrize(("shape", "wanted"), [((33, 20), (64, 32)), ((20, 33), (32, 64)), ((50, 64), (64, 64))])
def test_no_more_is_padded_than_the_step_needs(shape: tuple[int, int], wanted: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(1, 256, (*shape, 3), np.uint8)
    (tile,) = tiles(image, max(shape), 64, 16, 32)
    assert tile.image.shape == (*wanted, 3)
    np.testing.assert_array_equal(tile.image[: shape[0], : shape[1]], image)
    assert tile.image.astype(bool).sum() == image.size
    for turns in (1, 2, 3):
        corners = tile.turned(turns).to_picture(np.array([[0.0, 0], tile.turned(turns).image.shape[1::-1]]))
        np.testing.assert_allclose(np.sort(corners, 0), [(-0.5, -0.5), (wanted[1] - 0.5, wanted[0] - 0.5)])
