"""Figures of parsing maps against labels: overlap, accuracy, boundaries."""

from dataclasses import dataclass, field

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.parsing.labelled import UNLABELLED

CLASSES = len(FaceClass)
SKIN = number(FaceClass.SKIN, ClassOrder.CELEBAMASK)
TOLERANCE = 0.008  # of the diagonal: how far a boundary may lie off (Perazzi et al., DAVIS, CVPR 2016)


@dataclass
class Confusion:
    """Pixels by their labelled and their found class, over all maps added so far: (19, 19) int64, rows labelled."""

    pixels: np.ndarray = field(default_factory=lambda: np.zeros((CLASSES, CLASSES), dtype=np.int64))

    def add(self, found: np.ndarray, labels: np.ndarray) -> None:
        """Maps of one shape, uint8 in CelebAMask-HQ's order; 255 in `labels` does not count."""
        inside = labels != UNLABELLED
        pairs = labels[inside].astype(np.int64) * CLASSES + found[inside]
        self.pixels += np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)

    def iou(self) -> np.ndarray:
        """(19,) float64: intersection over union of each class; NaN where it was neither labelled nor found."""
        both = np.diag(self.pixels).astype(np.float64)
        either = self.pixels.sum(axis=0) + self.pixels.sum(axis=1) - both
        return np.divide(both, either, out=np.full(CLASSES, np.nan), where=either > 0)

    def f1(self) -> np.ndarray:
        """(19,) float64: 2 · intersection / (labelled + found)."""
        iou = self.iou()
        return 2 * iou / (1 + iou)

    def mean_iou(self) -> float:
        """Over the classes that were labelled or found."""
        return float(np.nanmean(self.iou()))

    def skin_iou(self) -> float:
        """IoU of the class skin."""
        return float(self.iou()[SKIN])

    def skin_accuracy(self) -> float:
        """Share of pixels on the right side of the binary skin map."""
        wrong = self.pixels[SKIN].sum() + self.pixels[:, SKIN].sum() - 2 * self.pixels[SKIN, SKIN]
        return float(1 - wrong / max(1, self.pixels.sum()))


def binary_iou(found: np.ndarray, truth: np.ndarray) -> float:
    """IoU of two binary maps; 1 where both are empty."""
    either = np.count_nonzero(found | truth)
    return np.count_nonzero(found & truth) / either if either else 1.0


def boundary_f(found: np.ndarray, truth: np.ndarray) -> float:
    """F-score of the boundaries of two binary maps (H, W): a boundary pixel is right where the other map's lies within 0.8 %
    of the diagonal; 1 where neither has a boundary, 0 where only one has.
    """
    ours, theirs = _boundary(found), _boundary(truth)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    radius = max(1, round(TOLERANCE * float(np.hypot(*found.shape))))
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    precision = (ours & (cv2.dilate(theirs.astype(np.uint8), near) > 0)).sum() / ours.sum()
    recall = (theirs & (cv2.dilate(ours.astype(np.uint8), near) > 0)).sum() / theirs.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels of the mask with a neighbour outside it; the edge of the map is no boundary."""
    mask = mask.astype(np.uint8)
    return (mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=1) == 0)
