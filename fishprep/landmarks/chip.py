"""Square parts of a photo, resized for a network or a predictor, and the way of points back."""

from dataclasses import dataclass

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.landmarks.base import Box


@dataclass(frozen=True, eq=False)
class Chip:
    """A square of a photo: image (side, side, 3) uint8, black outside the photo.

    x, y: where the left and upper edge of the chip lie in the photo. scale: photo pixels per chip pixel.
    """

    image: np.ndarray
    x: float
    y: float
    scale: float

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) points from chip pixels to photo pixels, both with the centres of pixels at integers."""
        return (points + 0.5) * self.scale + (self.x, self.y)

    def box_to_photo(self, box: Box) -> Box:
        """A box from chip to photo coordinates."""
        (x0, y0), (x1, y1) = self.to_photo(np.array(box, np.float64).reshape(2, 2))
        return float(x0), float(y0), float(x1), float(y1)


def can_cut(image: np.ndarray, box: Box) -> bool:
    """Whether a box is finite, at least a pixel wide, with its centre in the photo, and not beyond twice the photo's size."""
    height, width = image.shape[:2]
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    side = max(box[2] - box[0], box[3] - box[1])
    inside = -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5
    return bool(np.isfinite(box).all()) and inside and 1 <= side <= 2 * max(height, width)


def cut_chip(image: np.ndarray, box: Box, side: int, margin: int = 0) -> Chip:
    """The square around a box (its larger side), resized so that the box takes the chip's middle `side - 2 * margin` pixels.

    The square is moved to whole photo pixels, so that the way back is exact. Area averaging where it shrinks, bilinear where
    it grows. `can_cut` must hold for the box.
    """
    height, width = image.shape[:2]
    wanted = max(box[2] - box[0], box[3] - box[1]) * side / (side - 2 * margin)
    pixels = max(1, round(wanted))
    left = round((box[0] + box[2]) / 2 + 0.5 - pixels / 2)
    top = round((box[1] + box[3]) / 2 + 0.5 - pixels / 2)
    part = image[max(0, top) : max(0, top + pixels), max(0, left) : max(0, left + pixels)]
    borders = (
        max(0, -top),
        max(0, top + pixels - height),
        max(0, -left),
        max(0, left + pixels - width),
    )
    if any(borders):
        part = cv2.copyMakeBorder(part, *borders, cv2.BORDER_CONSTANT)
    method = cv2.INTER_AREA if pixels > side else cv2.INTER_LINEAR
    chip = cv2.resize(part, (side, side), interpolation=method)
    return Chip(np.ascontiguousarray(chip), left - 0.5, top - 0.5, pixels / side)


def resize_to(image: np.ndarray, longer_side: int) -> np.ndarray:
    """The whole photo with its longer side at about `longer_side`: area averaging where it shrinks, bilinear where it grows."""
    height, width = image.shape[:2]
    factor = longer_side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return np.ascontiguousarray(image)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def resized_box_to_photo(box: Box, resized: np.ndarray, image: np.ndarray) -> Box:
    """A box in the output of `resize_to` back to the photo."""
    x, y = image.shape[1] / resized.shape[1], image.shape[0] / resized.shape[0]
    x0, y0, x1, y1 = box
    return (x0 + 0.5) * x - 0.5, (y0 + 0.5) * y - 0.5, (x1 + 0.5) * x - 0.5, (y1 + 0.5) * y - 0.5
