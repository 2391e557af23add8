"""The network `compact`: a face parser for the 128² crops of a build, dense 3x3 convolutions that are wide where the picture is small."""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fishprep.parsing.classes import FaceClass

CLASSES = len(FaceClass)


@dataclass(frozen=True)
class CompactShape:
    """Channels at 1/2, 1/4, 1/8 and 1/16 of the input; residual blocks at 1/4, 1/8 and 1/16 going down, at 1/8 and 1/4 going up.

    fine: logits for each pixel of the input, four from each place at 1/2, instead of one there.
    """

    widths: tuple[int, int, int, int] = (32, 64, 128, 192)
    down: tuple[int, int, int] = (1, 3, 4)
    up: tuple[int, int] = (1, 1)
    fine: bool = True


class Compact(nn.Module):
    """From the crop down to a sixteenth of its side and up again, adding what each size saw on the way down.

    On a CPU, depthwise convolutions and attention lose in time what they save in operations; a dense convolution of 192
    channels over 8² pixels costs what one of 24 channels costs over 64².
    """

    def __init__(self, shape: CompactShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or CompactShape()
        half, *inner = shape.widths
        self.stem = Unit(3, half, stride=2)
        self.down = nn.ModuleList(
            nn.Sequential(Unit(before, width, stride=2), *(TwoConvolutions(width) for _ in range(blocks)))
            for (before, width), blocks in zip(pairwise(shape.widths), shape.down, strict=True)
        )
        self.whole = nn.Linear(inner[-1], inner[-1])
        self.join = nn.ModuleList(nn.Conv2d(low, high, 1) for high, low in pairwise(inner))
        self.up = nn.ModuleList(
            nn.Sequential(*(TwoConvolutions(width) for _ in range(blocks)))
            for width, blocks in zip(inner[:-1], shape.up[::-1], strict=True)
        )
        self.unfold = nn.Sequential(nn.Conv2d(inner[0], 4 * half, 1), nn.PixelShuffle(2))
        self.last = Unit(half, half)
        self.head = FourLogits(half) if shape.fine else nn.Conv2d(half, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """images (N, 3, S, S), normalised, S a multiple of 16 → logits (N, 19, S, S) in facexlib's order, half of S where not `fine`."""
        half = self.stem(images)
        seen: list[Tensor] = []
        for stage in self.down:
            seen.append(stage(seen[-1] if seen else half))
        deep = seen[-1]
        deep = deep + self.whole(deep.mean(dim=(2, 3)))[:, :, None, None]
        for level in (1, 0):
            deep = self.up[level](
                seen[level] + F.interpolate(self.join[level](deep), scale_factor=2.0, mode="bilinear")
            )
        logits: Tensor = self.head(self.last(half + self.unfold(deep)))
        return logits


def refined(net: Compact) -> Compact:
    """The network with a fine head that gives what the coarse one gave: its logits at every other pixel, means of neighbours between.

    At the right and lower edge there is no neighbour, and half of the logit alone. The coarse logits were read as if they lay from
    corner to corner, a pixel apart from where these stand at most: a few steps of training put it right.
    """
    if net.shape.fine:
        return net
    fine = Compact(replace(net.shape, fine=True))
    at = torch.tensor([[1.0, 0.0], [0.5, 0.5]])  # along an axis: the place itself, halfway to the next
    kernels = torch.einsum("ay,bx->abyx", at, at).reshape(4, 2, 2)
    head = net.head.state_dict()
    weight = torch.einsum("ci,kyx->ckiyx", head["weight"][:, :, 0, 0], kernels).flatten(0, 1)
    values = {name: value for name, value in net.state_dict().items() if not name.startswith("head.")}
    fine.load_state_dict(values | {"head.conv.weight": weight, "head.conv.bias": head["bias"].repeat_interleave(4)})
    return fine.train(net.training)


class FourLogits(nn.Module):
    """Of each place four logits a class, for the pixel of the input that it stands on and the next ones right of it and below."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 4 * CLASSES, 2, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x)[:, :, 1:, 1:], 2)


class Unit(nn.Module):
    """3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class TwoConvolutions(nn.Module):
    """Two 3x3 convolutions, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, 1, 1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
