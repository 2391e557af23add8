"""Squares of a picture, at sizes at which a detector of fixed input sees faces of all sizes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from fishprep.common.opencv import cv2


@dataclass(frozen=True, eq=False)
class Tile:
    """image (height, width, 3) uint8, no side longer than the square's, black outside the picture; a pixel of it is `scale` pixels
    of the picture, its left upper corner lies at x, y (edges, as in `docs/coordinates.md`)."""

    image: np.ndarray
    x: float
    y: float
    scale: tuple[float, float]
    turns: int = 0
    """Quarter turns against the clock by which the image is turned, after it was cut."""

    def turned(self, turns: int) -> "Tile":
        """The same square, turned once more."""
        return replace(self, image=np.ascontiguousarray(np.rot90(self.image, turns)), turns=(self.turns + turns) % 4)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) points from tile edges (0 to its height and width) to picture coordinates."""
        height, width = self.image.shape[:2]
        for _ in range(self.turns):
            points = np.stack((height - points[..., 1], points[..., 0]), -1)
            height, width = width, height
        return points * self.scale + (self.x, self.y)


def first_side(height: int, width: int, side: int, least: int, step: int) -> int:
    """Longer side at which a picture is searched as a whole: `side`; of a smaller picture its own, to the next multiple of `step`,
    and at least `least`."""
    return min(side, max(least, step * ceil(max(height, width) / step)))


def search_sides(height: int, width: int, side: int, smallest: float) -> list[int]:
    """Longer sides at which a picture is searched: `side`, twice that, ... while a pixel of the next would be no smaller than
    `smallest` pixels of the picture."""
    longer = max(height, width)
    found = [side]
    while longer / (2 * found[-1]) >= smallest:
        found.append(2 * found[-1])
    return found


def tiles(image: np.ndarray, longer: int, side: int, shared: int, step: int | None = None) -> Iterator[Tile]:
    """The squares of a picture (H, W, 3) resized to `longer` pixels of longer side; neighbours share at least `shared` pixels.

    step: where the picture is smaller than a square, the tile's height or width is the next multiple of so many; None: `side`.
    """
    height, width = image.shape[:2]
    factor = longer / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(image, size, interpolation=method)
    scale = width / size[0], height / size[1]
    for top in _starts(size[1], side, shared):
        for left in _starts(size[0], side, shared):
            part = resized[top : top + side, left : left + side]
            whole = [(step or side) * ceil(length / (step or side)) for length in part.shape[:2]]
            padded = np.zeros((*whole, 3), np.uint8)
            padded[: part.shape[0], : part.shape[1]] = part
            yield Tile(padded, left * scale[0] - 0.5, top * scale[1] - 0.5, scale)


def _starts(length: int, side: int, shared: int) -> list[int]:
    if length <= side:
        return [0]
    count = ceil((length - shared) / (side - shared))
    return [round(index * (length - side) / (count - 1)) for index in range(count)]
