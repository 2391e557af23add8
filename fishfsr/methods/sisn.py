"""SISN: split attention inside split attention, at the LR size (Lu et al., ACM MM 2021)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.errors import ConfigurationError
from fishfsr.methods.base import Method, RivalConfig, Said
from fishfsr.methods.layers import BatchNorm, conv, scaled
from fishfsr.models.checks import check_image
from fishfsr.models.config import DEEPEST
from fishfsr.models.sr_net import SrNet

SPLITS = 4
MEAN = (0.4488, 0.4371, 0.4040)


@dataclass(frozen=True)
class SISNConfig(RivalConfig):
    """SISN: `groups` groups of `blocks` split-attention blocks, and one more beside each group."""

    groups: int = 10
    blocks: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("groups", "blocks"):
            if not 1 <= getattr(self, name) <= DEEPEST:
                raise ConfigurationError(f"{name} = {getattr(self, name)}: must be from 1 to {DEEPEST}")


class SplitAttention(nn.Module):
    """1x1; 3x3 to four splits of the features, mixed by a softmax over the splits of each channel; 1x1; added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.entry = nn.Sequential(conv(width, width, 1, bias=False), BatchNorm(width), nn.ReLU(inplace=True))
        self.splits = nn.Sequential(
            conv(width, SPLITS * width, bias=False, groups=SPLITS), BatchNorm(SPLITS * width), nn.ReLU(inplace=True)
        )
        self.gate = nn.Sequential(
            conv(width, width, 1), BatchNorm(width), nn.ReLU(inplace=True), conv(width, SPLITS * width, 1)
        )
        self.exit = nn.Sequential(conv(width, width, 1, bias=False), BatchNorm(width))

    def forward(self, features: Tensor) -> Tensor:
        splits = self.splits(self.entry(features)).unflatten(1, (SPLITS, -1))
        gates = self.gate(splits.sum(1).mean((2, 3), keepdim=True)).unflatten(1, (SPLITS, -1)).softmax(1)
        return F.relu(features + self.exit((splits * gates).sum(1)))


class SplitGroup(nn.Module):
    """Split-attention blocks and a convolution; a split-attention block in the place of the shortcut."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(SplitAttention(width) for _ in range(blocks)), conv(width, width, bias=False))
        self.beside = SplitAttention(width)

    def forward(self, features: Tensor) -> Tensor:
        return self.body(features) + self.beside(features)


class SISN(SrNet):
    """A convolution on the face enlarged by nearest pixels and folded back, groups with a
    shortcut over all, and for each doubling a convolution and a pixel shuffle."""

    mean: Tensor

    def __init__(self, config: SISNConfig | None = None) -> None:
        super().__init__()
        self.config: SISNConfig = config or SISNConfig()
        width = scaled(64, self.config.width, SPLITS)
        # Named, so that a network made on the meta device has it too.
        self.register_buffer("mean", torch.tensor(MEAN, device="cpu").view(1, 3, 1, 1), persistent=False)
        self.first = conv(3 * self.config.scale**2, width, bias=False)
        groups = (SplitGroup(width, self.config.blocks) for _ in range(self.config.groups))
        self.body = nn.Sequential(*groups, conv(width, width, bias=False))
        tail: list[nn.Module] = []
        for _ in range(self.config.scale.bit_length() - 1):
            tail += [conv(width, 4 * width, bias=False), nn.PixelShuffle(2)]
        self.tail = nn.Sequential(*tail, conv(width, 3, bias=False))

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        check_image(lr, "the LR image")
        # Enlarged by nearest pixels and folded back: every channel as often as its pixel has copies.
        features = self.first((lr - self.mean).repeat_interleave(self.config.scale**2, 1))
        return self.tail(features + self.body(features)) + self.mean


METHOD = Method(
    name="sisn",
    title="SISN",
    paper="Lu et al., Face Hallucination via Split-Attention in Split-Attention Network, ACM MM 2021",
    reads=("lr",),
    supervised_by=("hr",),
    config=SISNConfig,
    network=SISN,
    published={"loss": "l1", "lr": 2e-4, "betas": (0.9, 0.999), "batch_size": 10},
    said=(
        Said("published", "10 groups of 10 blocks, L1, Adam at 2e-4, batches of 10", "the authors' code"),
        Said("adapted", "no crops and no turns by 90 degrees: the faces are aligned", "the harness"),
        Said(
            "guessed",
            "the rate falls as the training's settings say, not by halves at 50,000 steps and so on",
            "the harness",
        ),
    ),
    scales=(2, 4, 8),
    least_batch=2,
)
