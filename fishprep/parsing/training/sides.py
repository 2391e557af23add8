"""The left and right of a face's labels: people who label faces exchange them now and then."""

import numpy as np

from fishprep.parsing.classes import PAIRS, ClassOrder, FaceClass, number
from fishprep.parsing.labelled import face_box
from fishprep.parsing.training.views import MIRROR

APART = 0.1  # of the face's width: how far beyond each other the two sides must lie before they are called exchanged


def put_right(classes: np.ndarray) -> np.ndarray:
    """The map (H, W) uint8 in CelebAMask-HQ's order with eyes, brows and ears under the names of their own sides.

    The subject's left lies right of its right in a picture of a face that stands about upright. Where the eyes say clearly that
    the labels have it the other way round, all pairs change places; brows decide where an eye has no label. (In five of a hundred faces
    of CelebAMask-HQ that were looked at, they do.)
    """
    width = face_box(classes)[2] - face_box(classes)[0]
    for left, right in PAIRS[:2]:
        middles = [_middle(classes, side) for side in (left, right)]
        if None not in middles:
            exchanged = middles[1] - middles[0] > APART * width  # type: ignore[operator]
            return MIRROR[classes] if exchanged else classes
    return classes


def _middle(classes: np.ndarray, face_class: FaceClass) -> float | None:
    columns = np.flatnonzero(classes == number(face_class, ClassOrder.CELEBAMASK)) % classes.shape[1]
    return float(columns.mean()) if len(columns) else None
