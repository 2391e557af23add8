"""DIC: restoration and landmarks that help each other in four turns (Ma et al., CVPR 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.data.batch import Faces
from fishfsr.data.dataset import Beside
from fishfsr.errors import ConfigurationError
from fishfsr.methods.alignment import (
    COMPONENTS,
    AlignmentNet,
    AlignmentNetConfig,
    alignment_loss,
    components,
)
from fishfsr.methods.base import Forward, Method, Objective, PixelLoss, RivalConfig, Said
from fishfsr.methods.layers import conv, scaled
from fishfsr.models.checks import check_image
from fishfsr.models.config import SrNetConfig
from fishfsr.models.sr_net import SrNet
from fishprep.shards.schema import HR_SIZE

GROUPS, FUSION_BLOCKS = 6, 7
GRID = HR_SIZE // 4
MEAN = (0.509, 0.424, 0.378)
HEATMAPS = 0.1
FROZEN_STEPS = 2000
"""Steps in which the pretrained aligner does not learn."""


@dataclass(frozen=True)
class DICConfig(RivalConfig):
    """DIC with `turns` looks at the face (4 in the article; fewer cost in proportion)."""

    turns: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.turns <= 16:
            raise ConfigurationError(f"turns = {self.turns}: must be from 1 to 16")


class Feedback(nn.Module):
    """Six groups of up and down projections by eight, each reading all before it (Li et al., CVPR 2019)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.compress = _activated(conv(inputs, width, 1))
        self.join_low = nn.ModuleList(_activated(conv(width * (n + 1), width, 1)) for n in range(1, GROUPS))
        self.join_high = nn.ModuleList(_activated(conv(width * (n + 1), width, 1)) for n in range(1, GROUPS))
        self.up = nn.ModuleList(_activated(nn.ConvTranspose2d(width, width, 12, 8, 2)) for _ in range(GROUPS))
        self.down = nn.ModuleList(_activated(nn.Conv2d(width, width, 12, 8, 2)) for _ in range(GROUPS))
        self.exit = _activated(conv(GROUPS * width, width, 1))

    def forward(self, features: Tensor) -> Tensor:
        low, high = [self.compress(features)], []
        for group in range(GROUPS):
            given = low[0] if group == 0 else self.join_low[group - 1](torch.cat(low, 1))
            high.append(self.up[group](given))
            given = high[0] if group == 0 else self.join_high[group - 1](torch.cat(high, 1))
            low.append(self.down[group](given))
        return self.exit(torch.cat(low[1:], 1))


class AttentiveFusion(nn.Module):
    """A branch of features for each of five components, weighted by where the components are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        parts = len(COMPONENTS)
        self.entry = nn.Sequential(conv(width, parts * width, 1), nn.LeakyReLU(0.2))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                conv(parts * width, parts * width, groups=parts),
                nn.LeakyReLU(0.2),
                conv(parts * width, parts * width, groups=parts),
            )
            for _ in range(FUSION_BLOCKS)
        )

    def forward(self, features: Tensor, maps: Tensor) -> Tensor:
        branches = self.entry(features)
        for block in self.blocks:
            branches = branches + block(branches)
        weights = components(maps).softmax(1)
        return (branches.unflatten(1, (len(COMPONENTS), -1)) * weights[:, :, None]).sum(1)


class DIC(SrNet):
    """Features at 32² that go round `turns` times; each turn gives a face, and the landmarks seen on it guide the next."""

    mean: Tensor

    def __init__(self, config: DICConfig | None = None) -> None:
        super().__init__()
        self.config: DICConfig = config or DICConfig()
        width = scaled(48, self.config.width)
        factor = GRID * self.config.scale // HR_SIZE  # of the grid over the LR face; below 1 the face is folded into it
        self.register_buffer("mean", torch.tensor(MEAN, device="cpu").view(1, 3, 1, 1), persistent=False)
        self.entry = _entry(width, factor)
        self.first = Feedback(width, width)
        self.further = Feedback(2 * width, width)
        self.fusion = AttentiveFusion(width)
        self.enlarge = _activated(nn.ConvTranspose2d(width, width, 8, 4, 2))
        self.last = conv(width, 3)
        self.aligner = AlignmentNet(AlignmentNetConfig(self.config.width))

    def turns(self, lr: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The face after each turn, (N, 3, 128, 128), and the heatmaps seen on it, (N, 68, 32, 32)."""
        check_image(lr, "the LR image")
        enlargement = F.interpolate(lr, scale_factor=self.config.scale, mode="bilinear", align_corners=False)
        given = self.entry(lr - self.mean)
        faces: list[Tensor] = []
        seen: list[Tensor] = []
        kept = state = None
        for _ in range(self.config.turns):
            if kept is None:
                kept = self.first(given)
            else:
                kept = self.further(torch.cat((given, self.fusion(kept, seen[-1])), 1))
            faces.append(enlargement + self.last(self.enlarge(kept)))
            maps, state = self.aligner.look(faces[-1], state)
            seen.append(maps)
        return faces, seen

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        return self.turns(lr)[0][-1]


