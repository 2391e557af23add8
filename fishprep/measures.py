"""Cheap facts of a face, for the manifest and the report: pose, blur, skin share, a hash for near-duplicates."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

_POSE_POINTS = (30, 8, 36, 45, 48, 54)
_POSE_MODEL = np.array(
    [[0, 0, 0], [0, 330, 65], [-225, -170, 135], [225, -170, 135], [-150, 150, 125], [150, 150, 125]], np.float64
)
"""A generic head (nose tip, chin, outer eye corners, mouth corners): x right, y down, z away from the viewer."""


@dataclass(frozen=True)
class Measures:
    """side: pixels of the crop's longer side in the photo. yaw, pitch, roll: degrees, 0 for an upright frontal face; yaw
    positive where the face looks to the viewer's right, pitch where it looks down, roll where it is turned clockwise.
    blur: variance of the Laplacian of the grey HR face (low is blurred). skin: share of skin pixels at 128².
    fingerprint: 64-bit difference hash of the HR face."""

    side: float
    yaw: float
    pitch: float
    roll: float
    blur: float
    skin: float
    fingerprint: int


def measure(hr: np.ndarray, skin: np.ndarray, landmarks: np.ndarray, side: float) -> Measures:
    """hr (128, 128, 3) uint8, skin (128, 128) uint8, landmarks (68, 2) in pixels of `hr`."""
    grey = cv2.cvtColor(hr, cv2.COLOR_RGB2GRAY)
    yaw, pitch, roll = pose(landmarks)
    blur = float(cv2.Laplacian(grey, cv2.CV_64F).var())
    return Measures(side, yaw, pitch, roll, blur, float(skin.mean()), fingerprint(grey))


def pose(landmarks: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, by fitting a generic head to six of the 68 points; NaN where it does not fit."""
    points = landmarks[list(_POSE_POINTS)].astype(np.float64)
    solved, rotation, _ = cv2.solvePnP(_POSE_MODEL, points, _camera(), None, flags=cv2.SOLVEPNP_SQPNP)
    if not solved:
        return float("nan"), float("nan"), float("nan")
    matrix, _ = cv2.Rodrigues(rotation)
    yaw = np.arctan2(-matrix[2, 0], np.hypot(matrix[2, 1], matrix[2, 2]))
    pitch = np.arctan2(matrix[2, 1], matrix[2, 2])
    roll = np.arctan2(matrix[1, 0], matrix[0, 0])
    return tuple(float(np.degrees(angle)) for angle in (yaw, pitch, roll))  # type: ignore[return-value]


def fingerprint(grey: np.ndarray) -> int:
    """64-bit difference hash: whether each of 8x8 cells is brighter than its right neighbour. Near pictures differ in few bits."""
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


@lru_cache(maxsize=1)
def _camera() -> np.ndarray:
    # a long lens: faces are cut from photos of unknown cameras
    return np.array([[512.0, 0, 63.5], [0, 512.0, 63.5], [0, 0, 1]])
