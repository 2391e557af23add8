"""Restored faces back into the enlarged photo, at their exact place, without a seam.

A box edge x of the photo lies at (x + 0.5) · W' / W - 0.5 of a photo enlarged from width W to W'; for the default recipe and
a whole scale that is a pixel edge again, else the face is resampled to the enlarged photo's pixels by Pillow's bicubic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fishprep.landmarks.base import Box

FEATHER = 1 / 6
"""Share of a crop's side over which it is blended in: in the default recipe (1.5), from its edge to the box of the landmarks."""

BICUBIC = Image.Resampling.BICUBIC


@dataclass(frozen=True, eq=False)
class RestoredFace:
    """A face (h, w, 3) uint8 and the crop box in the photo that it shows."""

    image: np.ndarray
    box: Box


def enlarged_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Width and height of an enlarged photo, to whole pixels."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def enlarge(photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The photo (H, W, 3) uint8 at `size` (width, height), by Pillow's bicubic."""
    return np.array(Image.fromarray(photo).resize(size, BICUBIC))


def paste(enlarged: np.ndarray, photo_size: tuple[int, int], faces: Sequence[RestoredFace]) -> np.ndarray:
    """A copy of the enlarged photo (H', W', 3) uint8 with the faces blended in; `photo_size` is (W, H) before.

    Where feathers overlap the faces share the place by their weights, whatever their order.
    """
    height, width = enlarged.shape[:2]
    scale = (width / photo_size[0], height / photo_size[1])
    patches = [patch for face in faces if (patch := _Patch.of(face, scale, (width, height))).area]
    result = enlarged.copy()
    for patch in patches:
        share = patch.weights() / np.maximum(1.0, sum(other.weights_in(patch) for other in patches))
        place = patch.place
        change = share[..., None] * (patch.pixels().astype(np.float32) - enlarged[place])
        # each face rounds for itself, so that the sum of several may lie a level beyond white
        result[place] = np.rint(result[place] + change).clip(0, 255).astype(np.uint8)
    return result


@dataclass(frozen=True, eq=False)
class _Patch:
    """The pixels of the enlarged photo that lie wholly in a face's box: columns `left` to `right`, rows `top` to `bottom`.

    edges: x0, y0, x1, y1 of the box there, counted from the upper left corner of the photo.
    """

    image: np.ndarray
    edges: tuple[float, float, float, float]
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, face: RestoredFace, scale: tuple[float, float], size: tuple[int, int]) -> "_Patch":
        x0, x1 = ((edge + 0.5) * scale[0] for edge in face.box[::2])
        y0, y1 = ((edge + 0.5) * scale[1] for edge in face.box[1::2])
        left, right = _whole(x0, x1, size[0])
        top, bottom = _whole(y0, y1, size[1])
        return cls(face.image, (x0, y0, x1, y1), left, top, right, bottom)

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def place(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def pixels(self) -> np.ndarray:
        """The face resampled to these pixels."""
        x0, y0, x1, y1 = self.edges
        height, width = self.image.shape[:2]
        across, down = width / (x1 - x0), height / (y1 - y0)
        source = (
            max(0.0, (self.left - x0) * across),
            max(0.0, (self.top - y0) * down),
            min(float(width), (self.right - x0) * across),
            min(float(height), (self.bottom - y0) * down),
        )
        size = (self.right - self.left, self.bottom - self.top)
        return np.asarray(Image.fromarray(self.image).resize(size, BICUBIC, box=source))

    def weights(self) -> np.ndarray:
        """(rows, columns) float32: 1 in the middle, falling to 0 at the edges of the box."""
        return self.weights_in(self)

    def weights_in(self, other: "_Patch") -> np.ndarray:
        """This face's weights at the pixels of another patch."""
        x0, y0, x1, y1 = self.edges
        return np.outer(_feather(y0, y1, other.top, other.bottom), _feather(x0, x1, other.left, other.right))


def _whole(start: float, end: float, size: int) -> tuple[int, int]:
    """The range of pixels between two edges, inside the photo; empty where there are none."""
    first = max(0, math.ceil(start - 1e-6))
    return first, max(first, min(size, math.floor(end + 1e-6)))


def _feather(start: float, end: float, first: int, last: int) -> np.ndarray:
    """Weights of the pixels `first` to `last` of a box from `start` to `end`: a raised cosine at both ends, 0 outside."""
    position = (np.arange(first, last) + 0.5 - start) / (end - start)
    depth = np.clip(np.minimum(position, 1 - position) / FEATHER, 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * depth)).astype(np.float32)
