"""LPIPS: how different two faces look to people, by the features of a network that knows photos (Zhang et al., 2018).

Version 0.1 on AlexNet: its five layers of features, of unit length at each place, their squared differences weighted by channel, and
the mean over places. The weights of the trunk are torchvision's, those of the channels lie in the package `lpips`.
"""

import torch
from torch import Tensor, nn

from fishfsr.errors import InputError
from fishfsr.models.checks import check_image
from fishfsr.weights import ALEXNET, LPIPS_CHANNELS
from fishprep.common.errors import WeightsError
from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightStore

NAME = "lpips-0.1-alex"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of RGB in [-1, 1], before the trunk."""

_CONVOLUTIONS = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
"""Of AlexNet: channels in and out, kernel, stride, padding; features are taken behind the ReLU of each."""

_PLACES = (0, 3, 6, 8, 10)
"""Of the convolutions in torchvision's `features`."""

_KINDS = ("weight", "bias")
_POOLED = (1, 2)
"""Convolutions before which the features are pooled."""

_SMALLEST = 32
"""Pixels a side: below, the last features have no place."""


class Lpips(nn.Module):
    """(N, 3, h, w) twice, RGB in [0, 1], to (N,): 0 for equal images, larger for those that look more different."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.ModuleList(
            nn.Conv2d(into, out, kernel, stride, padding) for into, out, kernel, stride, padding in _CONVOLUTIONS
        )
        self.channels = nn.ParameterList(torch.rand(1, out, 1, 1) for _, out, *_ in _CONVOLUTIONS)
        self.register_buffer("shift", torch.tensor(SHIFT)[None, :, None, None])
        self.register_buffer("scale", torch.tensor(SCALE)[None, :, None, None])
        self.requires_grad_(False).eval()

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        total = first.new_zeros(len(first))
        one, other = ((2 * image - 1 - self.shift) / self.scale for image in (first, second))
        for place, (convolution, weights) in enumerate(zip(self.trunk, self.channels, strict=True)):
            if place in _POOLED:
                one, other = (nn.functional.max_pool2d(features, 3, 2) for features in (one, other))
            one, other = convolution(one).relu_(), convolution(other).relu_()
            apart = (_unit(one) - _unit(other)).square_()
            total = total + (apart * weights).sum(1).mean((1, 2))
        return total

    @classmethod
    def load(cls, store: WeightStore | None = None) -> "Lpips":
        """With its weights: downloaded where they are not here and the network may be used. WeightsError says what is missing."""
        store = store or WeightStore.from_environment()
        channels = load_state_dict(store.locate(LPIPS_CHANNELS))
        trunk = load_state_dict(store.locate(ALEXNET))
        network = cls()
        try:
            network.load_state_dict(
                {
                    **{
                        f"trunk.{i}.{kind}": trunk[f"features.{at}.{kind}"]
                        for i, at in enumerate(_PLACES)
                        for kind in _KINDS
                    },
                    **{f"channels.{i}": channels[f"lin{i}.model.1.weight"] for i in range(len(_PLACES))},
                    "shift": network.shift,
                    "scale": network.scale,
                }
            )
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"the weights of LPIPS do not fit: {error}") from error
        return network


def lpips(sr: Tensor, hr: Tensor, network: Lpips) -> Tensor:
    """LPIPS of each face, (N,) float64; less is better.

    `sr` and `hr` are (N, 3, h, w), RGB in [0, 1], of 32 pixels a side at least, on the device of `network`; they are clamped and rounded to
    256 levels. Raises InputError on other shapes.
    """
    check_image(sr, "the SR image")
    check_image(hr, "the HR image")
    if sr.shape != hr.shape or min(sr.shape[-2:]) < _SMALLEST:
        raise InputError(
            f"SR and HR must be of one shape, of {_SMALLEST} pixels a side at least; they are {tuple(sr.shape)} and {tuple(hr.shape)}"
        )
    with torch.inference_mode():
        first, second = ((image.float().clamp(0, 1) * 255).round() / 255 for image in (sr, hr))
        return network(first, second).double()


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)
