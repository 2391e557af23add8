"""What a picture is: an LR face, a face crop, or a photo."""

from dataclasses import replace
from enum import StrEnum

import numpy as np

from fishfsr.inference.sizes import SMALLEST_SIDE
from fishfsr.models.config import SCALES
from fishprep.faces.crop import CropRecipe
from fishprep.landmarks.base import Face
from fishprep.landmarks.geometry import overlap
from fishprep.shards.schema import HR_SIZE

LARGEST_LR_SIDE = HR_SIZE // min(SCALES)
"""Pixels a side of the largest LR face: that of the smallest scale."""

SQUARE_ENOUGH = 1.25
"""Ratio of the sides up to which a picture may be guessed to be a crop; those of the recipes are nearer to 1."""

CROP_OVERLAP = 0.7
"""Overlap (intersection over union) of the only face's crop box with the picture from which it is a face crop.

CelebA's aligned 178x218 images, which are not, have 0.5; a crop 15 % too tight or too loose has 0.75.
"""


class Kind(StrEnum):
    """What an input is taken for."""

    ALIGNED = "aligned"  # an LR face, cut as in training: straight through
    CROP = "crop"  # a face, cut as in training, of any size
    PHOTO = "photo"  # faces are to be found


def could_be_aligned(width: int, height: int) -> bool:
    """Whether a picture is of an LR face's size and about square; nothing as small is a photo in which to search."""
    return min(width, height) >= SMALLEST_SIDE and max(width, height) <= LARGEST_LR_SIDE and _squarish(width, height)


def looks_like_crop(image: np.ndarray, faces: tuple[Face, ...], recipe: CropRecipe) -> bool:
    """Whether the only face's crop box is nearly the whole of a picture (H, W, 3)."""
    height, width = image.shape[:2]
    if len(faces) != 1 or not _squarish(width, height):
        return False
    try:
        # a picture that is a crop has no corners beyond it, however the face in it is turned
        box = replace(recipe, upright=False).box(faces[0].points, width, height)
    except ValueError:
        return False
    return overlap(box, (-0.5, -0.5, width - 0.5, height - 0.5)) >= CROP_OVERLAP


def _squarish(width: int, height: int) -> bool:
    return max(width, height) <= SQUARE_ENOUGH * min(width, height)
