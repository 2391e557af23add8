"""Stand-in resolvers with known answers, and a landmark backend that knows where the faces are."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fishfsr.checkpoint import Details
from fishprep.landmarks.base import Face, Query


class BicubicResolver:
    """Enlarges by Pillow's bicubic: pasted back, it must give the enlarged photo again. `calls`: the shapes it was given."""

    def __init__(self, scale: int, details: Details | None = None) -> None:
        self.scale = scale
        self.details = details or Details()
        self.calls: list[tuple[int, ...]] = []

    def upscale(self, lr: Tensor) -> Tensor:
        self.calls.append(tuple(lr.shape))
        size = (lr.shape[3] * self.scale, lr.shape[2] * self.scale)
        images = (lr * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        enlarged = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in images]
        return torch.from_numpy(np.stack(enlarged)).permute(0, 3, 1, 2) / 255


class FixedResolver(BicubicResolver):
    """Gives one value everywhere, NaN too."""

    def __init__(self, scale: int, value: float) -> None:
        super().__init__(scale)
        self.value = value

    def upscale(self, lr: Tensor) -> Tensor:
        return torch.full_like(super().upscale(lr), self.value)


class KnownFaces:
    """A landmark backend that is told the points in the photo; the finder may hand it the photo at any size."""

    name, weights = "known", {}

    def __init__(self, width: int, faces: Sequence[np.ndarray]) -> None:
        self.width, self.faces = width, faces

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        scale = queries[0].image.shape[1] / self.width
        moved = [((points + 0.5) * scale - 0.5).astype(np.float32) for points in self.faces]
        return [[Face(points, (0.0, 0.0, 1.0, 1.0), 1.0, "known") for points in moved]]
