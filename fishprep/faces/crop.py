"""68 points → crop box → crop, by named recipes.

A box is given by its edges in the project's coordinates (pixel k spans k - 0.5 to k + 0.5), always on pixel edges: a crop
is cut, never interpolated, and only then resized. A turned one (`faces/turned.py`) may lie between them, and is interpolated once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fishprep.faces.turned import cut_level, eye_angle, middle, reach, turned_about, turned_outside_share
from fishprep.landmarks.base import Box


@dataclass(frozen=True)
class CropRecipe:
    """How a crop is cut. `name` is a key of `RECIPES`; `expand` scales the box, None for the recipe's own factor. upright: turned
    until the eyes are level, which only a rule of `CAN_TURN` knows."""

    name: str = "square"
    expand: float | None = None
    upright: bool = False

    def angle(self, points: np.ndarray) -> float:
        """Degrees by which the crop of a face with `points` (68, 2) stands turned clockwise in the photo; 0 unless `upright`."""
        return eye_angle(points) if self.upright else 0.0

    def box(self, points: np.ndarray, width: int, height: int) -> Box:
        """The crop box of a face with `points` (68, 2) in a photo of width x height pixels; it stands turned by `angle(points)`.

        Raises ValueError where the points span less than a pixel or, with `dic`, lie wholly outside the photo.
        """
        rule, usual = RECIPES[self.name]
        expand = usual if self.expand is None else self.expand
        if angle := self.angle(points):
            return _level_square(points, angle, expand)
        return rule(points, (width, height), expand)


def square_box(points: np.ndarray, size: tuple[int, int], expand: float) -> Box:
    """A square centred on the box of the points, its side `expand` times the longer side, rounded to whole pixels.

    It may reach outside the photo. At `expand` = 1.5 the bicubic baseline on CelebA is the one that the paper prints.
    """
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    side = round(expand * max(right - left, bottom - top))
    if side < 1:
        raise ValueError("the landmarks span less than a pixel")
    x0 = _edge((left + right - side) / 2)
    y0 = _edge((top + bottom - side) / 2)
    return x0, y0, x0 + side, y0 + side


def dic_box(points: np.ndarray, size: tuple[int, int], expand: float) -> Box:
    """DIC's rule (`bbox_generator`, as its authors gave it): from the box of the points in whole pixels a centred square of
    the shorter side, enlarged by int(side · 0.3 / 2) on each side, clipped to the photo.

    As there, a box clipped at the left or the top moves instead, so that only the right and the bottom edge can make it
    other than square; it is then stretched to 128². Halves are rounded to even, as Pillow's `crop` rounds them.
    `expand` is 1 plus the share added (DIC: 1.3).
    """
    left, top = (int(edge) for edge in points.min(axis=0))
    box_width, box_height = (int(extent) for extent in np.ptp(points, axis=0))
    side = min(box_width, box_height)
    if side < 1:
        raise ValueError("the landmarks span less than a pixel")
    margin = int(side * (expand - 1) / 2)
    starts = (max(0, left + (box_width - side) / 2 - margin), max(0, top + (box_height - side) / 2 - margin))
    ends = (min(start + side + 2 * margin, most) for start, most in zip(starts, size, strict=True))
    x0, y0, x1, y1 = (round(edge) - 0.5 for edge in (*starts, *ends))
    if x1 - x0 < 1 or y1 - y0 < 1:
        raise ValueError("the crop lies outside the photo")
    return x0, y0, x1, y1


def whole_box(points: np.ndarray, size: tuple[int, int], expand: float) -> Box:
    """The whole picture: somebody else has cropped it. Whether it is square, who crops asks (`FacePipeline`)."""
    width, height = size
    return -0.5, -0.5, width - 0.5, height - 0.5


UNCROPPED = "none"
"""The recipe of pictures that are face crops already, by a rule that is not known here."""

RECIPES: dict[str, tuple[Callable[[np.ndarray, tuple[int, int], float], Box], float]] = {
    "square": (square_box, 1.5),
    "dic": (dic_box, 1.3),
    UNCROPPED: (whole_box, 1.0),
}
"""Name → (rule, its own `expand`)."""

CAN_TURN = frozenset({"square"})
"""DIC's rule clips its box to the photo, whose edges mean nothing to a turned one."""

VERSIONS = {"square": 1, "dic": 1, UNCROPPED: 1}
"""Of the box that each rule gives, and of how it is cut: whoever changes either raises it."""


def cut(image: np.ndarray, box: Box, angle: float = 0.0) -> np.ndarray:
    """The pixels of `box` out of `image` (H, W, C), padded by replication where the box reaches outside.

    angle: at which it stands in the photo; its pixels are interpolated where that is not 0.
    """
    if angle:
        return cut_level(cut(image, reach(box, angle)), box, angle)
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (math.floor(edge + 0.5) for edge in box)
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return image[y0:y1, x0:x1]
    columns = np.clip(np.arange(x0, x1), 0, width - 1)
    rows = np.clip(np.arange(y0, y1), 0, height - 1)
    return image[rows[:, None], columns]


def outside_share(box: Box, width: int, height: int, angle: float = 0.0) -> float:
    """Share of the box's area that lies outside the photo, in [0, 1]."""
    if angle:
        return turned_outside_share(box, angle, width, height)
    x0, y0, x1, y1 = box
    inner_width = max(0.0, min(x1, width - 0.5) - max(x0, -0.5))
    inner_height = max(0.0, min(y1, height - 0.5) - max(y0, -0.5))
    return 1.0 - inner_width * inner_height / ((x1 - x0) * (y1 - y0))


def to_crop(points: np.ndarray, box: Box, size: int = 128, angle: float = 0.0) -> np.ndarray:
    """Points (..., 2) of the photo in pixels of the crop resized to size²: x' = (x - x0) · size / (x1 - x0) - 0.5; float32.

    angle: of a crop that stands turned; the points are turned back about the middle of the box first.
    """
    x0, y0, x1, y1 = box
    if angle:
        points = turned_about(points, middle(box), -angle)
    scale = np.array([size / (x1 - x0), size / (y1 - y0)])
    return ((np.asarray(points, np.float64) - (x0, y0)) * scale - 0.5).astype(np.float32)


def to_photo(points: np.ndarray, box: Box, size: int = 128, angle: float = 0.0) -> np.ndarray:
    """The way back of `to_crop`: points (..., 2) in pixels of the crop resized to size² in the photo; float64."""
    x0, y0, x1, y1 = box
    scale = np.array([(x1 - x0) / size, (y1 - y0) / size])
    level = (np.asarray(points, np.float64) + 0.5) * scale + (x0, y0)
    return turned_about(level, middle(box), angle) if angle else level


def _level_square(points: np.ndarray, angle: float, expand: float) -> Box:
    """The square of `square_box`, of the points as they lie when the photo is turned back by `angle`."""
    pivot = points.mean(axis=0, dtype=np.float64)
    level = turned_about(points, pivot, -angle)
    low, high = level.min(axis=0), level.max(axis=0)
    side = round(expand * float((high - low).max()))
    if side < 1:
        raise ValueError("the landmarks span less than a pixel")
    # not moved to pixel edges, which its turning would take it away from
    x0, y0 = (turned_about((low + high) / 2, pivot, angle) - side / 2).astype(np.float32).tolist()
    return x0, y0, x0 + side, y0 + side


def _edge(coordinate: float) -> float:
    """The pixel edge (k - 0.5) nearest to a coordinate."""
    return math.floor(coordinate + 1.0) - 0.5
