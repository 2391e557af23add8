"""WSRNet: the wavelet packets of the HR face from features at the LR size (Huang et al., ICCV 2017)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.data.batch import Faces
from fishfsr.methods.base import Forward, Method, Objective, PixelLoss, RivalConfig, Said, published
from fishfsr.methods.layers import BatchNorm, as_given, conv, haar_packets, scaled
from fishfsr.models.checks import check_image
from fishfsr.models.sr_net import SrNet

STAGES, BLOCKS = 5, 2
PACKETS, MEANS, IMAGE, TEXTURE, MARGIN = 0.99, 0.01, 0.1, 1.0, 1.2
"""Weights of the four terms of the published loss, and what the texture term asks of a packet's energy."""


@dataclass(frozen=True)
class WSRNetConfig(RivalConfig):
    """WSRNet: `width` features in the first of five stages, twice as many in each that follows."""


class WaveletBlock(nn.Module):
    """conv3, BN, ReLU, conv3, added to the input (through a 1x1 where the width changes), BN, ReLU; in `groups`, but the 1x1."""

    def __init__(self, inputs: int, outputs: int, groups: int = 1, first_groups: int | None = None) -> None:
        super().__init__()
        self.shortcut = nn.Identity() if inputs == outputs else conv(inputs, outputs, 1, bias=False)
        self.body = nn.Sequential(
            conv(inputs, outputs, bias=False, groups=groups if first_groups is None else first_groups),
            BatchNorm(outputs),
            nn.ReLU(inplace=True),
            conv(outputs, outputs, bias=False, groups=groups),
        )
        self.norm = BatchNorm(outputs)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.norm(self.body(features) + self.shortcut(features)))


class WSRNet(SrNet):
    """Five stages of two blocks, then for each level of the packets a head of its own; the inverse transform is fixed."""

    basis: Tensor

    def __init__(self, config: WSRNetConfig | None = None) -> None:
        super().__init__()
        self.config: WSRNetConfig = config or WSRNetConfig()
        width, scale = scaled(64, self.config.width), self.config.scale
        unit = max(1, width // 2)  # features of a packet: 32 in the article
        self.register_buffer("basis", haar_packets(scale), persistent=False)
        stages: list[nn.Module] = [conv(3, width, bias=False), BatchNorm(width), nn.ReLU(inplace=True)]
        last = width
        for stage in range(STAGES):
            for _ in range(BLOCKS):
                stages.append(WaveletBlock(last, width << stage))
                last = width << stage
        self.embedding = nn.Sequential(*stages)
        self.heads = nn.ModuleList(_head(last, unit, packets) for packets in packets_of_levels(scale))

    def packets(self, lr: Tensor) -> Tensor:
        """LR face (N, 3, h, w) to the HR face's packets (N, scale², 3, h, w)."""
        check_image(lr, "the LR image")
        features = self.embedding(lr)
        return torch.cat([head(features) for head in self.heads], 1).unflatten(1, (-1, 3))

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        return reconstructed(self.packets(lr), self.basis)


def packets_of_levels(scale: int) -> list[int]:
    """How many packets each level adds: 1, 3, 12, 48, 192."""
    return [1, *(3 * 4**level for level in range(scale.bit_length() - 1))]


def analysed(image: Tensor, basis: Tensor) -> Tensor:
    """(N, 3, H, W) to its packets (N, s², 3, H/s, W/s) for a basis (s², s, s)."""
    size = basis.shape[-1]
    blocks = image.unflatten(3, (-1, size)).unflatten(2, (-1, size))
    with as_given(image.device):
        return torch.einsum("nchywx,pyx->npchw", blocks, basis)


def reconstructed(packets: Tensor, basis: Tensor) -> Tensor:
    """The inverse of `analysed`."""
    with as_given(packets.device):
        blocks = torch.einsum("npchw,pyx->nchywx", packets, basis.to(packets.dtype))
    return blocks.flatten(4, 5).flatten(2, 3)


def _head(inputs: int, unit: int, packets: int) -> nn.Module:
    return nn.Sequential(
        WaveletBlock(inputs, unit * packets, packets, first_groups=1),
        WaveletBlock(unit * packets, 2 * unit * packets, packets),
        conv(2 * unit * packets, 3 * packets, groups=packets),
    )


class WaveletObjective(Objective):
    """The article's loss where the settings ask for `published`: squared errors of the packets and of the picture, summed over a
    face and halved, and a hinge that keeps the packets' energy up. Else the picture alone, by the settings' loss."""

    def loss(self, forward: Forward, faces: Faces, parsing: Tensor | None, pixel: PixelLoss, step: int) -> Tensor:
        """As `Objective.loss`."""
        if pixel is not published:
            return super().loss(forward, faces, parsing, pixel, step)
        assert isinstance(self.network, WSRNet)
        made = self.network.packets(faces.lr).float()
        return wavelet_loss(made, analysed(faces.hr, self.network.basis)) + IMAGE * _halved(
            reconstructed(made, self.network.basis), faces.hr
        )


def wavelet_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """The terms on packets (N, s², 3, h, w)."""
    energy_lost = MARGIN * wanted[:, 1:].square().sum(2) - made[:, 1:].square().sum(2)
    return (
        PACKETS * _halved(made[:, 1:], wanted[:, 1:])
        + MEANS * _halved(made[:, :1], wanted[:, :1])
        + TEXTURE * energy_lost.clamp(min=0).mean()
    )


def _halved(made: Tensor, wanted: Tensor) -> Tensor:
    return (made - wanted).square().sum() / (2 * len(made))


METHOD = Method(
    name="wsrnet",
    title="WSRNet",
    paper="Huang et al., Wavelet-SRNet, ICCV 2017",
    reads=("lr",),
    supervised_by=("hr",),
    config=WSRNetConfig,
    network=WSRNet,
    objective=WaveletObjective,
    published={"loss": "published", "lr": 2e-4, "betas": (0.9, 0.999), "batch_size": 64},
    said=(
        Said(
            "published",
            "stages of 64 to 1024 features, packets by levels, four terms of the loss, Adam at 2e-4",
            "the authors' code",
        ),
        Said("adapted", "no weight decay", "the training has none"),
        Said(
            "adapted",
            "the basis is made, not read: the published one for x16 is damaged in its last packets",
            "the authors' files",
        ),
    ),
    scales=(2, 4, 8, 16),
)