def _entry(width: int, factor: int) -> nn.Module:
    if factor >= 1:
        return nn.Sequential(conv(3, width * factor**2), nn.PReLU(init=0.2), nn.PixelShuffle(factor))
    return nn.Sequential(nn.PixelUnshuffle(2), conv(12, width), nn.PReLU(init=0.2))


def _activated(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    nn.init.kaiming_normal_(layer.weight, a=0.2)
    assert isinstance(layer.bias, nn.Parameter)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(layer, nn.PReLU(init=0.2))


class CollaborationObjective(Objective):
    """Pixels and 0.1 of the heatmaps' squared error, summed over the turns; the pretrained aligner rests at first."""

    @classmethod
    def beside(cls, config: SrNetConfig) -> frozenset[Beside]:
        """As `Objective.beside`."""
        return frozenset({"landmarks"})

    def __init__(self, network: SrNet, aligner: nn.Module | None = None) -> None:
        super().__init__(network, aligner)
        assert isinstance(network, DIC)
        self.dic = network
        if aligner is not None:
            network.aligner.load_state_dict(aligner.state_dict())

    def loss(self, forward: Forward, faces: Faces, parsing: Tensor | None, pixel: PixelLoss, step: int) -> Tensor:
        """As `Objective.loss`."""
        assert faces.landmarks is not None
        self.dic.aligner.requires_grad_(self.aligner is None or step >= FROZEN_STEPS)
        made, seen = self.dic.turns(faces.lr)
        pixels = torch.stack([pixel(face.float(), faces.hr) for face in made])
        landmarks = torch.stack([alignment_loss(maps, faces.landmarks) for maps in seen])
        return pixels.sum() + HEATMAPS * landmarks.sum()


METHOD = Method(
    name="dic",
    title="DIC",
    paper="Ma et al., Deep Face Super-Resolution with Iterative Collaboration, CVPR 2020",
    reads=("lr",),
    supervised_by=("hr", "landmarks"),
    config=DICConfig,
    network=DIC,
    objective=CollaborationObjective,
    published={"loss": "l1", "lr": 1e-4, "batch_size": 8},
    said=(
        Said(
            "published",
            "four turns, L1 and 0.1 of the heatmaps' squared error over every turn, Adam at 1e-4, batches of 8",
            "the authors' code",
        ),
        Said("published", "the aligner is pretrained and rests for 2,000 steps", "the authors' code"),
        Said(
            "adapted",
            "x4 has no pixel shuffle at its entry, x16 one by four, x2 folds the face: the grid of 32² stays",
            "the original is x8 alone",
        ),
        Said(
            "guessed",
            "the aligner is pretrained over four looks at a face; its branches, and the say of its earlier state, start at zero",
            "users of the original see its start explode; it gives no recipe",
        ),
    ),
    scales=(8,),
    aligners=("own",),
)
