"""BlazeFace, full range: the network (Bazarevsky et al., 2019; Google's MediaPipe model card "BlazeFace Full-Range", Apache-2.0).

A pyramid of depthwise convolutions over 192x192 pixels, one anchor every four pixels. Batch normalisation is folded into the
weights already. TensorFlow's padding is kept: at stride 2 the extra row and column lie below and to the right.
"""

from functools import cache

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 192
STEP = 32
"""What it halves five times: the height and width of what it looks at are multiples of this."""

STRIDE = 4
VALUES = 16
"""Of an anchor: centre, size, and six points (eyes, nose, mouth, ears), x and y each, in input pixels from the anchor."""

_DOWN = (
    ((32, 8, 32, 1), (32, 8, 32, 1), (32, 12, 48, 2), (48, 12, 48, 1), (48, 16, 64, 1)),
    ((64, 24, 96, 2), (96, 32, 128, 1), (128, 32, 128, 1)),
    ((128, 36, 144, 2), (144, 48, 192, 1), (192, 64, 256, 1)),
    ((256, 96, 384, 2), (384, 96, 384, 1), (384, 96, 384, 1), (384, 96, 384, 1)),
)
"""Blocks of each level on the way down: features in, inside, out, stride."""

_UP = ((384, 256, 96, 2), (96, 128, 64, 2), (64, 64, 48, 1))
"""On the way up: features from below, from the side, of the level, and its blocks."""


class Block(nn.Module):
    """Depthwise 3x3 and 1x1, ReLU, depthwise 3x3 and 1x1, plus the input (halved by maximum, without further features), ReLU."""

    def __init__(self, inputs: int, inside: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.enter = nn.Sequential(_depthwise(inputs, stride), nn.Conv2d(inputs, inside, 1))
        self.leave = nn.Sequential(_depthwise(inside, 1), nn.Conv2d(inside, outputs, 1))

    def forward(self, features: Tensor) -> Tensor:
        inside = features if self.stride == 1 else F.pad(features, (0, 1, 0, 1))
        change = self.leave(F.relu(self.enter(inside)))
        if self.stride == 2:
            features = F.max_pool2d(features, 2)
        further = change.shape[1] - features.shape[1]
        return F.relu(change + F.pad(features, (0, 0, 0, 0, 0, further)))


class Join(nn.Module):
    """One level of the way up: what comes from below, enlarged by two, plus what comes from the side; then blocks."""

    def __init__(self, below: int, side: int, width: int, blocks: int) -> None:
        super().__init__()
        self.below, self.side = nn.Conv2d(below, width, 1), nn.Conv2d(side, width, 1)
        self.blocks = nn.Sequential(*(Block(width, width // 2, width) for _ in range(blocks)))

    def forward(self, below: Tensor, side: Tensor) -> Tensor:
        small = F.relu(self.below(below))
        enlarged = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        features: Tensor = self.blocks(F.relu(self.side(side)) + enlarged)
        return features


class BlazeFaceNetwork(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1], H and W multiples of 32, to what it says at each of H W / 16 anchors, row by row: 2,304 of the
    192x192 that it was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, 2)
        self.down = nn.ModuleList(nn.Sequential(*(Block(*sizes) for sizes in level)) for level in _DOWN)
        self.up = nn.ModuleList(Join(*sizes) for sizes in _UP)
        self.score = nn.Conv2d(48, 1, 1)
        self.place = nn.Conv2d(48, VALUES, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores before the sigmoid (N, anchors), and the values of each anchor (N, anchors, 16)."""
        features = F.relu(self.first(F.pad(images, (0, 1, 0, 1))))
        levels = []
        for level in self.down:
            features = level(features)
            levels.append(features)
        features = levels.pop()
        for join in self.up:
            features = join(features, levels.pop())
        return self.score(features).flatten(1), self.place(features).flatten(2).transpose(1, 2)


def _depthwise(width: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, stride, padding=1 if stride == 1 else 0, groups=width)


@cache
def anchors(height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Centres (N, 2) float64 of the anchors, x and y, in pixels of the input, whose left upper corner is (0, 0)."""
    down, across = (np.arange(STRIDE / 2, length, STRIDE) for length in (height, width))
    return np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
