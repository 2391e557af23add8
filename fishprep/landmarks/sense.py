"""Whether 68 points can be those of a face: their order and sense in the points' own frame, and their place in the photo."""

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# fmt: off
MEAN_FACE = np.array(
    [
        *((-1.33, -0.7), (-1.32, -0.35), (-1.28, 0.01), (-1.21, 0.35), (-1.08, 0.68), (-0.87, 0.96), (-0.62, 1.2), (-0.33, 1.4)),  # jaw
        *((0, 1.46), (0.33, 1.4), (0.62, 1.2), (0.87, 0.96), (1.08, 0.68), (1.21, 0.35), (1.28, 0.01), (1.32, -0.35)),
        *((1.33, -0.7),),
        *((-1.07, -0.96), (-0.9, -1.1), (-0.68, -1.13), (-0.44, -1.1), (-0.22, -1), (0.22, -1), (0.44, -1.1), (0.68, -1.13)),  # brows
        *((0.9, -1.1), (1.07, -0.96)),
        *((0, -0.74), (0, -0.51), (0, -0.28), (0, -0.04), (-0.26, 0.1), (-0.13, 0.15), (0, 0.19), (0.13, 0.15)),  # nose
        *((0.26, 0.1),),
        # eyes
        *((-0.8, -0.71), (-0.66, -0.8), (-0.49, -0.79), (-0.34, -0.68), (-0.5, -0.65), (-0.67, -0.65), (0.34, -0.68), (0.49, -0.79)),
        *((0.66, -0.8), (0.8, -0.71), (0.67, -0.65), (0.5, -0.65)),
        *((-0.52, 0.51), (-0.33, 0.44), (-0.14, 0.4), (0, 0.43), (0.14, 0.4), (0.33, 0.44), (0.52, 0.51), (0.34, 0.71)),  # lips
        *((0.15, 0.8), (0, 0.82), (-0.15, 0.8), (-0.34, 0.71), (-0.44, 0.53), (-0.14, 0.52), (0, 0.53), (0.14, 0.52)),
        *((0.44, 0.53), (0.14, 0.62), (0, 0.64), (-0.14, 0.62)),
    ]
)
# fmt: on
"""The mean upright face: x right, y down, centred, at a root-mean-square distance of 1 from its centre. Of dlib's points of 8,442
CelebA faces, made symmetric."""
MEAN_FACE.setflags(write=False)

LIKE_A_FACE = 0.7
"""Least likeness to the mean face, turned, moved and scaled as fits best (1 is equal). Faces have 0.91 and more (8,442 of CelebA,
91 annotated by hand), points in another order 0.4 or less."""

LEANS = 45.0
"""Degrees of roll from which a face is asked whether it stands upright in the photo before its EXIF turn."""

_SIDES = {
    "eyes": (slice(36, 42), slice(42, 48)),
    "brows": (slice(17, 22), slice(22, 27)),
    "corners of the mouth": (slice(48, 49), slice(54, 55)),
    "sides of the jaw": (slice(0, 6), slice(11, 17)),
}
_LEVELS = {
    "brows": slice(17, 27),
    "eyes": slice(36, 48),
    "nose": slice(31, 36),
    "mouth": slice(48, 60),
    "chin": slice(6, 11),
}

_REFLECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "x and y are exchanged": lambda points: points[:, ::-1],
    "they are of the mirrored picture, or left and right are exchanged": lambda points: points * (-1, 1),
    "y is counted from below": lambda points: points * (1, -1),
}
"""Probable cause → what undoes it."""

_TURNS: dict[int, Callable[[np.ndarray, int, int], np.ndarray]] = {
    2: lambda points, width, height: points * (-1, 1) + (width - 1, 0),
    3: lambda points, width, height: points * (-1, -1) + (width - 1, height - 1),
    4: lambda points, width, height: points * (1, -1) + (0, height - 1),
    5: lambda points, width, height: points[:, ::-1],
    6: lambda points, width, height: points[:, ::-1] * (-1, 1) + (width - 1, 0),
    7: lambda points, width, height: points[:, ::-1] * (-1, -1) + (width - 1, height - 1),
    8: lambda points, width, height: points[:, ::-1] * (1, -1) + (0, height - 1),
}
"""EXIF orientation → how points go from the stored picture into the upright one of width x height pixels."""


