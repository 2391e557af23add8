"""SPARNet: residual blocks whose change is weighted by what an hourglass attends to (Chen et al., TIP 2021); light, 3D attention."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.methods.base import Method, RivalConfig, Said
from fishfsr.methods.layers import BatchNorm, conv, scaled
from fishfsr.models.blocks import enlarged
from fishfsr.models.checks import check_image
from fishfsr.models.sr_net import SrNet

WIDTHS = (32, 64, 128, 128)
DOWN, MIDDLE, UP = (4, 3, 2), 2, (3, 4, 5)
"""Depths of the hourglasses on the way down, at 16², and on the way up."""
MULTIPLE = 32
"""Of a face's pixels a side, for which every halving of network and hourglasses together leaves whole numbers."""
SLOPE = 0.2


@dataclass(frozen=True)
class SPARNetConfig(RivalConfig):
    """SPARNet with `blocks_inside` blocks at 16²: 1 is the light one, 10 the published one."""

    blocks_inside: int = 1


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return conv(inputs, outputs, stride=stride, padding_mode="reflect")


class Normed(nn.Sequential):
    """BN and LeakyReLU."""

    def __init__(self, width: int) -> None:
        super().__init__(BatchNorm(width), nn.LeakyReLU(SLOPE))


class Enlarged(nn.Module):
    """Nearest pixels, twice the size."""

    def forward(self, features: Tensor) -> Tensor:
        return F.interpolate(features, scale_factor=2, mode="nearest")


class Attention(nn.Module):
    """An hourglass of `middle` features: (N, c, h, w) to gates (N, c, h, w) in (0, 1)."""

    def __init__(self, width: int, middle: int, depth: int) -> None:
        super().__init__()
        self.entry = nn.Sequential(_conv(width, middle), Normed(middle))
        self.down = nn.ModuleList(nn.Sequential(_conv(middle, middle, 2), Normed(middle)) for _ in range(depth))
        self.up = nn.ModuleList(nn.Sequential(Enlarged(), _conv(middle, middle), Normed(middle)) for _ in range(depth))
        self.exit = _conv(middle, width)

    def forward(self, features: Tensor) -> Tensor:
        kept = [self.entry(features)]
        for down in self.down:
            kept.append(down(kept[-1]))
        seen = kept.pop()
        for up in self.up:
            seen = kept.pop() + up(seen)
        return torch.sigmoid(self.exit(seen))


class AttentiveBlock(nn.Module):
    """Two convolutions times the attention, beside a shortcut; `size` -1 halves, 1 doubles."""

    def __init__(self, inputs: int, outputs: int, middle: int, depth: int, size: int = 0) -> None:
        super().__init__()
        resize: list[nn.Module] = [Enlarged()] if size > 0 else []
        stride = 2 if size < 0 else 1
        plain = inputs == outputs and not size
        self.shortcut = nn.Identity() if plain else nn.Sequential(*resize, _conv(inputs, outputs, stride))
        self.body = nn.Sequential(
            Normed(inputs), *resize, _conv(inputs, outputs, stride), Normed(outputs), _conv(outputs, outputs)
        )
        self.attention = Attention(outputs, middle, depth)

    def forward(self, features: Tensor) -> Tensor:
        change = self.body(features)
        return self.shortcut(features) + change * self.attention(change)


class SPARNet(SrNet):
    """The bicubic face to 16² in three blocks and back in three; in [-1, 1], without a long shortcut."""

    def __init__(self, config: SPARNetConfig | None = None) -> None:
        super().__init__()
        self.config: SPARNetConfig = config or SPARNetConfig()
        middle = scaled(64, self.config.width)
        widths = [scaled(width, self.config.width) for width in WIDTHS]
        parts: list[nn.Module] = [_conv(3, widths[0])]
        for inputs, outputs, depth in zip(widths, widths[1:], DOWN, strict=False):
            parts.append(AttentiveBlock(inputs, outputs, middle, depth, size=-1))
        parts += [AttentiveBlock(widths[-1], widths[-1], middle, MIDDLE) for _ in range(self.config.blocks_inside)]
        for inputs, outputs, depth in zip(widths[::-1], widths[-2::-1], UP, strict=False):
            parts.append(AttentiveBlock(inputs, outputs, middle, depth, size=1))
        self.layers = nn.Sequential(*parts, _conv(widths[0], 3))

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        check_image(lr, "the LR image")
        bicubic = enlarged(lr, self.config.scale)
        height, width = bicubic.shape[2:]
        # What is halved again and again must be so without a rest; faces of 128 pixels are.
        whole = F.pad(bicubic, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        return self.layers(whole * 2 - 1)[..., :height, :width] * 0.5 + 0.5


METHOD = Method(
    name="sparnet",
    title="SPARNet-light",
    paper="Chen et al., Learning Spatial Attention for Face Super-Resolution, TIP 2021; not in the paper's tables",
    reads=("bicubic",),
    supervised_by=("hr",),
    config=SPARNetConfig,
    network=SPARNet,
    published={"loss": "l1", "lr": 2e-4, "batch_size": 32},
    said=(
        Said(
            "published",
            "widths 32-64-128-128, attention of every channel, L1, Adam at 2e-4, batches of 32",
            "the article and its code",
        ),
        Said("adapted", "no random scaling of the faces: they are aligned", "the harness"),
    ),
    scales=(8,),
)
