"""Squares that stand turned in a photo, so that the eyes of the face in them are level.

Such a square is given by its `box`, as it lies when the photo is turned about the middle of the box until the eyes are level, and
by its `angle`: the degrees by which the face is turned clockwise in the photo. At 0 a box is what it always was.
"""

import math

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.landmarks.base import Box
from fishprep.landmarks.geometry import eye_centres

VERSION = 1
"""Of the angle, of the box at it and of how it is cut: whoever changes any of them raises it."""

MARGIN = 5
"""Pixels around a turned square that its interpolation reads."""


def eye_angle(points: np.ndarray) -> float:
    """Degrees in [-180, 180], to the precision of float32, by which the line of the eyes of (68, 2) points is turned clockwise."""
    (left_x, left_y), (right_x, right_y) = eye_centres(points.astype(np.float64)).tolist()
    return float(np.float32(math.degrees(math.atan2(right_y - left_y, right_x - left_x))))


def turned_about(points: np.ndarray, centre: np.ndarray, angle: float) -> np.ndarray:
    """Points (..., 2) turned clockwise by `angle` degrees about `centre` (2,); float64."""
    return (np.asarray(points, np.float64) - centre) @ _turn(angle).T + centre


def middle(box: Box) -> np.ndarray:
    """(2,) float64: the middle of a box, which its turning leaves where it is."""
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])


def corners(box: Box, angle: float) -> np.ndarray:
    """(4, 2) float64: where the corners of a turned box lie in the photo; the face's upper left one first, then clockwise."""
    x0, y0, x1, y1 = box
    return turned_about(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), middle(box), angle)


def reach(box: Box, angle: float) -> Box:
    """The upright box, on pixel edges, of all pixels that `cut_level` reads."""
    places = corners(box, angle)
    x0, y0 = (math.floor(edge) - MARGIN - 0.5 for edge in places.min(axis=0).tolist())
    x1, y1 = (math.ceil(edge) + MARGIN + 0.5 for edge in places.max(axis=0).tolist())
    return x0, y0, x1, y1


def cut_level(part: np.ndarray, box: Box, angle: float) -> np.ndarray:
    """The turned square, level, one pixel of it for a pixel of the photo; `part` (H, W, C) are the pixels of its `reach`.

    Interpolated by Lanczos's kernel of 8x8 pixels: no pixel is averaged over, as the square is not made smaller.
    """
    left, top, _, _ = reach(box, angle)
    side = (round(box[2] - box[0]), round(box[3] - box[1]))
    turn, centre = _turn(angle), middle(box)
    first = turn @ (np.array(box[:2]) + 0.5 - centre) + centre - (left + 0.5, top + 0.5)
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    level = cv2.warpAffine(part, np.column_stack((turn, first)), side, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return level.reshape(side[1], side[0], part.shape[2])


def turned_outside_share(box: Box, angle: float, width: int, height: int) -> float:
    """Share of a turned box's area that lies outside the photo, in [0, 1]."""
    photo = np.array([(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)])
    # about the middle of the box, as float32 is what OpenCV counts in
    shapes = ((shape - middle(box)).astype(np.float32) for shape in (corners(box, angle), photo))
    inside, _ = cv2.intersectConvexConvex(*shapes)
    return min(1.0, max(0.0, 1.0 - float(inside) / ((box[2] - box[0]) * (box[3] - box[1]))))


def _turn(angle: float) -> np.ndarray:
    """(2, 2): turns clockwise, where y points down."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([[cos, -sin], [sin, cos]])
