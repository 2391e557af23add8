"""Where a restored face comes to lie that stands turned in the photo."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from fishprep.common.opencv import cv2
from fishprep.faces.turned import corners, middle, turned_about
from fishprep.landmarks.base import Box

FEATHER = 1 / 6
"""Share of a crop's side over which it is blended in: in the default recipe (1.5), from its edge to the box of the landmarks."""

BICUBIC = Image.Resampling.BICUBIC


class PixelRange(Protocol):
    """Columns `left` to `right` and rows `top` to `bottom` of an enlarged photo."""

    @property
    def left(self) -> int: ...
    @property
    def top(self) -> int: ...
    @property
    def right(self) -> int: ...
    @property
    def bottom(self) -> int: ...


def feather(position: np.ndarray) -> np.ndarray:
    """Weights at positions from 0 to 1 across a box: 1 in the middle, a raised cosine at both ends, 0 outside; float32."""
    depth = np.clip(np.minimum(position, 1 - position) / FEATHER, 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * depth)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class TurnedPatch:
    """The upright rectangle of the enlarged photo around a turned box; weights are 0 where it is not in the box.

    scale: pixels of the enlarged photo for one of the photo, across and down.
    """

    image: np.ndarray
    box: Box
    angle: float
    scale: tuple[float, float]
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(
        cls, image: np.ndarray, box: Box, angle: float, scale: tuple[float, float], size: tuple[int, int]
    ) -> "TurnedPatch":
        """The place of a face whose crop is `box`, turned by `angle`, in an enlarged photo of `size` (width, height)."""
        places = (corners(box, angle) + 0.5) * scale
        left, top = (max(0, math.floor(edge)) for edge in places.min(axis=0).tolist())
        right, bottom = (
            min(most, math.ceil(edge)) for edge, most in zip(places.max(axis=0).tolist(), size, strict=True)
        )
        return cls(image, box, angle, scale, left, top, max(left, right), max(top, bottom))

    @property
    def area(self) -> int:
        """Pixels of it that lie in the enlarged photo."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns of the enlarged photo."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def pixels(self) -> np.ndarray:
        """The face turned and resampled to these pixels; beyond its box its border goes on."""
        face = self._sized()
        height, width = face.shape[:2]
        across, down = (self._positions(self) * (width, height) - 0.5).astype(np.float32).transpose(2, 0, 1)
        return cv2.remap(face, across, down, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)

    def weights(self) -> np.ndarray:
        """(rows, columns) float32: 1 in the middle, falling to 0 at the edges of the box."""
        return self.weights_in(self)

    def weights_in(self, other: PixelRange) -> np.ndarray:
        """This face's weights at the pixels of another patch."""
        positions = self._positions(other)
        return feather(positions[..., 0]) * feather(positions[..., 1])

    def _sized(self) -> np.ndarray:
        """The face with as many pixels as its place has, where those are fewer: turning it must not skip any."""
        x0, y0, x1, y1 = self.box
        size = (max(1, round((x1 - x0) * self.scale[0])), max(1, round((y1 - y0) * self.scale[1])))
        if size[0] >= self.image.shape[1] and size[1] >= self.image.shape[0]:
            return np.ascontiguousarray(self.image)
        return np.asarray(Image.fromarray(self.image).resize(size, BICUBIC))

    def _positions(self, pixels: PixelRange) -> np.ndarray:
        """(rows, columns, 2) float64: where the middles of pixels lie in the box, from 0 to 1 across and down."""
        x = (np.arange(pixels.left, pixels.right) + 0.5) / self.scale[0] - 0.5
        y = (np.arange(pixels.top, pixels.bottom) + 0.5) / self.scale[1] - 0.5
        level = turned_about(np.stack(np.meshgrid(x, y), axis=-1), middle(self.box), -self.angle)
        return (level - self.box[:2]) / (self.box[2] - self.box[0], self.box[3] - self.box[1])
