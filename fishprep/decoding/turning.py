"""Stored pictures → upright ones, by their EXIF orientation."""

import numpy as np

SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations by which width and height change places."""


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, ...) of a stored picture, turned (and mirrored) so that it stands upright; 1 leaves them as they are."""
    if orientation in SIDEWAYS:
        values = values.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(values[::rows, ::columns])
