"""What a detector is: pictures in, places of faces out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1: edges, in the coordinates of `docs/coordinates.md` (the whole photo is -0.5, -0.5, W - 0.5, H - 0.5)."""

RUNTIME = "onnxruntime"
"""The distribution of what computes detectors' networks on a CPU; on other devices PyTorch does."""


@dataclass(frozen=True, eq=False)
class Detection:
    """A face that a detector sees.

    score: the detector's own confidence, larger is surer; scores of two detectors do not compare.
    points: (6, 2) float64: the viewer's left eye of the upright face, the right one, tip of the nose, middle of the mouth, left and
        right ear; None where the detector sees none.
    """

    box: Box
    score: float
    points: np.ndarray | None = None


class Detector(Protocol):
    """Finds faces in a batch of pictures; what it finds in one depends on that one alone."""

    name: str
    weights: Mapping[str, str]

    def find(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """The faces of each picture (H, W, 3) uint8 RGB, surest first; none is an empty list."""
        ...
