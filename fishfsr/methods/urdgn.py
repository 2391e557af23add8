"""URDGN: three doublings by nearest pixels, and a discriminator that looks on (Yu and Porikli, ECCV 2016)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from fishfsr.data.batch import Faces
from fishfsr.methods.base import Forward, Method, Objective, PixelLoss, RivalConfig, Said
from fishfsr.methods.layers import BatchNorm, conv, scaled
from fishfsr.models.checks import check_image
from fishfsr.models.sr_net import SrNet
from fishprep.shards.schema import HR_SIZE

ADVERSARIAL = 0.01
SURE, UNSURE = 0.3, 0.7
"""Binary cross-entropies below which the discriminator rests, and above which the generator learns from the pixels alone."""


@dataclass(frozen=True)
class URDGNConfig(RivalConfig):
    """URDGN; `discriminator`: whether one takes part in the training."""

    discriminator: bool = True


class URDGN(SrNet):
    """conv3 to 16 features, doubled and widened stage by stage to 256 at the HR size; in [-1, 1], without a shortcut."""

    def __init__(self, config: URDGNConfig | None = None) -> None:
        super().__init__()
        self.config: URDGNConfig = config or URDGNConfig()
        parts: list[nn.Module] = []
        inputs = 3
        for outputs, size, doubled in _stages(self.config.scale):
            outputs = scaled(outputs, self.config.width)
            parts += [conv(inputs, outputs, size), BatchNorm(outputs), nn.ReLU(inplace=True)]
            parts += [nn.Upsample(scale_factor=2, mode="nearest")] if doubled else []
            inputs = outputs
        last = scaled(256, self.config.width)
        self.layers = nn.Sequential(*parts, conv(inputs, last, 5), nn.ReLU(inplace=True), conv(last, 3, 5))

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        check_image(lr, "the LR image")
        return self.layers(lr * 2 - 1) * 0.5 + 0.5


def _stages(scale: int) -> list[tuple[int, int, bool]]:
    """Features, kernel, and whether the size is doubled behind it: three doublings in the article, one fewer or more at other
    scales."""
    doublings = scale.bit_length() - 1
    middle = [(64, 3, True)] * (doublings - 2)
    first = [(16, 3, True)] if doublings > 2 else [(64, 3, True)] if doublings == 2 else []
    return [*first, *middle, (128, 5, True)]


class Discriminator(nn.Module):
    """Four 5x5 convolutions, halved after each, and two linear layers: HR face (N, 3, 128, 128) in [0, 1] to a logit (N,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [3, *(scaled(features, width) for features in (32, 64, 128, 96))]
        parts: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            parts += [conv(inputs, outputs, 5), nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*parts)
        side, hidden = HR_SIZE >> 4, scaled(1024, width)
        self.head = nn.Sequential(nn.Linear(widths[-1] * side**2, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 1))

    def forward(self, faces: Tensor) -> Tensor:
        return self.head(self.features(faces * 2 - 1).flatten(1))[:, 0]


class Adversaries(nn.Module):
    """Generator and discriminator as one module: called, it is the generator."""

    def __init__(self, generator: SrNet, discriminator: Discriminator) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        return self.generator(lr, parsing)


class AdversarialObjective(Objective):
    """Pixels, and 0.01 of the cross-entropy by which the discriminator takes SR for HR; both learn in the same step.

    Each sees the other's weights as they are: the generator's term goes through a copy of the discriminator's weights that
    does not learn, the discriminator's through an SR face that does not. So one optimiser moves both, and a run goes on exactly.
    """

    def __init__(self, network: SrNet, aligner: nn.Module | None = None) -> None:
        super().__init__(network, aligner)
        assert isinstance(network.config, URDGNConfig)
        wanted = network.config.discriminator
        self._adversaries = Adversaries(network, Discriminator(network.config.width)) if wanted else None

    @property
    def trained(self) -> nn.Module:
        """As `Objective.trained`."""
        return self._adversaries or self.network

    def network_of(self, trained: nn.Module) -> SrNet:
        """As `Objective.network_of`."""
        return super().network_of(trained.generator if isinstance(trained, Adversaries) else trained)

    def loss(self, forward: Forward, faces: Faces, parsing: Tensor | None, pixel: PixelLoss, step: int) -> Tensor:
        """As `Objective.loss`."""
        sr = forward(faces.lr, parsing).float()
        loss = pixel(sr, faces.hr)
        if self._adversaries is None:
            return loss
        discriminator = self._adversaries.discriminator
        still = {name: tensor.detach() for name, tensor in discriminator.named_parameters()}
        # The generator may not raise its share by going out of range, where the discriminator has never been.
        taken = functional_call(discriminator, still, (sr.clamp(0, 1),))
        true, made = discriminator(faces.hr), discriminator(sr.detach().clamp(0, 1))
        on_true = F.binary_cross_entropy_with_logits(true, torch.ones_like(true))
        on_made = F.binary_cross_entropy_with_logits(made, torch.zeros_like(made))
        learns, taught = _shares(on_true.item(), on_made.item())
        fooled = F.binary_cross_entropy_with_logits(taken, torch.ones_like(taken))
        return loss + learns * (on_true + on_made) + taught * ADVERSARIAL * fooled


def _shares(on_true: float, on_made: float) -> tuple[float, float]:
    """Whether the discriminator learns, and whether the generator learns of it, 0 or 1: who is far ahead waits, but never both."""
    ahead, behind = min(on_true, on_made) < SURE, max(on_true, on_made) > UNSURE
    return float(behind or not ahead), float(ahead or not behind)


METHOD = Method(
    name="urdgn",
    title="URDGN",
    paper="Yu and Porikli, Ultra-Resolving Face Images by Discriminative Generative Networks, ECCV 2016",
    reads=("lr",),
    supervised_by=("hr",),
    config=URDGNConfig,
    network=URDGN,
    objective=AdversarialObjective,
    published={"loss": "mse", "lr": 1e-3, "batch_size": 128},
    said=(
        Said(
            "published",
            "16, 64, 128, 256 features, squared error and 0.01 of the discriminator's word, batches of 128",
            "the authors' code",
        ),
        Said(
            "adapted",
            "Adam, where the authors use RMSprop with a rate that falls by a hundredth an epoch",
            "the training has one optimiser",
        ),
        Said("adapted", "x4: one doubling fewer; x16: one more of 64 features", "the original is x8 alone"),
        Said("adapted", "the discriminator has no dropout, so that nothing random is in a step", "exact resuming"),
    ),
    scales=(8,),
)
