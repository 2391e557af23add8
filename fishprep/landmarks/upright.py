"""68 points of a face that stands at any angle, from its two eyes: the face is turned upright, fitted, and the points turned back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.landmarks.base import Box
from fishprep.landmarks.chip import Chip, can_cut, cut_chip
from fishprep.landmarks.geometry import MIRROR, eye_centres

SIDE = 300
EYES = np.array([[125.0, 125.0], [175.0, 125.0]])
"""Where the eyes come to lie in the upright chip, in edges: then the predictor's box is its ..."""
BOX = (100, 100, 204, 204)
"""... HOG box of the face. Of the places that were tried the one with the smallest error on Helen and AFW."""
FITS = 2
"""The second fit starts from the eyes of the first, which are nearer to the predictor's own than the detector's."""
SHRUNK_SIDE = 600
REACH = 4.0
"""Distances between the eyes that the square around them reaches to each side: more than the chip shows, at any angle."""


@dataclass(frozen=True)
class UprightFitter:
    """trees: dlib's 68-point predictor. rectangle: dlib's class. mirror: fit the mirrored face too and take the mean."""

    trees: Any
    rectangle: Any
    mirror: bool = True

    def fit(self, image: np.ndarray, eyes: np.ndarray) -> np.ndarray | None:
        """(68, 2) float32 points of the face in `image` (H, W, 3) uint8 whose eyes lie at `eyes` (2, 2), the viewer's left one of
        the upright face first. None where the eyes are in one place, or not in the picture."""
        points = None
        for _ in range(FITS):
            cut = _around(image, eyes)
            if cut is None:
                return points
            points = self._once(cut, eyes).astype(np.float32)
            eyes = eye_centres(points).astype(np.float64)
        return points

    def _once(self, cut: Chip, eyes: np.ndarray) -> np.ndarray:
        inside = (eyes - (cut.x, cut.y)) / cut.scale  # edges of the chip
        turn, shift = _similarity(inside, EYES)
        # cv2's pixels have their centres at integers, edges lie half a pixel before them.
        moved = shift + turn @ (0.5, 0.5) - 0.5
        upright = cv2.warpAffine(cut.image, np.column_stack((turn, moved)), (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        points = self._raw(upright)
        if self.mirror:
            mirrored = self._raw(np.ascontiguousarray(upright[:, ::-1]))[list(MIRROR)]
            mirrored[:, 0] = SIDE - 1 - mirrored[:, 0]
            points = (points + mirrored) / 2
        back = (points + 0.5 - shift) @ np.linalg.inv(turn).T
        return cut.to_photo(back - 0.5)

    def _raw(self, image: np.ndarray) -> np.ndarray:
        return np.array([(part.x, part.y) for part in self.trees(image, self.rectangle(*BOX)).parts()], np.float64)


def _around(image: np.ndarray, eyes: np.ndarray) -> Chip | None:
    """The square around the eyes, shrunk by area averaging where it is large; None where there is none to cut."""
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    if not np.isfinite(apart) or apart <= 0:
        return None
    x, y = eyes.mean(0)
    half = REACH * apart
    box: Box = (float(x - half), float(y - half), float(x + half), float(y + half))
    if not can_cut(image, box):
        return None
    return cut_chip(image, box, min(SHRUNK_SIDE, max(1, round(2 * half))))


def _similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn and scale (2, 2), and shift (2,), that take two points to two others."""
    (ax, ay), (bx, by) = source[1] - source[0], target[1] - target[0]
    ratio = complex(bx, by) / complex(ax, ay)
    turn = np.array([[ratio.real, -ratio.imag], [ratio.imag, ratio.real]])
    return turn, target[0] - turn @ source[0]
