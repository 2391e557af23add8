"""Measures of 68 points and of boxes, shared by every backend."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from fishprep.landmarks.base import Box, Face

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
"""As the viewer sees them."""

NOSE_TIP, LEFT_MOUTH, RIGHT_MOUTH = 30, 48, 54

# fmt: off
MIRROR = (
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,  # jaw
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17,  # brows
    27, 28, 29, 30, 35, 34, 33, 32, 31,  # nose
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,  # eyes
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,  # lips
)
# fmt: on
"""In a mirrored photo, point k lies where point MIRROR[k] was."""


class Scored(Protocol):
    """A box and how sure its detector is of it."""

    @property
    def box(self) -> Box: ...
    @property
    def score(self) -> float: ...


AnyScored = TypeVar("AnyScored", bound=Scored)


def eye_centres(points: np.ndarray) -> np.ndarray:
    """(2, 2): the mean of the six points of each eye of (68, 2) points, the viewer's left eye first."""
    return np.stack([points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)])


def interocular(points: np.ndarray) -> float:
    """Distance between the two eye centres of (68, 2) points."""
    left, right = eye_centres(points)
    return float(np.linalg.norm(right - left))


def box_of_points(points: np.ndarray) -> Box:
    """The smallest box that holds (N, 2) points."""
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def area(box: Box) -> float:
    """0 where the box is turned inside out."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    shared = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = area(a) + area(b) - shared
    return shared / union if union > 0 else 0.0


def without_doubles(found: Iterable[AnyScored], limit: float) -> list[AnyScored]:
    """By falling score, without those whose box overlaps that of a surer one by more than `limit`."""
    kept: list[AnyScored] = []
    for each in sorted(found, key=lambda each: -each.score):
        if all(overlap(each.box, other.box) <= limit for other in kept):
            kept.append(each)
    return kept


def left_to_right(faces: Sequence[Face]) -> list[Face]:
    """By the centre of the points; the upper one first where two are level."""
    return sorted(faces, key=lambda face: tuple(face.points.mean(axis=0, dtype=np.float64)))
