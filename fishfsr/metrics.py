"""PSNR and SSIM of super-resolved faces by named protocols, and the accuracy of parsing maps.

The protocol moves results more than methods do: a figure without its protocol says nothing. All values are
per image, computed in float64 on the device of the images, a batch at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from fishfsr.errors import ConfigurationError, InputError
from fishfsr.models.checks import check_image

PEAK = 255.0
LUMA = (65.481, 128.553, 24.966)
LUMA_OFFSET = 16.0
WINDOW = 11
SIGMA = 1.5


@dataclass(frozen=True)
class Protocol:
    """A convention of PSNR and SSIM.

    `luma`: on Y = 16 + 65.481 R + 128.553 G + 24.966 B (RGB in 0-1), else the mean over R, G and B.
    `quantised`: images are clamped to [0, 1] and rounded to 256 levels first. `rounded_luma`: Y is rounded
    too. `border`: pixels cut off each side; None cuts as many as the scale. `wrapped_ssim`: SSIM of (-Y) mod
    256.
    """

    name: str
    luma: bool = True
    quantised: bool = True
    rounded_luma: bool = False
    border: int | None = 8
    wrapped_ssim: bool = False


REFERENCE = Protocol("reference")
"""What BasicSR computes, and scikit-image with gaussian_weights, sigma 1.5, use_sample_covariance=False."""

AUTHORS = Protocol("authors", quantised=False)
"""The authors' test script: the network's output as it is, neither clamped nor rounded."""

DIC = Protocol("dic", rounded_luma=True, border=None, wrapped_ssim=True)
"""DIC's published code.

Y as uint8; its multiplication by 255 overflows, so that its SSIM is of a wrapped negative.
"""

RGB = Protocol("rgb", luma=False)
"""As `reference`, on the colour channels."""

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({p.name: p for p in (REFERENCE, AUTHORS, DIC, RGB)})


def get_protocol(name: str) -> Protocol:
    """The protocol of that name. Raises ConfigurationError that lists the names."""
    if name not in PROTOCOLS:
        raise ConfigurationError(f"no metric protocol {name!r}; there are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def psnr(sr: Tensor, hr: Tensor, scale: int, protocol: Protocol = REFERENCE) -> Tensor:
    """Peak signal-to-noise ratio in dB, (N,) float64; infinite for equal images.

    `sr` and `hr` are (N, 3, h, w), RGB in [0, 1], floating point. Raises InputError on unequal or wrong
    shapes, and images smaller than the border.
    """
    first, second = _prepared(sr, hr, scale, protocol)
    return 10 * torch.log10(PEAK**2 / (first - second).square().mean((1, 2, 3)))


def ssim(sr: Tensor, hr: Tensor, scale: int, protocol: Protocol = REFERENCE) -> Tensor:
    """Structural similarity, (N,) float64.

    11x11 Gaussian window of sigma 1.5, over the positions where it lies inside the image (Wang et al., 2004); with
    K1 = 0.01, K2 = 0.03 and population covariances; the mean over channels where there are three. Arguments as
    `psnr`.
    """
    first, second = _prepared(sr, hr, scale, protocol)
    if min(first.shape[-2:]) < WINDOW:
        raise InputError(f"SSIM needs {WINDOW} pixels a side inside the border, not {tuple(first.shape[-2:])}")
    if protocol.wrapped_ssim:
        first, second = (-first) % 256, (-second) % 256
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean1, mean2 = _blurred(first), _blurred(second)
    variance1 = _blurred(first.square()) - mean1.square()
    variance2 = _blurred(second.square()) - mean2.square()
    covariance = _blurred(first * second) - mean1 * mean2
    likeness = (2 * mean1 * mean2 + c1) * (2 * covariance + c2)
    energy = (mean1.square() + mean2.square() + c1) * (variance1 + variance2 + c2)
    return (likeness / energy).mean((1, 2, 3))


def parsing_accuracy(parsing: Tensor, truth: Tensor) -> Tensor:
    """Share of pixels where (map >= 0.5) equals the truth, (N,) float64 (Table IV).

    `parsing` and `truth` are (N, 1, h, w); a pixel of either is skin from 0.5 on. Raises InputError on other
    shapes.
    """
    estimated, true = _skin(parsing, truth)
    return (estimated == true).double().mean((1, 2, 3))


def parsing_iou(parsing: Tensor, truth: Tensor) -> Tensor:
    """Intersection over union of the skin, (N,) float64.

    1 where both maps have none. Arguments as `parsing_accuracy`.
    """
    estimated, true = _skin(parsing, truth)
    intersection = (estimated & true).sum((1, 2, 3)).double()
    union = (estimated | true).sum((1, 2, 3)).double()
    return torch.where(union > 0, intersection / union.clamp(min=1), 1.0)


def _prepared(sr: Tensor, hr: Tensor, scale: int, protocol: Protocol) -> tuple[Tensor, Tensor]:
    check_image(sr, "the SR image")
    check_image(hr, "the HR image")
    if sr.shape != hr.shape:
        raise InputError(f"SR and HR must be of one shape; they are {tuple(sr.shape)} and {tuple(hr.shape)}")
    border = scale if protocol.border is None else protocol.border
    if min(sr.shape[-2:]) <= 2 * border:
        raise InputError(
            f"protocol {protocol.name} cuts {border} pixels off each side: nothing is left of {tuple(sr.shape)}"
        )
    first, second = (_levels(image, protocol) for image in (sr, hr))
    inside = slice(border, -border or None)
    return first[..., inside, inside], second[..., inside, inside]


def _levels(image: Tensor, protocol: Protocol) -> Tensor:
    """The compared channels on the scale 0-255, float64."""
    image = image.double()
    if protocol.quantised:
        image = (image.clamp(0, 1) * PEAK).round() / PEAK
    if not protocol.luma:
        return image * PEAK
    weights = image.new_tensor(LUMA)[:, None, None]
    luma = (image * weights).sum(1, keepdim=True) + LUMA_OFFSET
    return luma.round() if protocol.rounded_luma else luma


def _blurred(image: Tensor) -> Tensor:
    """Gaussian means over every window inside the image, one axis after the other."""
    offset = torch.arange(WINDOW, dtype=image.dtype, device=image.device) - WINDOW // 2
    kernel = torch.exp(-offset.square() / (2 * SIGMA**2))
    kernel = kernel / kernel.sum()
    planes = image.flatten(0, 1)[:, None]
    planes = F.conv2d(F.conv2d(planes, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    return planes.unflatten(0, image.shape[:2])[:, :, 0]


def _skin(parsing: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    if parsing.shape != truth.shape or parsing.ndim != 4 or parsing.shape[1] != 1 or parsing.numel() == 0:
        raise InputError(f"maps must both be (N, 1, h, w); they are {tuple(parsing.shape)} and {tuple(truth.shape)}")
    return parsing >= 0.5, truth >= 0.5
