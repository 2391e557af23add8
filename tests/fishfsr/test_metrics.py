"""Metrics against scikit-image, a plain NumPy implementation, and values known in closed form."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.metrics
import torch
from numpy.typing import NDArray
from torch import Tensor

from fishfsr.errors import ConfigurationError, InputError
from fishfsr.metrics import (
    AUTHORS,
    DIC,
    PROTOCOLS,
    REFERENCE,
    RGB,
    get_protocol,
    parsing_accuracy,
    parsing_iou,
    psnr,
    ssim,
)

Images = Callable[..., Tensor]
Array = NDArray[np.float64]


@pytest.fixture
def faces(images: Images) -> tuple[Tensor, Tensor]:
    """Smooth images and noisy ones near them, which leave [0, 1] in places; (3, 3, 48, 56)."""
    hr = torch.nn.functional.interpolate(images(3, 6, 7), size=(48, 56), mode="bicubic").clamp(0, 1)
    return hr + 0.08 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(3)), hr


def luma(image: Array) -> Array:
    """Y of an RGB image (h, w, 3) in [0, 1], by scikit-image."""
    return skimage.color.rgb2ycbcr(image)[..., 0]


def as_arrays(batch: Tensor, clamp: bool = True) -> list[Array]:
    arrays = [image.permute(1, 2, 0).double().numpy() for image in batch]
    return [np.round(array.clip(0, 1) * 255) / 255 for array in arrays] if clamp else arrays


def cut(array: Array, border: int) -> Array:
    return array[border:-border, border:-border]


def skimage_ssim(first: Array, second: Array, **options: object) -> float:
    """Over the whole windows inside the image, which is what the crop of 5 leaves."""
    _, values = skimage.metrics.structural_similarity(
        first,
        second,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
        **options,
    )
    return float(cut(values, 5).mean())


def numpy_psnr(first: Array, second: Array) -> float:
    return 10 * math.log10(255**2 / float(np.mean((first - second) ** 2)))


def numpy_ssim(first: Array, second: Array) -> float:
    """Window by window, as the formula stands in the paper of Wang et al."""
    line = cv2.getGaussianKernel(11, 1.5)
    window, values = line @ line.T, []
    for y in range(first.shape[0] - 10):
        for x in range(first.shape[1] - 10):
            a, b = first[y : y + 11, x : x + 11], second[y : y + 11, x : x + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            covariance = (window * (a - ma) * (b - mb)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append((2 * ma * mb + c1) * (2 * covariance + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return float(np.mean(values))


def test_reference_against_scikit_image(faces: tuple[Tensor, Tensor]) -> None:
    sr, hr = faces
    pairs = [(cut(luma(a), 8), cut(luma(b), 8)) for a, b in zip(as_arrays(sr), as_arrays(hr), strict=True)]
    expected = [skimage.metrics.peak_signal_noise_ratio(b, a, data_range=255) for a, b in pairs]
    np.testing.assert_allclose(psnr(sr, hr, 8), expected, rtol=1e-9)
    np.testing.assert_allclose(ssim(sr, hr, 8), [skimage_ssim(a, b) for a, b in pairs], rtol=1e-9)


def test_rgb_against_scikit_image(faces: tuple[Tensor, Tensor]) -> None:
    sr, hr = faces
    pairs = [(cut(255 * a, 8), cut(255 * b, 8)) for a, b in zip(as_arrays(sr), as_arrays(hr), strict=True)]
    np.testing.assert_allclose(psnr(sr, hr, 8, RGB), [numpy_psnr(a, b) for a, b in pairs], rtol=1e-9)
    expected = [skimage_ssim(a, b, channel_axis=2) for a, b in pairs]
    np.testing.assert_allclose(ssim(sr, hr, 8, RGB), expected, rtol=1e-9)


def test_authors_against_numpy(faces: tuple[Tensor, Tensor]) -> None:
    sr, hr = faces
    weights = np.array([65.481, 128.553, 24.966])
    for index in range(len(sr)):
        a, b = (cut(16 + as_arrays(image, clamp=False)[index] @ weights, 8) for image in (sr, hr))
        assert psnr(sr, hr, 4, AUTHORS)[index].item() == pytest.approx(numpy_psnr(a, b), rel=1e-9)
        assert ssim(sr, hr, 4, AUTHORS)[index].item() == pytest.approx(numpy_ssim(a, b), rel=1e-9)


def test_dic_against_numpy(faces: tuple[Tensor, Tensor]) -> None:
    """With the published code's arithmetic: Y as uint8, and 255 times it in uint8."""
    sr, hr = faces
    for index in range(len(sr)):
        first, second = (luma(as_arrays(image)[index]).round().astype(np.uint8) for image in (sr, hr))
        with np.errstate(over="ignore"):
            wrapped = [cut(y * np.uint8(255), 4).astype(np.float64) for y in (first, second)]
        plain = [cut(y, 4).astype(np.float64) for y in (first, second)]
        assert psnr(sr, hr, 4, DIC)[index].item() == pytest.approx(numpy_psnr(*plain), rel=1e-9)
        assert ssim(sr, hr, 4, DIC)[index].item() == pytest.approx(numpy_ssim(*wrapped), rel=1e-9)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_equal_images(protocol: object, faces: tuple[Tensor, Tensor]) -> None:
    _, hr = faces
    assert psnr(hr, hr, 8, protocol).tolist() == [math.inf] * 3
    torch.testing.assert_close(ssim(hr, hr, 8, protocol), torch.ones(3, dtype=torch.float64))


