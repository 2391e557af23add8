"""TaperNet: a small network of this project's own, wide at the LR size and narrow above; not in the paper.

The bicubic face holds no more than the LR face, so nothing is computed at the HR size: most of the work is done where a
pixel is cheap and a convolution is a large product of matrices, which is what a CPU is fast at. `docs/networks.md` has what
it costs and `docs/training.md` what it learns in a given time, beside FishFSRNet.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.models.blocks import conv3x3, enlarged
from fishfsr.models.checks import check_image, check_map
from fishfsr.models.config import TaperNetConfig
from fishfsr.models.sr_net import SrNet

SLOPE = 0.1
GATE_REDUCTION = 8


class GatedBlock(nn.Module):
    """F + gate · conv(LeakyReLU(conv(F))); the gate of each channel is made of the channels' means (Hu et al., 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv3x3(width, width), nn.LeakyReLU(SLOPE, inplace=True), conv3x3(width, width))
        hidden = max(4, width // GATE_REDUCTION)
        self.gate = nn.Sequential(nn.Linear(width, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, width), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        change = self.body(features)
        return features + change * self.gate(change.mean((2, 3)))[:, :, None, None]


class Widening(nn.Module):
    """x2 in size: 3x3 convolution to four times `outputs` features, pixel shuffle, LeakyReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = conv3x3(inputs, 4 * outputs)

    def forward(self, features: Tensor) -> Tensor:
        return F.leaky_relu(F.pixel_shuffle(self.conv(features), 2), SLOPE)


class TaperNet(SrNet):
    """A convolution on LR face and map, gated blocks, then for each doubling an upscaling and gated blocks.

    The last convolution gives the four pixels under each of half the HR size; the bicubic enlargement is added.
    """

    def __init__(self, config: TaperNetConfig | None = None) -> None:
        super().__init__()
        self.config: TaperNetConfig = config or TaperNetConfig()
        widths = self.config.widths
        self.first = conv3x3(3 + self.config.map_channels * self.config.use_map, widths[0])
        layers: list[nn.Module] = [GatedBlock(widths[0]) for _ in range(self.config.blocks)]
        for below, above in pairwise(widths):
            layers.append(Widening(below, above))
            layers += (GatedBlock(above) for _ in range(self.config.blocks_above))
        self.body = nn.Sequential(*layers)
        self.last = conv3x3(widths[-1], 12)

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; any h and w >= 1. Raises InputError on an empty batch, another shape, or a missing map."""
        check_image(lr, "the LR image")
        inputs = lr
        if self.config.needs_map:
            check_map(parsing, lr, self.config.map_channels)
            assert parsing is not None
            inputs = torch.cat((lr, parsing), 1)
        change = F.pixel_shuffle(self.last(self.body(self.first(inputs))), 2)
        return change + enlarged(lr, self.config.scale)
