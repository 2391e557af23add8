"""FSRNet: a coarse face, from it landmarks and parsing maps, and with these the fine face (Chen et al., CVPR 2018)."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.data.batch import Faces
from fishfsr.data.dataset import Beside
from fishfsr.errors import ConfigurationError
from fishfsr.methods.alignment import POINTS, heatmaps
from fishfsr.methods.base import Forward, Method, Objective, PixelLoss, RivalConfig, Said
from fishfsr.methods.layers import BatchNorm, Hourglass, NormedBlock, conv, scaled
from fishfsr.models.blocks import enlarged
from fishfsr.models.checks import check_image
from fishfsr.models.config import SrNetConfig
from fishfsr.models.sr_net import SrNet
from fishprep.shards.schema import HR_SIZE

PRIOR_SIZE = HR_SIZE // 2
PARSED = (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12)
"""Classes of CelebAMask-HQ's order of which there is a map: skin, nose, eyes, brows, ears, mouth, lips."""
HOURGLASSES, DEPTH = 2, 3


@dataclass(frozen=True)
class FSRNetConfig(RivalConfig):
    """FSRNet; `landmarks`, `parsing`: which priors it learns, one at least."""

    landmarks: bool = True
    parsing: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.landmarks or self.parsing):
            raise ConfigurationError("landmarks and parsing are both off: FSRNet learns one prior at least")

    @property
    def priors(self) -> int:
        """Number of maps: heatmaps, then parsing maps."""
        return POINTS * self.landmarks + len(PARSED) * self.parsing


class NormedBottleneck(nn.Module):
    """BN, ReLU, 1x1 to half; BN, ReLU, 3x3; BN, ReLU, 1x1; added to the input (He et al., ECCV 2016)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = max(1, outputs // 2)
        self.body = nn.Sequential(
            *(BatchNorm(inputs), nn.ReLU(inplace=True), conv(inputs, half, 1, bias=False)),
            *(BatchNorm(half), nn.ReLU(inplace=True), conv(half, half, bias=False)),
            *(BatchNorm(half), nn.ReLU(inplace=True), conv(half, outputs, 1, bias=False)),
        )
        self.shortcut = nn.Identity() if inputs == outputs else conv(inputs, outputs, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.shortcut(features) + self.body(features)


class CoarseAndFine(NamedTuple):
    """The coarse and the fine face, (N, 3, 128, 128) near [0, 1], and the priors, (N, k, 64, 64)."""

    coarse: Tensor
    priors: Tensor
    fine: Tensor


class FSRNet(SrNet):
    """Four parts: coarse network, encoder and prior network on its face at half size, and a decoder of both; in [-1, 1]."""

    def __init__(self, config: FSRNetConfig | None = None) -> None:
        super().__init__()
        self.config: FSRNetConfig = config or FSRNetConfig()
        width, wide = scaled(64, self.config.width), scaled(128, self.config.width)
        self.coarse = nn.Sequential(*_entry(3, width), *_blocks(width, 3), conv(width, 3, bias=False))
        self.encoder = nn.Sequential(*_entry(3, width, stride=2), *_blocks(width, 12), conv(width, width, bias=False))
        self.prior = nn.Sequential(
            *_entry(3, width, 7, 2), NormedBottleneck(width, wide), *_blocks(wide, 2),
            *(Hourglass(DEPTH, lambda: NormedBottleneck(wide, wide)) for _ in range(HOURGLASSES)),
        )  # fmt: skip
        self.heads = conv(wide, self.config.priors, 1)
        self.decoder = nn.Sequential(
            *_entry(width + wide, width),
            nn.ConvTranspose2d(width, width, 3, 2, 1, output_padding=1, bias=False), BatchNorm(width), nn.ReLU(inplace=True),
            *_blocks(width, 3), conv(width, 3, bias=False),
        )  # fmt: skip

    def restored(self, lr: Tensor) -> CoarseAndFine:
        """All that is supervised."""
        check_image(lr, "the LR image")
        coarse = self.coarse(enlarged(lr, self.config.scale) * 2 - 1)
        seen = self.prior(coarse)
        fine = self.decoder(torch.cat((self.encoder(coarse), seen), 1))
        return CoarseAndFine(coarse * 0.5 + 0.5, self.heads(seen), fine * 0.5 + 0.5)

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        return self.restored(lr).fine


def _entry(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
    return [conv(inputs, outputs, size, stride, bias=False), BatchNorm(outputs), nn.ReLU(inplace=True)]


def _blocks(width: int, count: int) -> list[nn.Module]:
    return [NormedBlock(width, padding="reflect") for _ in range(count)]


class PriorObjective(Objective):
    """Pixels of the coarse and of the fine face, and the squared error of the priors, 1 to 1 to 1."""

    @classmethod
    def beside(cls, config: SrNetConfig) -> frozenset[Beside]:
        """As `Objective.beside`."""
        assert isinstance(config, FSRNetConfig)
        landmarks: frozenset[Beside] = frozenset({"landmarks"} if config.landmarks else ())
        return landmarks | frozenset({"classes"} if config.parsing else ())

    def loss(self, forward: Forward, faces: Faces, parsing: Tensor | None, pixel: PixelLoss, step: int) -> Tensor:
        """As `Objective.loss`."""
        assert isinstance(self.network, FSRNet)
        made = self.network.restored(faces.lr)
        priors = F.mse_loss(made.priors.float(), wanted_priors(faces, self.network.config))
        return pixel(made.coarse.float(), faces.hr) + pixel(made.fine.float(), faces.hr) + priors


def wanted_priors(faces: Faces, config: FSRNetConfig) -> Tensor:
    """The maps that the prior network learns, (N, k, 64, 64) in [0, 1], out of landmarks and classes."""
    wanted: list[Tensor] = []
    if config.landmarks:
        assert faces.landmarks is not None
        wanted.append(heatmaps(faces.landmarks, PRIOR_SIZE))
    if config.parsing:
        assert faces.classes is not None
        parsed = torch.stack([faces.classes == number for number in PARSED], 1).float()
        wanted.append(F.avg_pool2d(parsed, HR_SIZE // PRIOR_SIZE))
    return torch.cat(wanted, 1)


METHOD = Method(
    name="fsrnet",
    title="FSRNet",
    paper="Chen et al., FSRNet: End-to-End Learning Face Super-Resolution with Facial Priors, CVPR 2018",
    reads=("bicubic",),
    supervised_by=("hr", "landmarks", "classes"),
    config=FSRNetConfig,
    network=FSRNet,
    objective=PriorObjective,
    published={"loss": "mse", "lr": 2.5e-4, "batch_size": 14},
    said=(
        Said(
            "published",
            "3, 12 and 3 residual blocks, two hourglasses, three squared errors of equal weight, batches of 14",
            "re-implementations",
        ),
        Said(
            "adapted",
            "68 heatmaps from the shards' landmarks and 11 maps from their classes",
            "194 and other maps in the article",
        ),
        Said(
            "adapted",
            "Adam, where the article uses RMSprop; no Tanh on the faces",
            "the training has one optimiser; the article has none",
        ),
        Said("adapted", "blocks of their own weights: the public code repeats one block", "its bug"),
        Said("guessed", "the decoder reads the hourglasses' features, not the maps", "public code"),
    ),
    scales=(8,),
)
