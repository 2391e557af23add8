"""Super-FAN: residual blocks at every size, and landmarks that have to agree (Bulat and Tzimiropoulos, CVPR 2018)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.data.batch import Faces
from fishfsr.data.dataset import Beside
from fishfsr.methods.base import Forward, Method, Objective, PixelLoss, RivalConfig, Said
from fishfsr.methods.layers import BatchNorm, NormedBlock, conv, scaled
from fishfsr.models.checks import check_image
from fishfsr.models.config import SrNetConfig
from fishfsr.models.sr_net import SrNet

BLOCKS = (12, 3, 2, 2, 2)
"""At the LR size, at twice that, and so on: 12-3-2 in the article, which ends at x4."""
HEATMAPS = 0.005


@dataclass(frozen=True)
class SuperFANConfig(RivalConfig):
    """Super-FAN's generator."""


class SuperFAN(SrNet):
    """conv9, blocks at the LR size, and for each doubling a transposed convolution and blocks; without a long shortcut."""

    def __init__(self, config: SuperFANConfig | None = None) -> None:
        super().__init__()
        self.config: SuperFANConfig = config or SuperFANConfig()
        width = scaled(64, self.config.width)
        doublings = self.config.scale.bit_length() - 1
        parts: list[nn.Module] = [conv(3, width, 9), nn.PReLU(), *_blocks(width, BLOCKS[0])]
        for blocks in BLOCKS[1 : doublings + 1]:
            parts += [BatchNorm(width), nn.ReLU(inplace=True), nn.ConvTranspose2d(width, width, 4, 2, 1)]
            parts += _blocks(width, blocks)
        self.layers = nn.Sequential(*parts, conv(width, width), nn.ReLU(inplace=True), conv(width, 3))

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        check_image(lr, "the LR image")
        return self.layers(lr)


def _blocks(width: int, count: int) -> list[nn.Module]:
    return [NormedBlock(width, bias=True) for _ in range(count)]


class HeatmapObjective(Objective):
    """Pixels, and 0.005 of the squared difference of the heatmaps that a frozen network sees on SR and on HR."""

    @classmethod
    def beside(cls, config: SrNetConfig) -> frozenset[Beside]:
        """As `Objective.beside`."""
        return frozenset({"landmarks"})

    def loss(self, forward: Forward, faces: Faces, parsing: Tensor | None, pixel: PixelLoss, step: int) -> Tensor:
        """As `Objective.loss`."""
        sr = forward(faces.lr, parsing).float()
        loss = pixel(sr, faces.hr)
        assert self.aligner is not None
        with torch.no_grad():
            wanted = self.aligner(faces.hr)
        return loss + HEATMAPS * F.mse_loss(self.aligner(sr), wanted)


METHOD = Method(
    name="superfan",
    title="Super-FAN",
    paper="Bulat and Tzimiropoulos, Super-FAN, CVPR 2018",
    reads=("lr",),
    supervised_by=("hr", "landmarks"),
    config=SuperFANConfig,
    network=SuperFAN,
    objective=HeatmapObjective,
    published={"loss": "mse", "lr": 1e-4, "betas": (0.5, 0.999), "batch_size": 64},
    said=(
        Said(
            "published",
            "12-3-2 blocks of 64 features; squared error and 0.005 of the heatmaps'",
            "the article, as remembered",
        ),
        Said(
            "adapted",
            "neither the perceptual nor the adversarial term: the figures of the table speak for neither",
            "the harness",
        ),
        Said(
            "adapted",
            "a network of landmarks trained here in the place of FAN's four stacks, on the face at its own size; FAN itself with "
            "alignment.aligner=fan",
            "the harness",
        ),
        Said(
            "adapted",
            "with FAN the heatmaps are its last stack's, of the whole face enlarged to 256²",
            "public code takes the first stack's, of faces at 64²",
        ),
        Said("guessed", "two blocks for each doubling above x4", "the original is x4 alone"),
    ),
    scales=(4,),
    aligners=("own", "fan"),
)
