"""Resizers against each other and against plain definitions."""

import numpy as np
import pytest
from PIL import Image

from fishprep.faces.pyramid import RESIZERS, hr_face, lr_pyramid, matlab_bicubic
from fishprep.shards.schema import LR_SIZES


@pytest.fixture
def faces() -> np.ndarray:
    skimage = pytest.importorskip("skimage.data")
    portrait = skimage.astronaut()[:256, 100:356]
    return np.stack([portrait[::2, ::2], np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)])


@pytest.mark.parametrize("size", LR_SIZES)
def test_pillow_is_pillow_and_torch_is_within_one_grey_level(faces: np.ndarray, size: int) -> None:
    ours = RESIZERS["pillow-bicubic"](faces, size)
    for face, small in zip(faces, ours, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.fromarray(face).resize((size, size), Image.BICUBIC)), small)
    assert np.abs(RESIZERS["torch-bicubic"](faces, size).astype(int) - ours).max() <= 1


@pytest.mark.parametrize("resizer", RESIZERS)
def test_every_level_comes_from_the_hr_face(faces: np.ndarray, resizer: str) -> None:
    pyramid = lr_pyramid(faces, resizer)
    assert {size: images.shape for size, images in pyramid.items()} == {s: (2, s, s, 3) for s in LR_SIZES}
    np.testing.assert_array_equal(pyramid[8], RESIZERS[resizer](faces, 8))
    assert lr_pyramid(faces[:0], resizer)[16].shape == (0, 16, 16, 3)


def plain_imresize(row: np.ndarray, size: int) -> np.ndarray:
    """MATLAB's imresize along one axis, written as a sum over every tap."""

    def cubic(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    scale = size / len(row)
    k = min(scale, 1)
    out = np.zeros(size)
    for i in range(size):
        centre = (i + 0.5) / scale - 0.5
        taps = range(int(np.floor(centre - 2 / k)) - 1, int(np.ceil(centre + 2 / k)) + 2)
        weights = np.array([cubic(k * (centre - tap)) for tap in taps])
        period = [*range(len(row)), *range(len(row) - 1, -1, -1)]
        out[i] = weights @ np.array([row[period[tap % (2 * len(row))]] for tap in taps]) / weights.sum()
    return out


@pytest.mark.parametrize(("length", "size"), [(128, 8), (128, 32), (50, 128), (37, 16)])
def test_matlab_weights_are_imresizes(length: int, size: int) -> None:
    row = np.random.default_rng(1).integers(0, 256, length)
    image = np.broadcast_to(row[None, None, :, None], (1, length, length, 3)).astype(np.uint8)
    expected = np.clip(np.floor(plain_imresize(row.astype(float), size) + 0.5), 0, 255)
    assert np.abs(matlab_bicubic(image, size)[0, size // 2, :, 0].astype(int) - expected).max() <= 1


def test_hr_face_takes_any_size_and_stretches() -> None:
    crop = np.zeros((90, 60, 3), np.uint8)
    crop[:, 30:] = 200
    face = hr_face(crop, "pillow-bicubic")
    assert face.shape == (128, 128, 3)
    assert face[:, :60].max() < 10 and abs(int(face[64, 100, 0]) - 200) <= 1
