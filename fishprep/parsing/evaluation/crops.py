"""Labelled faces as a build would crop them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fishprep.common.status import Problem
from fishprep.faces.crop import Box, CropRecipe, cut, to_crop
from fishprep.faces.pyramid import hr_face
from fishprep.landmarks.base import LandmarkBackend, Query
from fishprep.landmarks.select import select
from fishprep.parsing.labelled import UNLABELLED
from fishprep.shards.schema import HR_SIZE


@dataclass(frozen=True, eq=False)
class LabelledCrop:
    """One face as the pipeline crops it.

    image: (128, 128, 3) uint8. landmarks: (68, 2) float32 in its pixels.
    classes: (128, 128) uint8, the label at each pixel's centre; 255 outside the picture.
    whole: (S, S) uint8, the crop's labels before they are made smaller.
    """

    image: np.ndarray
    landmarks: np.ndarray
    classes: np.ndarray
    whole: np.ndarray


def labelled_crop(picture: np.ndarray, classes: np.ndarray, backend: LandmarkBackend) -> LabelledCrop | None:
    """The largest face that the backend finds, by the default recipe; None where there is none.

    picture (H, W, 3) uint8 RGB, classes (H, W) uint8.
    """
    query = Query(picture)
    chosen = select(backend.detect([query])[0], "largest", query)
    if isinstance(chosen, Problem):
        return None
    points = chosen[0].points
    box = CropRecipe().box(points, picture.shape[1], picture.shape[0])
    whole = _cut_labels(classes, box)
    small = np.array(Image.fromarray(whole).resize((HR_SIZE, HR_SIZE), Image.Resampling.NEAREST))
    return LabelledCrop(hr_face(cut(picture, box), "pillow-bicubic"), to_crop(points, box), small, whole)


def _cut_labels(classes: np.ndarray, box: Box) -> np.ndarray:
    margin = max(classes.shape)
    known = np.pad(classes, margin, constant_values=UNLABELLED)[..., None].repeat(3, axis=2)
    x0, y0, x1, y1 = (edge + margin for edge in box)
    return np.ascontiguousarray(cut(known, (x0, y0, x1, y1))[..., 0])
