"""Where an image lies in the network's square input, and how the logits are read at its pixels."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Placement:
    """Where an image of `height` x `width` lies in the network's square input of `size`: shrunk to `shape`, then padded.

    An image smaller than the input is not shrunk; its square is enlarged by the network's own resizing.
    """

    height: int
    width: int
    size: int
    shape: tuple[int, int]

    @classmethod
    def of(cls, height: int, width: int, size: int) -> "Placement":
        share = min(1.0, size / max(height, width))
        return cls(height, width, size, (max(1, round(height * share)), max(1, round(width * share))))

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Left, right, top, bottom, in the order of `torch.nn.functional.pad`."""
        height, width = self.shape
        side = max(height, width)
        left, top = (side - width) // 2, (side - height) // 2
        return left, side - width - left, top, side - height - top

    def square(self, image: np.ndarray) -> Tensor:
        """(H, W, 3) uint8 → (1, 3, size, size) float32 in 0-255."""
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        if self.shape != (self.height, self.width):  # in uint8: a large photo in floats would fill the memory
            pixels = F.interpolate(pixels, self.shape, mode="bilinear", antialias=True)
        padded = F.pad(pixels.float(), self.padding, mode="replicate")
        if padded.shape[-1] == self.size:
            return padded
        return F.interpolate(padded, (self.size, self.size), mode="bilinear", antialias=True)

    def rows(self, count: int) -> "Taps":
        """Where the centres of the image's rows lie among `count` rows of logits."""
        return self._taps(self.height, self.shape[0], self.padding[2], count)

    def columns(self, count: int) -> "Taps":
        """Where the centres of the image's columns lie among `count` columns of logits."""
        return self._taps(self.width, self.shape[1], self.padding[0], count)

    def _taps(self, length: int, shrunk: int, before: int, count: int) -> "Taps":
        """The corners of the logits lie on those of the input."""
        side = max(self.shape)
        centres = ((torch.arange(length, dtype=torch.float64) + 0.5) * shrunk / length + before) * self.size / side
        positions = (centres - 0.5).clamp(0, self.size - 1) * (count - 1) / (self.size - 1)
        lower = positions.floor().clamp(max=count - 2).long()
        return Taps(lower, positions - lower, count)


@dataclass(frozen=True, eq=False)
class Taps:
    """Linear reading along an axis: for each of what is read the place of the first of two neighbours, and the share of the second.

    lower: (length,) int64, from 0 to count - 2. share: (length,) float64, from 0 to 1.
    """

    lower: Tensor
    share: Tensor
    count: int

    def matrix(self) -> Tensor:
        """(length, count) float32: the same as a product."""
        matrix = torch.zeros(len(self.lower), self.count, dtype=torch.float64, device=self.share.device)
        matrix.scatter_(1, self.lower[:, None], (1 - self.share)[:, None])
        return matrix.scatter_(1, self.lower[:, None] + 1, self.share[:, None]).float()

    def to(self, device: torch.device) -> "Taps":
        return Taps(self.lower.to(device), self.share.to(device), self.count)
