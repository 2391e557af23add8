"""FishFSRNet with the authors' departures from the paper, at x8 and x4 (their x16 cannot run a forward pass).

Their ParsingNet needs no class: it is `ParsingNet` with three map channels and its residual scale folded into
the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from fishfsr.errors import ConfigurationError
from fishfsr.models.blocks import MSRB, ChannelAttention, RefineBlock, ResidualBlock, conv3x3
from fishfsr.models.config import FishFSRNetConfig, check_scale
from fishfsr.models.fishfsrnet import FishFSRNet, ResampleStage


@dataclass(frozen=True)
class AuthorsFishFSRNetConfig(FishFSRNetConfig):
    """The authors' FishFSRNet.

    A 3-channel map unless said otherwise, x4 or x8, and every switch as the paper has it.
    """

    map_channels: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale(self.scale, (4, 8))
        for field in fields(self):
            if isinstance(field.default, bool) and getattr(self, field.name) is not field.default:
                raise ConfigurationError(f"{field.name}: the authors' network has no such switch")


class AuthorsFishFSRNet(FishFSRNet):
    """FishFSRNet with the authors' parts put in place of the paper's.

    Both scales: f_P of a refine block is two residual blocks. x4: the gate of the MSRB is `KernelBankGate`.
    x8: a 3x3 convolution follows the tail's first MSRB, and the tail's last stage runs its first PAFB twice
    and has no second.
    """

    def __init__(self, config: AuthorsFishFSRNetConfig | None = None) -> None:
        config = config or AuthorsFishFSRNetConfig()
        super().__init__(config)
        width = config.width
        for msrb in [module for module in self.modules() if isinstance(module, MSRB)]:
            for refine in msrb.refine:
                assert isinstance(refine, RefineBlock)
                refine.project = nn.Sequential(ResidualBlock(width), ResidualBlock(width))
            if config.scale == 4:
                msrb.attention = KernelBankGate(width)
        if config.scale == 8:
            first, last = self.tail[0], self.tail[-1]
            assert isinstance(first, ResampleStage) and isinstance(last, ResampleStage) and first.msrb is not None
            first.msrb = ThenConvolution(first.msrb, width)
            last.blocks = nn.ModuleList([Twice(last.blocks[0])])


class KernelBankGate(nn.Module):
    """The x4 MSRB's gate.

    1x1 convolution, ReLU, kernels 1, 3, 5, 7 on a quarter of the channels each, gate, plus the input.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        quarter = width // 4
        self.entry = nn.Conv2d(width, width, 1)
        self.bank = nn.ModuleList(nn.Conv2d(quarter, quarter, size, padding=size // 2) for size in (1, 3, 5, 7))
        self.attention = ChannelAttention(width)

    def forward(self, features: Tensor) -> Tensor:
        quarters = torch.relu(self.entry(features)).chunk(4, 1)
        banked = torch.cat([conv(part) for conv, part in zip(self.bank, quarters, strict=True)], 1)
        return self.attention(banked) + features


class ThenConvolution(nn.Module):
    """An MSRB with a 3x3 convolution behind it."""

    def __init__(self, msrb: nn.Module, width: int) -> None:
        super().__init__()
        self.msrb = msrb
        self.conv = conv3x3(width, width)

    def forward(self, features: Tensor, kept: Sequence[Tensor]) -> Tensor:
        return self.conv(self.msrb(features, kept))


class Twice(nn.Module):
    """A PAFB applied twice with the same weights."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, features: Tensor, parsing: Tensor | None) -> Tensor:
        return self.block(self.block(features, parsing), parsing)
