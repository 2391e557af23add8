"""A mask on its picture: whether it turns with it, and the size in which both meet."""

import numpy as np
from PIL import Image

from fishprep.common.opencv import cv2
from fishprep.decoding.turning import SIDEWAYS, upright
from fishprep.parsing.classes import ClassOrder, FaceClass, number

_EYES = (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE, FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW)
_MOUTH = (FaceClass.MOUTH, FaceClass.UPPER_LIP, FaceClass.LOWER_LIP)


def same_shape(mask: tuple[int, ...], picture: tuple[int, int]) -> tuple[int, int] | None:
    """Width and height of a picture brought to the size of a mask of another size and the same shape; None for another shape."""
    for height, width in (picture, picture[::-1]):
        if mask[0] * width == mask[1] * height:
            return (mask[1], mask[0]) if (height, width) == picture else (mask[0], mask[1])
    return None


def in_one_size(picture: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the size of the smaller one: nothing is made up."""
    if picture.shape[:2] == classes.shape:
        return picture, classes
    if classes.shape[0] > picture.shape[0]:
        return picture, smaller(classes, (picture.shape[0], picture.shape[1]))
    return cv2.resize(picture, classes.shape[::-1], interpolation=cv2.INTER_AREA), classes


def smaller(classes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The label at the centre of each larger pixel."""
    return np.array(Image.fromarray(classes).resize(shape[::-1], Image.Resampling.NEAREST))


def turn_of_mask(classes: np.ndarray, width: int, height: int, orientation: int) -> int | None:
    """The orientation by which a mask is to be turned; None where it has another size than its picture.

    A mask lies over the stored pixels, and turns with them, unless its size, or else the sense of its face, say that it was drawn
    over the upright picture.
    """
    sideways = orientation in SIDEWAYS
    over_stored = classes.shape == (height, width)
    over_upright = classes.shape == ((width, height) if sideways else (height, width))
    if over_stored and over_upright:
        return 1 if _stands(classes) and not _stands(upright(classes, orientation)) else orientation
    return orientation if over_stored else 1 if over_upright else None


def _stands(classes: np.ndarray) -> bool:
    """Whether eyes and brows lie above the mouth, by more than to its side."""
    eyes, mouth = (
        np.argwhere(np.isin(classes, [number(face_class, ClassOrder.CELEBAMASK) for face_class in group]))
        for group in (_EYES, _MOUTH)
    )
    if not len(eyes) or not len(mouth):
        return False
    down, across = mouth.mean(axis=0) - eyes.mean(axis=0)
    return bool(down > abs(across))
