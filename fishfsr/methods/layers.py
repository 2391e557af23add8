"""Parts that several rivals are made of; their own files say which article and figure asks for what."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FULL_WIDTH = 64
"""`width` of every rival as it was published; another one narrows or widens all its layers alike."""
LEAST = 4


def scaled(features: int, width: int, multiple: int = LEAST) -> int:
    """`features` of the published network at another width: in proportion, a multiple of `multiple`, and that at least."""
    return max(multiple, features * width // FULL_WIDTH // multiple * multiple)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that does not count its batches: checkpoints hold floating-point numbers alone."""

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.register_buffer("num_batches_tracked", None)

    def _load_from_state_dict(self, *args: Any, **named: Any) -> None:
        # nn.BatchNorm2d would ask for the count.
        nn.Module._load_from_state_dict(self, *args, **named)


def conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, bias: bool = True, **more: Any) -> nn.Conv2d:
    """A convolution that keeps the size (divides it by `stride`)."""
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=bias, **more)


class NormedBlock(nn.Module):
    """conv3, BN, ReLU, conv3, BN, added to the input: the residual block of FSRNet and Super-FAN."""

    def __init__(self, width: int, bias: bool = False, padding: str = "zeros") -> None:
        super().__init__()
        first, second = (conv(width, width, bias=bias, padding_mode=padding) for _ in range(2))
        self.body = nn.Sequential(first, BatchNorm(width), nn.ReLU(inplace=True), second, BatchNorm(width))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.body(features)


class Hourglass(nn.Module):
    """Halve by max pooling, work below, enlarge and add what was kept (Newell et al., ECCV 2016), `depth` times nested.

    `block`: makes a block that keeps size and width; `mode`: how it is enlarged.
    """

    def __init__(self, depth: int, block: Callable[[], nn.Module], mode: str = "nearest") -> None:
        super().__init__()
        self.mode = mode
        self.kept, self.before, self.after = block(), block(), block()
        self.inner = Hourglass(depth - 1, block, mode) if depth > 1 else block()

    def forward(self, features: Tensor) -> Tensor:
        below = self.after(self.inner(self.before(F.max_pool2d(features, 2))))
        # Bilinear with its corners aligned, as DIC's: nearest takes no such word.
        corners = True if self.mode == "bilinear" else None
        return self.kept(features) + F.interpolate(
            below, size=features.shape[-2:], mode=self.mode, align_corners=corners
        )


def as_given(device: torch.device) -> AbstractContextManager[Any]:
    """Within it products are of the precision of what is multiplied; the meta device knows no other."""
    return contextlib.nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def haar_packets(scale: int) -> Tensor:
    """The orthonormal Haar packets of a block of `scale` x `scale` pixels, (scale², scale, scale), as rows of a basis.

    Packet i, written in base 4 with a digit a level, the lowest the coarsest: 0 flat, 1 changes its sign along x, 2 along y, 3
    along both (Wavelet-SRNet). Packet 0 is the mean times `scale`.
    """
    # The device is named: a network that is made on the meta device has its basis all the same.
    flat, step = torch.tensor([1.0, 1.0], device="cpu"), torch.tensor([1.0, -1.0], device="cpu")
    digits = torch.stack([torch.outer(y, x) for y in (flat, step) for x in (flat, step)]) / 2
    basis = torch.ones(1, 1, 1, device="cpu")
    size = 1
    while size < scale:
        # The digit that comes is of a finer level: the innermost factor of the product, and the highest digit.
        finer = torch.einsum("dij,nkl->dnkilj", digits, basis)
        size *= 2
        basis = finer.reshape(-1, size, size)
    return basis
