"""The fine detail of a picture, by which the same photo is told from another of the same kind."""

import numpy as np

from fishprep.common.opencv import cv2

DETAIL_SIZE = 32
"""Pixels a side of the pictures that are compared."""

LEAST_CORRELATION = 0.78
"""Of the fine detail of two pictures that are one. Halfway between the weakest true pair on CelebA (0.86: the same photo in other
colours) and the strongest of two different photos (0.70: two frames of one moment)."""


def fine_detail(pictures: np.ndarray) -> np.ndarray:
    """pictures (M, 32, 32, 3) uint8 RGB → (M, 576) float32 of unit length: the middle of the grey picture less its blurred self.

    What two photos of different people share (light, hair, the layout of any face) is coarse, and is gone.
    """
    details = np.empty((len(pictures), (DETAIL_SIZE * 3 // 4) ** 2), np.float32)
    margin = DETAIL_SIZE // 8
    for i, picture in enumerate(pictures):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine = (grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[margin:-margin, margin:-margin].ravel()
        fine -= fine.mean()
        details[i] = fine / max(float(np.linalg.norm(fine)), 1e-6)
    return details
