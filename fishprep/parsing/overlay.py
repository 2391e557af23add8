"""Maps shown over the images that they are of."""

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.parsing.classes import ClassOrder, palette


def overlay(image: np.ndarray, classes: np.ndarray, order: ClassOrder) -> np.ndarray:
    """The classes' colours laid over an image, its background as it is: (H, W, 3) uint8."""
    mixed = cv2.addWeighted(image, 0.5, palette(order)[classes], 0.5, 0)
    return np.where(classes[..., None] == 0, image, mixed)  # 0 is background in both orders
