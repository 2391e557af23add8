"""dlib's 68-point predictor on faces that stand upright or nearly so."""

from typing import Any

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.landmarks.base import Box
from fishprep.landmarks.chip import can_cut, cut_chip
from fishprep.landmarks.geometry import MIRROR


class PointsPredictor:
    """dlib's regression trees on a chip of fixed size, which makes its whole-pixel points finer than the photo's pixels."""

    side, margin = 384, 64

    # Five boxes around the known place, in shares of its side: on faces that HOG misses their mean is nearer to the eyes.
    shifts = ((0.0, 0.0), (0.0625, 0.0), (-0.0625, 0.0), (0.0, 0.0625), (0.0, -0.0625))

    # HOG box of a face from its points: centre minus mean point, and side, in root-mean-square distances from the mean point
    # (8,273 CelebA faces). Needed where another detector's box has another shape than those that the predictor was trained on.
    hog_below, hog_side = -0.1, 2.7

    def __init__(self, trees: Any, rectangle: Any, mirror: bool) -> None:
        self._trees = trees
        self._mirror = mirror
        self._middle = rectangle(self.margin, self.margin, self.side - self.margin - 1, self.side - self.margin - 1)

    def fit(self, image: np.ndarray, box: Box) -> np.ndarray:
        """(68, 2) float32 points of the face in a HOG box."""
        chip = cut_chip(image, box, self.side, self.margin)
        points = self._raw(chip.image)
        if self._mirror:
            mirrored = self._raw(cv2.flip(chip.image, 1))[list(MIRROR)]
            mirrored[:, 0] = self.side - 1 - mirrored[:, 0]
            points = (points + mirrored) / 2
        return chip.to_photo(points).astype(np.float32)

    def fit_twice(self, image: np.ndarray, box: Box) -> np.ndarray:
        """The same from another detector's box: a first fit tells where the HOG box would be."""
        points = self.fit(image, box)
        centre = points.mean(axis=0)
        spread = float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean()))
        x, y = float(centre[0]), float(centre[1]) + self.hog_below * spread
        half = self.hog_side * spread / 2
        second = (x - half, y - half, x + half, y + half)
        return self.fit(image, second) if can_cut(image, second) else points

    def fit_around(self, image: np.ndarray, box: Box) -> np.ndarray:
        """The mean of fits from boxes around a guessed one."""
        side = box[2] - box[0]
        moved = [(box[0] + x * side, box[1] + y * side, box[2] + x * side, box[3] + y * side) for x, y in self.shifts]
        fits = np.stack([self.fit(image, each) for each in moved if can_cut(image, each)])
        return fits.mean(axis=0, dtype=np.float32)

    def _raw(self, image: np.ndarray) -> np.ndarray:
        return np.array([(part.x, part.y) for part in self._trees(image, self._middle).parts()], np.float64)
