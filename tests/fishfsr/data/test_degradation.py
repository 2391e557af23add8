"""LR faces of other sizes and spoiled ones: against Pillow and SciPy, whatever batch they are in, by name."""

import numpy as np
import pytest
import training
from PIL import Image
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter

from fishfsr.data import Degradation
from fishfsr.data.degradation import DEGRADATIONS, gaussian

WILD = Degradation(name="wild", resized=0.6, share=0.7)


def degraded(degradation: Degradation, size: int, places: np.ndarray, seed: int = 3) -> np.ndarray:
    drawn = training.drawn(12, "train").images
    lr = drawn[size][places].copy()
    degradation.apply(drawn[128][places], lr, seed, places)
    return lr


def test_another_size_is_pillows_shrinking_and_enlarging() -> None:
    drawn = training.drawn(3, "train").images
    lr = drawn[16].copy()
    Degradation(resized=1, sizes=(1.4, 1.4)).apply(drawn[128], lr, 0, np.arange(3))
    for face, hr in zip(lr, drawn[128], strict=True):
        shrunk = Image.fromarray(hr).resize((22, 22), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(face, np.asarray(shrunk.resize((16, 16), Image.Resampling.BICUBIC)))


@pytest.mark.parametrize("size", [8, 32])
def test_what_a_face_draws_does_not_hang_on_its_batch(size: int) -> None:
    whole = degraded(WILD, size, np.arange(12))
    for part in (np.arange(5), np.arange(5, 12), np.array([7])):
        np.testing.assert_array_equal(degraded(WILD, size, part), whole[part])
    assert not np.array_equal(degraded(WILD, size, np.arange(12), seed=4), whole)


def test_every_size_between_the_limits_comes() -> None:
    sizes = WILD._sizes(16, 0, np.arange(600))
    assert 0.3 < np.mean(sizes == 16) < 0.55  # the unchanged ones, and those that draw 16
    assert set(sizes.tolist()) == set(range(11, 23))


def test_blur_is_scipys() -> None:
    faces = training.drawn(3, "train").images[16].astype(np.float64)
    blurred = gaussian(faces, np.array([0.0, 0.4, 2.0]))
    np.testing.assert_allclose(blurred[0], faces[0])
    for face, found, sigma in zip(faces[1:], blurred[1:], (0.4, 2.0), strict=True):
        radius = int(np.ceil(3 * sigma))
        np.testing.assert_allclose(
            found, gaussian_filter(face, (sigma, sigma, 0), mode="nearest", radius=(radius, radius, 0))
        )


def test_a_name_fills_in_what_is_not_given() -> None:
    spoiled = Degradation(name="spoiled")
    assert spoiled == Degradation(name="spoiled", share=1, blur=(0, 0.8), noise=(0, 8), jpeg=(40, 95))
    assert spoiled.spoils and not spoiled.resizes
    assert WILD.share == 0.7 and WILD.sizes == (0.7, 1.4) and WILD.jpeg == (40, 95)
    assert Degradation.model_validate_json(WILD.model_dump_json()) == WILD
    assert [Degradation(name=name).active for name in DEGRADATIONS] == [False, True, True, True]
    with pytest.raises(ValidationError, match="'none', 'sizes', 'spoiled' or 'wild'"):
        Degradation(name="spoilt")
