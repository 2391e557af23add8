"""The 19 classes of a face, the two numberings in use, and their colours. Left and right are the subject's own."""

from enum import StrEnum

import numpy as np


class FaceClass(StrEnum):
    """The classes of CelebAMask-HQ (Lee et al., CVPR 2020), in its order."""

    BACKGROUND = "background"
    SKIN = "skin"
    NOSE = "nose"
    EYEGLASSES = "eyeglasses"
    LEFT_EYE = "left_eye"
    RIGHT_EYE = "right_eye"
    LEFT_BROW = "left_brow"
    RIGHT_BROW = "right_brow"
    LEFT_EAR = "left_ear"
    RIGHT_EAR = "right_ear"
    MOUTH = "mouth"
    UPPER_LIP = "upper_lip"
    LOWER_LIP = "lower_lip"
    HAIR = "hair"
    HAT = "hat"
    EARRING = "earring"
    NECKLACE = "necklace"
    NECK = "neck"
    CLOTH = "cloth"


class ClassOrder(StrEnum):
    """Which number a class has in a map: CelebAMask-HQ's, or that of facexlib's networks."""

    CELEBAMASK = "celebamask"
    FACEXLIB = "facexlib"

    @property
    def classes(self) -> tuple[FaceClass, ...]:
        """The class of each number, 0 to 18."""
        return _ORDERS[self]


_ORDERS: dict[ClassOrder, tuple[FaceClass, ...]] = {
    ClassOrder.CELEBAMASK: tuple(FaceClass),
    ClassOrder.FACEXLIB: (
        FaceClass.BACKGROUND,
        FaceClass.SKIN,
        FaceClass.LEFT_BROW,
        FaceClass.RIGHT_BROW,
        FaceClass.LEFT_EYE,
        FaceClass.RIGHT_EYE,
        FaceClass.EYEGLASSES,
        FaceClass.LEFT_EAR,
        FaceClass.RIGHT_EAR,
        FaceClass.EARRING,
        FaceClass.NOSE,
        FaceClass.MOUTH,
        FaceClass.UPPER_LIP,
        FaceClass.LOWER_LIP,
        FaceClass.NECK,
        FaceClass.NECKLACE,
        FaceClass.CLOTH,
        FaceClass.HAIR,
        FaceClass.HAT,
    ),
}

PAIRS = (
    (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE),
    (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
    (FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR),
)
"""The subject's left, its right."""

# Neighbours on a face differ in lightness as well as in hue, so that a map reads in grey too.
_COLOURS: dict[FaceClass, tuple[int, int, int]] = {
    FaceClass.BACKGROUND: (0, 0, 0),
    FaceClass.SKIN: (242, 196, 160),
    FaceClass.NOSE: (222, 120, 70),
    FaceClass.EYEGLASSES: (60, 220, 220),
    FaceClass.LEFT_EYE: (30, 90, 220),
    FaceClass.RIGHT_EYE: (40, 170, 250),
    FaceClass.LEFT_BROW: (110, 60, 10),
    FaceClass.RIGHT_BROW: (170, 110, 20),
    FaceClass.LEFT_EAR: (180, 100, 200),
    FaceClass.RIGHT_EAR: (220, 150, 240),
    FaceClass.MOUTH: (110, 0, 20),
    FaceClass.UPPER_LIP: (230, 60, 90),
    FaceClass.LOWER_LIP: (190, 20, 60),
    FaceClass.HAIR: (90, 80, 150),
    FaceClass.HAT: (250, 230, 60),
    FaceClass.EARRING: (255, 255, 255),
    FaceClass.NECKLACE: (200, 200, 90),
    FaceClass.NECK: (200, 150, 110),
    FaceClass.CLOTH: (60, 130, 70),
}


def number(face_class: FaceClass, order: ClassOrder) -> int:
    """The number that stands for a class in maps of an order."""
    return order.classes.index(face_class)


def sides_exchanged(order: ClassOrder) -> list[int]:
    """What each number of an order is in a mirror: what was the left eye is the right one there."""
    other = dict(PAIRS) | {right: left for left, right in PAIRS}
    return [number(other.get(face_class, face_class), order) for face_class in order.classes]


def palette(order: ClassOrder) -> np.ndarray:
    """(19, 3) uint8 RGB: the colour of each number of an order."""
    return np.array([_COLOURS[face_class] for face_class in order.classes], dtype=np.uint8)


def convert(classes: np.ndarray, source: ClassOrder, target: ClassOrder) -> np.ndarray:
    """A map of class numbers, uint8 of any shape, brought from one order to another; ValueError for numbers above 18."""
    if classes.dtype != np.uint8:
        raise ValueError(f"a map of classes is uint8, not {classes.dtype}")
    if classes.size and classes.max() >= len(FaceClass):
        raise ValueError(f"a map of classes holds 0 to {len(FaceClass) - 1}, found {classes.max()}")
    return _table(source, target)[classes]


def _table(source: ClassOrder, target: ClassOrder) -> np.ndarray:
    return np.array([number(face_class, target) for face_class in source.classes], dtype=np.uint8)
