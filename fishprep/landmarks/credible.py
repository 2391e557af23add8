"""What of a data set's own annotation can be of a face in the photo at hand; the rest is passed over."""

from dataclasses import dataclass, replace

import numpy as np

from fishprep.common.words import joined
from fishprep.landmarks.base import Reference


@dataclass(frozen=True, eq=False)
class Credible:
    """A reference without what cannot be true, and a note of what was passed over; empty where nothing was."""

    reference: Reference
    note: str = ""


def credible(reference: Reference, width: int, height: int) -> Credible:
    """What of a reference can be in a photo of `width` x `height` pixels, its box and its five points held against it.

    Lists of large sets have boxes of no size and points at (0, 0) where nobody marked anything: taken at their word they would
    drop good faces.
    """
    box = "" if reference.box is None else _fault(np.reshape(reference.box, (2, 2)), width, height)
    five = "" if reference.five is None else _fault(reference.five, width, height)
    if not five and reference.five is not None and (reference.five[0] == reference.five[1]).all():
        five = "both eyes in one place"
    if not (box or five):
        return Credible(reference)
    kept = replace(reference, box=None if box else reference.box, five=None if five else reference.five)
    told = (
        f"annotated box passed over: {box}" if box else "",
        f"annotated five points passed over: {five}" if five else "",
    )
    return Credible(kept, joined(*told))


def _fault(corners: np.ndarray, width: int, height: int) -> str:
    """What is wrong with a box (its two corners) or with points (n, 2); empty where nothing is."""
    if not np.isfinite(corners).all():
        return "no numbers"
    box = len(corners) == 2
    low, high = (corners[0], corners[1]) if box else (corners.min(axis=0), corners.max(axis=0))
    if (high <= low).any() if box else (high <= low).all():
        return "no extent"
    if (high <= -0.5).any() or (low >= np.array([width, height]) - 0.5).any():
        return "off the picture"
    return ""
