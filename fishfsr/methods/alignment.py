"""The network of landmarks of DIC, which also stands in for Super-FAN's: HR-sized face to 68 heatmaps (Ma et al., CVPR 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.methods.layers import Hourglass, conv, scaled
from fishfsr.models.config import NetworkConfig
from fishprep.shards.schema import HR_SIZE

POINTS = 68
HEATMAP_SIZE = HR_SIZE // 4
DEPTH = 4
COMPONENTS = ((36, 42), (42, 48), (27, 36), (48, 68), (0, 27))
"""Landmarks of the right eye, the left one, nose, mouth, and the rest, as half-open ranges."""
FAINTEST = 0.05
LOOKS = 4
"""Looks at a face in training, each given the state that the one before left: as many as DIC takes."""


@dataclass(frozen=True)
class AlignmentNetConfig(NetworkConfig):
    """The aligner: `width` 64 is DIC's, of 512 features in its hourglass."""


class UnnormedBottleneck(nn.Module):
    """1x1 to half, ReLU, 3x3, 1x1, added to the input, ReLU before the next: as DIC's, without norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = max(1, outputs // 2)
        self.last = conv(half, outputs, 1)
        self.body = nn.Sequential(nn.ReLU(), conv(inputs, half, 1), nn.ReLU(inplace=True), conv(half, half))
        self.shortcut = nn.Identity() if inputs == outputs else conv(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        return self.shortcut(features) + self.last(self.body(features))


class AlignmentNet(nn.Module):
    """Face (N, 3, 128, 128) in [0, 1] to heatmaps (N, 68, 32, 32), near [0, 1]: 1 at a landmark, sigma 1.

    A state from an earlier look at the same face can be given to `look`, which gives the next one back.
    """

    def __init__(self, config: AlignmentNetConfig | None = None) -> None:
        super().__init__()
        self.config: AlignmentNetConfig = config or AlignmentNetConfig()
        width = self.config.width
        stem, quarter, half, full = (scaled(features, width, 8) for features in (64, 128, 256, 512))
        self.entry = nn.Sequential(
            conv(3, stem, 7, 2), nn.ReLU(inplace=True), UnnormedBottleneck(stem, quarter), nn.MaxPool2d(2),
            UnnormedBottleneck(quarter, quarter), UnnormedBottleneck(quarter, half),
        )  # fmt: skip
        self.join = conv(2 * half, full, 1)
        self.hourglass = Hourglass(DEPTH, lambda: UnnormedBottleneck(full, full), "bilinear")
        self.head = nn.Sequential(UnnormedBottleneck(full // 2, half), conv(half, half, 1), nn.ReLU(inplace=True))
        self.heat = conv(half, POINTS, 1)
        _draw(self)
        for module in self.modules():
            if isinstance(module, UnnormedBottleneck):
                # Without norm thirteen branches would each double the variance: users of the original see it explode.
                nn.init.zeros_(module.last.weight)
        # What an earlier look left has no say at first: an hourglass adds up its levels, and so the state would grow tenfold a look.
        with torch.no_grad():
            self.join.weight[:, half:].zero_()
        # Heatmaps are nearly everywhere 0: that is where it starts.
        nn.init.zeros_(self.heat.weight)

    def look(self, faces: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Heatmaps, and the state for the next look."""
        features = self.entry(faces)
        seen = self.hourglass(self.join(torch.cat((features, features if state is None else state), 1)))
        shown, kept = seen.chunk(2, 1)
        return self.heat(self.head(shown)), kept

    def looks(self, faces: Tensor, count: int = LOOKS) -> list[Tensor]:
        """The heatmaps of `count` looks at the same faces, one after the other."""
        seen: list[Tensor] = []
        state: Tensor | None = None
        for _ in range(count):
            maps, state = self.look(faces, state)
            seen.append(maps)
        return seen

    def forward(self, faces: Tensor, looks: int = 1) -> Tensor:
        """Heatmaps (looks * N, 68, 32, 32): of the first look at each face, then of the second ..."""
        return torch.cat(self.looks(faces, looks))


def _draw(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)


def components(heatmaps: Tensor) -> Tensor:
    """68 heatmaps (N, 68, h, w), each by its own maximum, summed to the five parts (N, 5, h, w)."""
    highest = heatmaps.amax((2, 3), keepdim=True).clamp(min=FAINTEST)
    scaled_maps = heatmaps / highest
    return torch.stack([scaled_maps[:, start:end].sum(1) for start, end in COMPONENTS], 1)


def heatmaps(landmarks: Tensor, size: int, sigma: float = 1.0) -> Tensor:
    """Landmarks (N, 68, 2) in pixels of the 128² face to Gaussians (N, 68, size, size) of height 1, not rounded to pixels."""
    points = (landmarks + 0.5) * (size / HR_SIZE) - 0.5
    axis = torch.arange(size, device=landmarks.device, dtype=landmarks.dtype)
    x, y = (((axis - points[..., each, None]) / sigma).square().mul(-0.5).exp() for each in (0, 1))
    return y[..., :, None] * x[..., None, :]


def alignment_loss(made: Tensor, landmarks: Tensor) -> Tensor:
    """Mean squared error of heatmaps (N, 68, h, h) against those of the landmarks."""
    return F.mse_loss(made.float(), heatmaps(landmarks, made.shape[-1]))


def found(made: Tensor, landmarks: Tensor, within: float = HR_SIZE / HEATMAP_SIZE) -> Tensor:
    """Share (N,) of landmarks whose heatmap is highest within `within` pixels of the face from where they are."""
    size = made.shape[-1]
    highest = made.flatten(2).argmax(2)
    places = torch.stack((highest % size, highest // size), 2).float()
    pixels = (places + 0.5) * (HR_SIZE / size) - 0.5
    return ((pixels - landmarks).norm(dim=2) <= within).float().mean(1)
