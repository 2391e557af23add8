"""Restored faces back into the enlarged photo, at their exact place, without a seam.

A box edge x of the photo lies at (x + 0.5) · W' / W - 0.5 of a photo enlarged from width W to W'; for the default recipe and
a whole scale that is a pixel edge again, else the face is resampled to the enlarged photo's pixels by Pillow's bicubic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fishfsr.upscaling.turned_pasting import BICUBIC, TurnedPatch, feather
from fishprep.landmarks.base import Box


@dataclass(frozen=True, eq=False)
class RestoredFace:
    """A face (h, w, 3) uint8 and the crop box in the photo that it shows, which stands turned there by `angle` degrees."""

    image: np.ndarray
    box: Box
    angle: float = 0.0


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
    places = (_place(face, scale, (width, height)) for face in faces)
    patches = [patch for patch in places if patch.area]
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

    def weights_in(self, other: "_Patch | TurnedPatch") -> np.ndarray:
        """This face's weights at the pixels of another patch."""
        x0, y0, x1, y1 = self.edges
        return np.outer(_feather(y0, y1, other.top, other.bottom), _feather(x0, x1, other.left, other.right))


def _place(face: RestoredFace, scale: tuple[float, float], size: tuple[int, int]) -> _Patch | TurnedPatch:
    return TurnedPatch.of(face.image, face.box, face.angle, scale, size) if face.angle else _Patch.of(face, scale, size)


def _whole(start: float, end: float, size: int) -> tuple[int, int]:
    """The range of pixels between two edges, inside the photo; empty where there are none."""
    first = max(0, math.ceil(start - 1e-6))
    return first, max(first, min(size, math.floor(end + 1e-6)))


def _feather(start: float, end: float, first: int, last: int) -> np.ndarray:
    """Weights of the pixels `first` to `last` of a box from `start` to `end`."""
    return feather((np.arange(first, last) + 0.5 - start) / (end - start))
