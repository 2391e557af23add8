"""Where a data set's own files say that a face is."""

import numpy as np

from fishprep.landmarks.base import Box, Reference
from fishprep.landmarks.geometry import box_of_points

CELEBA_ALIGNED_EYES = np.array([[69.3, 112.5], [107.7, 112.5]], np.float32)
"""Eye centres in the aligned 178x218 images of CelebA, the viewer's left eye first. Median of the 68-point landmarks of 8,273
images in which dlib's HOG detector finds the face; half of all faces have both eyes within 0.05 inter-ocular distances of them,
90 % within 0.10."""
CELEBA_ALIGNED_EYES.setflags(write=False)

BOX_SIDE = 2.4
BOX_BELOW = 0.55
"""dlib's HOG box around a face: its side, and how far its centre lies below the middle between the eyes, in inter-ocular
distances. Measured on the same images (median and mean)."""


def box_of_eyes(eyes: np.ndarray, size: float | None = None) -> Box:
    """Where dlib's HOG detector would see the face with the eye centres (2, 2).

    size: in place of the distance between the eyes, which shrinks as a face turns away.
    """
    left, right = np.asarray(eyes, np.float64)
    across = right - left
    distance = float(np.hypot(*across))
    down = np.array([-across[1], across[0]]) / distance if distance > 0 else np.array([0.0, 1.0])
    size = distance if size is None else size
    x, y = (left + right) / 2 + down * BOX_BELOW * size
    half = BOX_SIDE * size / 2
    return float(x - half), float(y - half), float(x + half), float(y + half)


def known_eyes(reference: Reference) -> np.ndarray | None:
    """The eye centres (2, 2) that are annotated, else those that the alignment implies, else None."""
    return reference.eyes if reference.five is None else reference.five[:2]


def annotated_box(reference: Reference) -> Box | None:
    """Where the annotated face is by the best of what is known: 68 points, 5 points, face box, place of the eyes."""
    if reference.points is not None:
        return box_of_points(reference.points)
    if reference.five is not None:
        eyes, mouth = reference.five[:2], reference.five[3:]
        apart = np.linalg.norm(eyes[1] - eyes[0])
        drop = np.linalg.norm(mouth.mean(axis=0) - eyes.mean(axis=0))
        return box_of_eyes(eyes, float(max(apart, drop)))
    if reference.box is not None:
        return reference.box
    return None if reference.eyes is None else box_of_eyes(reference.eyes)
