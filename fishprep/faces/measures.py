"""Cheap facts of a face, for the manifest and the report: pose, blur, skin share, a hash for near-duplicates."""

from dataclasses import dataclass

import numpy as np

from fishprep.common.opencv import cv2

_POSE_POINTS = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45, 48, 54)
_HEAD = np.array(
    [
        *((0, -30.7, -6.6), (0, -18.0, -12.3), (0, -5.3, -18.8), (0, 7.7, -25.0)),
        *((-14.4, 15.3, -4.5), (-7.5, 18.0, -7.9), (0, 20.4, -10.0), (7.5, 18.0, -7.9), (14.4, 15.3, -4.5)),
        *((-45.0, -29.7, 15.8), (-19.2, -27.8, 9.9), (19.2, -27.8, 9.9), (45.0, -29.7, 15.8)),
        *((-29.4, 37.1, 23.1), (29.4, 37.1, 23.1)),
    ]
)
"""A mean head at `_POSE_POINTS` (nose, eye corners, corners of the mouth), outer eye corners 90 apart: x right, y down, z away
from the viewer, centred. Factorised (weak perspective, mirror-symmetric) from dlib's points of 8,449 CelebA faces; its pitch is 0
for the median of those that look within 20 degrees of the camera. The chin is left out: it moves with the jaw."""
_HEAD.setflags(write=False)


@dataclass(frozen=True)
class Measures:
    """side: pixels of the crop's longer side in the photo. yaw, pitch, roll: degrees, 0 for an upright frontal face; yaw
    positive where the face looks to the viewer's right, pitch where it looks down, roll where it is turned clockwise. Beyond
    some 40 degrees of yaw, detectors' points huddle and the true angle is larger.
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
    """Yaw, pitch and roll in degrees: the rotation of a mean head whose parallel projection is nearest to the points.

    landmarks: (68, 2). NaN, three times, where the points do not span a plane.
    """
    points = landmarks[list(_POSE_POINTS)].astype(np.float64)
    affine = (points - points.mean(axis=0)).T @ np.linalg.pinv(_HEAD).T
    left, scales, right = np.linalg.svd(affine, full_matrices=False)
    if scales[1] <= 1e-6 * scales[0]:
        return float("nan"), float("nan"), float("nan")
    across, down = left @ right
    away = np.cross(across, down)
    yaw = np.arctan2(away[0], np.hypot(across[0], down[0]))
    pitch = np.arctan2(away[1], away[2])
    roll = np.arctan2(down[0], across[0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def fingerprint(grey: np.ndarray) -> int:
    """64-bit difference hash: whether each of 8x8 cells has a brighter right neighbour. Near pictures differ in few bits."""
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def mirrored_fingerprints(hashes: np.ndarray) -> np.ndarray:
    """Those of the mirrored faces, (N,) uint64 both: of each row of cells the bits in turned order, turned over. Where two cells are
    equally bright a bit may be off."""
    cells = np.unpackbits(np.ascontiguousarray(hashes, ">u8").view(np.uint8)).reshape(-1, 8, 8)
    return np.packbits(1 - cells[:, :, ::-1], axis=2).reshape(-1, 8).copy().view(">u8").ravel().astype(np.uint64)