def test_a_known_error() -> None:
    """One grey level on every channel is 219/255 of a level of Y."""
    hr = torch.full((1, 3, 32, 32), 100 / 255)
    assert psnr(hr + 1 / 255, hr, 8, RGB).item() == pytest.approx(20 * math.log10(255))
    assert psnr(hr + 1 / 255, hr, 8).item() == pytest.approx(20 * math.log10(255 * 255 / 219))


def test_a_batch_is_its_single_images_and_float64(faces: tuple[Tensor, Tensor]) -> None:
    sr, hr = faces
    for measure in (psnr, ssim):
        batch = measure(sr, hr, 8)
        assert batch.dtype == torch.float64
        singles = torch.cat([measure(sr[i : i + 1], hr[i : i + 1], 8) for i in range(3)])
        torch.testing.assert_close(batch, singles, rtol=1e-12, atol=0)


def test_the_border_is_not_looked_at(faces: tuple[Tensor, Tensor]) -> None:
    sr, hr = faces
    spoilt = sr.clone()
    spoilt[..., :8, :] = spoilt[..., -8:] = 0
    assert torch.equal(psnr(spoilt, hr, 8), psnr(sr, hr, 8))
    assert not torch.equal(psnr(spoilt, hr, 4, DIC), psnr(sr, hr, 4, DIC))


def test_what_the_protocols_differ_in() -> None:
    assert get_protocol("reference") is REFERENCE
    with pytest.raises(ConfigurationError, match="there are reference, authors, dic, rgb"):
        get_protocol("matlab")


@pytest.mark.parametrize(
    ("sr", "hr", "message"),
    [
        (torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 30), "one shape"),
        (torch.zeros(1, 3, 16, 32), torch.zeros(1, 3, 16, 32), "nothing is left"),
        (torch.zeros(0, 3, 32, 32), torch.zeros(0, 3, 32, 32), "empty"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), torch.zeros(1, 3, 32, 32), "divide by 255"),
        (torch.zeros(1, 3, 24, 24), torch.zeros(1, 3, 24, 24), "SSIM needs 11 pixels"),
    ],
)
def test_wrong_inputs(sr: Tensor, hr: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        psnr(sr, hr, 8)
        ssim(sr, hr, 8)


def test_parsing_measures() -> None:
    truth = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]).reshape(3, 1, 2, 2)
    parsing = torch.tensor([[0.9, 0.4, 0.5, 0.1], [0.1, 0.2, 0.3, 0.49], [1, 1, 1, 1]]).reshape(3, 1, 2, 2)
    assert parsing_accuracy(parsing, truth).tolist() == [0.5, 1.0, 0.0]
    assert parsing_iou(parsing, truth).tolist() == pytest.approx([1 / 3, 1.0, 0.0])
    with pytest.raises(InputError, match="maps must both be"):
        parsing_accuracy(parsing, truth[:, :, :1])
