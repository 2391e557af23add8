"""How the skin map's quality goes with the colour of the skin, by the skin's own pixels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fishprep.common.opencv import cv2

GROUPS = 3
FEWEST = 64  # pixels of skin that a colour is taken from


@dataclass(frozen=True)
class ToneGroup:
    """Faces whose skin is of like lightness. lowest, highest: their typology angles, in degrees. skin_iou: mean over the faces;
    worst: that of the face below which a tenth of them lie."""

    lowest: float
    highest: float
    faces: int
    skin_iou: float
    worst: float


def typology_angle(image: np.ndarray, skin: np.ndarray) -> float | None:
    """Individual typology angle of a face's skin in degrees, the lighter the larger: atan((L* - 50) / b*) of the median colour in
    CIE Lab (Chardon, Cretois and Hourseau, 1991). The photo's light counts as if it were the skin's.

    image (H, W, 3) uint8 sRGB; skin (H, W) bool. None where there is too little skin.
    """
    if np.count_nonzero(skin) < FEWEST:
        return None
    pixels = image[skin].astype(np.float32)[None] / 255
    lightness, _, yellow = np.median(cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab)[0], axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def by_tone(angles: Mapping[str, float], iou: Mapping[str, float]) -> list[ToneGroup]:
    """Thirds of the faces that have an angle, the darkest first; none where there are fewer faces than groups. Both by the faces' names."""
    names = sorted(angles, key=lambda name: (angles[name], name))
    if len(names) < GROUPS:
        return []
    groups = []
    for part in np.array_split(np.array(names, dtype=object), GROUPS):
        figures = [iou[name] for name in part]
        groups.append(
            ToneGroup(
                lowest=angles[part[0]],
                highest=angles[part[-1]],
                faces=len(part),
                skin_iou=float(np.mean(figures)),
                worst=float(np.quantile(figures, 0.1)),
            )
        )
    return groups
