"""A second look at the place of a weak detection, as it is and turned by half: tells faces that stand upside down.

On a face that stands upside down dlib's HOG detector now and then sees one that stands upright, brows on the mouth, with a score of
0.0 to 0.6; turned by half, the same place has 0.4 to 3.6. On upright faces the turned place is hardly ever the surer one, and then
by 0.16 at most (8,442 CelebA faces, see `docs/landmarks.md`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fishprep.landmarks.base import Box
from fishprep.landmarks.chip import cut_chip
from fishprep.landmarks.geometry import overlap

WEAK = 1.0
"""Score below which a detection is looked at again."""

SURER = 0.2
"""How much surer the detector must be of the turned place."""

LONE_FLOOR = 0.1
"""Score below which a detection is not believed that the second look hardly sees: with less than ..."""
HARDLY_SEEN = -0.2
"""... this score, where nothing else speaks for it."""

TRACE_SCORE = -0.9
"""A HOG score that most of the faces that the detector misses reach, and noise and textures hardly ever; its own threshold
is 0."""

_FACE, _MARGIN = 96, 144
"""Pixels of the looked-at chip: the detection's box in its middle, and what is shown on each side of it, as the face that stands
upside down can be larger than the box and lie beside its middle."""

_TOUCHES = 0.05
"""Overlap (intersection over union) from which what the second look sees is at the place."""


@dataclass(frozen=True)
class SecondLook:
    """hog: dlib's frontal face detector."""

    hog: Any

    def doubt(self, image: np.ndarray, box: Box, score: float, lone: bool = True) -> str:
        """Why a detection of this score is not to be believed; empty where it is. lone: nothing else speaks for a face there."""
        if score >= WEAK:
            return ""
        chip = cut_chip(image, box, _FACE + 2 * _MARGIN, _MARGIN).image
        turned = self._best(chip[::-1, ::-1])
        if turned > score + SURER:
            return (
                f"the face stands upside down: detector's score {score:.2f}, {turned:.2f} in the photo turned by half"
            )
        if lone and score < LONE_FLOOR and self._best(chip) < HARDLY_SEEN:
            return f"only a weak detection (score {score:.2f}), which a second look does not confirm"
        return ""

    def doubt_of_other(self, image: np.ndarray, box: Box) -> str:
        """The same of another detector's face, whose score says nothing here: for it counts what HOG sees there upright."""
        chip = cut_chip(image, box, _FACE + 2 * _MARGIN, _MARGIN).image
        return self.doubt(image, box, max(self._best(chip), WEAK / 2))

    def _best(self, chip: np.ndarray) -> float:
        """Score of the surest detection at the place; `TRACE_SCORE` where there is none."""
        rectangles, scores, _ = self.hog.run(np.ascontiguousarray(chip), 0, TRACE_SCORE)
        edge = _MARGIN - 0.5
        place = (edge, edge, edge + _FACE, edge + _FACE)
        boxes = [(r.left() - 0.5, r.top() - 0.5, r.right() + 0.5, r.bottom() + 0.5) for r in rectangles]
        at_place = [score for box, score in zip(boxes, scores, strict=True) if overlap(box, place) >= _TOUCHES]
        return max(at_place, default=TRACE_SCORE)
