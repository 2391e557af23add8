"""68 points of a face that stands at any angle, from its two eyes: the face is turned upright, fitted, and the points turned back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.landmarks.base import Box
from fishprep.landmarks.chip import Chip, can_cut, cut_chip
from fishprep.landmarks.geometry import MIRROR, overlap

SIDE = 300
EYES = np.array([[125.0, 125.0], [175.0, 125.0]])
"""Where the eyes come to lie in the upright chip, in edges."""
BOX: Box = (99.5, 99.5, 204.5, 204.5)
"""Where dlib's HOG detector sees such a face, in the mean: the predictor's box where that detector sees none."""
LEAST_SCORE = -0.5
"""Of HOG, whose threshold can be low where one place alone is asked about."""
EDGE = 40
"""Pixels at each edge of the chip that HOG is not shown: the face does not reach there, and HOG takes half as long."""
SEEN_SIDE = 176
"""Pixels a side at which HOG is shown the rest: the face has 84, and HOG sees 80 and more."""
SAME_FACE = 0.4
SHRUNK_SIDE = 600
REACH = 4.0
"""Distances between the eyes that the square around them reaches to each side: more than the chip shows, at any angle."""


@dataclass(frozen=True)
class UprightFitter:
    """trees: dlib's 68-point predictor. rectangle: dlib's class. hog: its frontal detector, whose box in the upright chip makes
    the points as steady as those of a face that it finds by itself. mirror: fit the mirrored face too and take the mean."""

    trees: Any
    rectangle: Any
    hog: Any
    mirror: bool = True

    def fit(self, image: np.ndarray, eyes: np.ndarray) -> np.ndarray | None:
        """(68, 2) float32 points of the face in `image` (H, W, 3) uint8 whose eyes lie at `eyes` (2, 2), the viewer's left one of
        the upright face first. None where the eyes are in one place, or not in the picture."""
        cut = _around(image, eyes)
        if cut is None:
            return None
        inside = (eyes - (cut.x, cut.y)) / cut.scale  # edges of the chip
        turn, shift = _similarity(inside, EYES)
        # cv2's pixels have their centres at integers, edges lie half a pixel before them.
        moved = shift + turn @ (0.5, 0.5) - 0.5
        upright = cv2.warpAffine(cut.image, np.column_stack((turn, moved)), (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        points = self._points(upright, self._box(upright))
        back = (points + 0.5 - shift) @ np.linalg.inv(turn).T
        return cut.to_photo(back - 0.5).astype(np.float32)

    def _box(self, upright: np.ndarray) -> Box:
        """The surest of HOG's detections at the place of the face, or else `BOX`."""
        inner = cv2.resize(upright[EDGE:-EDGE, EDGE:-EDGE], (SEEN_SIDE, SEEN_SIDE), interpolation=cv2.INTER_LINEAR)
        rectangles, scores, _ = self.hog.run(inner, 0, LEAST_SCORE)
        boxes = [_of_chip(r) for r in rectangles]
        seen = [(score, box) for score, box in zip(scores, boxes, strict=True) if overlap(box, BOX) >= SAME_FACE]
        return max(seen)[1] if seen else BOX

    def _points(self, upright: np.ndarray, box: Box) -> np.ndarray:
        points = self._raw(upright, box)
        if not self.mirror:
            return points
        right, left = SIDE - 1 - box[0], SIDE - 1 - box[2]
        mirrored = self._raw(np.ascontiguousarray(upright[:, ::-1]), (left, box[1], right, box[3]))[list(MIRROR)]
        mirrored[:, 0] = SIDE - 1 - mirrored[:, 0]
        return (points + mirrored) / 2

    def _raw(self, image: np.ndarray, box: Box) -> np.ndarray:
        # dlib's rectangles include their last pixels.
        inside = self.rectangle(*(round(edge + 0.5) for edge in box[:2]), *(round(edge - 0.5) for edge in box[2:]))
        return np.array([(part.x, part.y) for part in self.trees(image, inside).parts()], np.float64)


def _of_chip(rectangle: Any) -> Box:
    """What HOG saw in the middle of the chip, in the chip; dlib's rectangles include their last pixels."""
    edges = rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1
    scale = (SIDE - 2 * EDGE) / SEEN_SIDE
    x0, y0, x1, y1 = (EDGE + scale * edge - 0.5 for edge in edges)
    return x0, y0, x1, y1


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