@dataclass(frozen=True)
class Shown:
    """The photo that points are said to be of: its upright size in pixels and the EXIF orientation that made it so."""

    width: int
    height: int
    orientation: int = 1

    def outside(self, points: np.ndarray) -> float:
        """Share of the points that lie outside the photo."""
        limits = np.array([self.width, self.height]) - 0.5
        return float(((points < -0.5) | (points > limits)).any(axis=1).mean())

    def turned(self, points: np.ndarray) -> np.ndarray | None:
        """Points of the stored picture in the upright one; None where EXIF does not turn it."""
        turn = _TURNS.get(self.orientation)
        return None if turn is None else turn(points, self.width, self.height)


def roll(points: np.ndarray) -> float:
    """Degrees by which the face of (68, 2) points is turned clockwise; as all 68 have it, whatever its pose."""
    return math.degrees(cmath.phase(_onto_mean(points)))


def misfit(points: np.ndarray) -> str:
    """Why (68, 2) points cannot be those of a face that stands upright, as far as the points themselves tell; else empty."""
    points = np.asarray(points, np.float64)
    if not _spread(points) > 0:
        return "all points lie in one place"
    direct, reflected = abs(_onto_mean(points)), abs(_onto_mean(points * (-1, 1)))
    if reflected > direct and reflected >= LIKE_A_FACE:
        cause = min(_REFLECTIONS, key=lambda cause: abs(roll(_REFLECTIONS[cause](points))))
        return f"the points have the sense of a mirrored face: probably {cause}"
    if direct < LIKE_A_FACE:
        return "the points are not those of a face in iBUG's order of 68"
    if disorder := _disorder(points):
        return f"the points do not make a face: {disorder}"
    if abs(roll(points)) > 90:
        return "the face of the points stands upside down: probably they are of the picture turned by half"
    return ""


def misplacement(points: np.ndarray, shown: Shown) -> str:
    """Why (68, 2) points of somebody's file cannot be those of a face in this photo, with the probable cause; else empty."""
    points = np.asarray(points, np.float64)
    if 0 < np.ptp(points, axis=0).max() <= 2 < min(shown.width, shown.height):
        return "the points span less than two pixels: probably they are normalised (to 0-1); give them in pixels"
    fault, outside = misfit(points), shown.outside(points)
    turned = shown.turned(points)
    wrong = bool(fault) or outside > 0.5 or abs(roll(points)) > LEANS
    if wrong and turned is not None and _stands_upright_in(turned, shown):
        return "the points are of the picture as it is stored: give them for the one that EXIF turns upright"
    if fault:
        return fault
    if outside > 0.5:
        return f"{outside:.0%} of the points lie outside the photo: probably they are of the picture in another size"
    return _other_count(points, shown)


def _stands_upright_in(points: np.ndarray, shown: Shown) -> bool:
    return not misfit(points) and shown.outside(points) <= 0.5 and abs(roll(points)) <= LEANS


def _other_count(points: np.ndarray, shown: Shown) -> str:
    """Points that end exactly one pixel beyond the photo's pixels are counted otherwise."""
    low, high, last = points.min(axis=0), points.max(axis=0), np.array([shown.width, shown.height]) - 1
    if (low >= 1).all() and (high <= last + 1).all() and (high == last + 1).any():
        return "the points end one pixel outside the photo: probably they are one-based; count from 0"
    if (low >= -1).all() and (high <= last - 1).all() and (low == -1).any():
        return "the points begin one pixel outside the photo: probably they are zero-based, and .pts counts from 1"
    return ""


def _disorder(points: np.ndarray) -> str:
    """Which parts stand in the wrong order once the points are turned upright."""
    unturned = np.conj(_onto_mean(points)) / abs(_onto_mean(points))
    own = (points[:, 0] + 1j * points[:, 1]) * unturned
    for name, (left, right) in _SIDES.items():
        if own[left].real.mean() >= own[right].real.mean():
            return f"left and right of the {name} are exchanged"
    heights = {name: float(own[part].imag.mean()) for name, part in _LEVELS.items()}
    for upper, lower in zip(list(heights)[:-1], list(heights)[1:], strict=True):
        if heights[upper] >= heights[lower]:
            return f"the {upper} below the {lower}"
    return ""


def _onto_mean(points: np.ndarray) -> complex:
    """The similarity that best lays the mean face onto the points: its angle is their roll, its size their likeness (0 to 1)."""
    centred = points - points.mean(axis=0)
    spread = _spread(points)
    if not spread > 0:
        return 0j
    shape, mean = centred[:, 0] + 1j * centred[:, 1], MEAN_FACE[:, 0] + 1j * MEAN_FACE[:, 1]
    return complex(np.vdot(mean, shape)) / (len(points) * spread * float(np.sqrt((abs(mean) ** 2).mean())))


def _spread(points: np.ndarray) -> float:
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
