"""Pictures without a face that look like nothing else."""

import cv2
import numpy as np
from PIL import Image


def scene(number: int) -> Image.Image:
    """A picture with coarse and fine detail, another one for each number."""
    rng = np.random.default_rng(number)
    layers = [cv2.resize(rng.integers(0, 256, (size, size, 3)).astype(np.uint8), (160, 200)) for size in (5, 24)]
    return Image.fromarray((layers[0] * 0.6 + layers[1] * 0.4).astype(np.uint8))
