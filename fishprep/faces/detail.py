"""The fine detail of a picture, by which the same photo is told from another of the same kind."""

import numpy as np

from fishprep.common.opencv import cv2

DETAIL_SIZE = 32
"""Pixels a side of the pictures that are compared."""

LEAST_CORRELATION = 0.78
"""Of the fine detail of two pictures that are one. Halfway between the weakest true pair on CelebA (0.86: the same photo in other
colours) and the strongest of two different photos (0.70: two frames of one moment)."""


LEAST_RESEMBLANCE = 0.7
"""Of the bands of two pictures that are worth a closer look: two copies of a photo have 0.81 and more, nearly nine of ten others with
near hashes less than this."""

PLACED_SIZE = 64
"""Pixels a side of the pictures that are laid over each other."""

_MARGIN, _MOST_SHIFT = 8, 4
_ZOOMS = (0.94, 0.97, 1.0, 1.03, 1.06)
"""Crops of one face in two copies of a photo: their points are found anew in each, and are some pixels apart."""


def fine_detail(pictures: np.ndarray) -> np.ndarray:
    """pictures (M, 32, 32, 3) uint8 RGB → (M, 576) float32 of unit length: the middle of the grey picture less its blurred self.

    What two photos of different people share (light, hair, the layout of any face) is coarse, and is gone.
    """
    details = np.empty((len(pictures), (DETAIL_SIZE * 3 // 4) ** 2), np.float32)
    margin = DETAIL_SIZE // 8
    for i, picture in enumerate(pictures):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine = (grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[margin:-margin, margin:-margin].ravel()
        fine -= fine.mean()
        details[i] = fine / max(float(np.linalg.norm(fine)), 1e-6)
    return details


def band(pictures: np.ndarray) -> np.ndarray:
    """pictures (M, 32, 32, 3) uint8 RGB → (M, 576) float32 of unit length: what is between fine and coarse in the middle of the grey
    picture. It hardly changes where a crop is moved by a pixel; light and the layout of any face are gone."""
    side, margin = DETAIL_SIZE * 3 // 4, DETAIL_SIZE // 8
    bands = np.empty((len(pictures), side * side), np.float32)
    for i, picture in enumerate(pictures):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        middle = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.GaussianBlur(grey, (0, 0), 2.0)
        values = middle[margin:-margin, margin:-margin].ravel()
        values = values - values.mean()
        bands[i] = values / max(float(np.linalg.norm(values)), 1e-6)
    return bands


def mirrored_bands(bands: np.ndarray) -> np.ndarray:
    """Those of the mirrored pictures, (M, 576)."""
    side = DETAIL_SIZE * 3 // 4
    return bands.reshape(len(bands), side, side)[:, :, ::-1].reshape(bands.shape)


def placed_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of the fine detail of two pictures (64, 64, 3) uint8 RGB in [-1, 1], the second moved by up to 4 pixels and zoomed
    by up to 6 % so that they agree best; 0 where one of them has no detail."""
    wanted = _fine(_grey(one))[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    around, grey = slice(_MARGIN - _MOST_SHIFT, _MOST_SHIFT - _MARGIN), _grey(other)
    found = -1.0
    for zoom in _ZOOMS:
        fits = cv2.matchTemplate(_fine(_zoomed(grey, zoom))[around, around], wanted, cv2.TM_CCOEFF_NORMED)
        found = max(found, float(fits.max()))
    flat = min(float(wanted.std()), float(_fine(grey).std())) < _LEAST_CONTRAST
    return 0.0 if flat else found


_LEAST_CONTRAST = 0.1
"""Standard deviation of fine detail, in grey levels, below which there is nothing to be compared."""


def _grey(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)


def _fine(grey: np.ndarray) -> np.ndarray:
    soft = cv2.blur(grey, (2, 2))  # finer than what survives another compression
    return soft - cv2.GaussianBlur(soft, (0, 0), 2.0)


def _zoomed(grey: np.ndarray, zoom: float) -> np.ndarray:
    if zoom == 1:
        return grey
    middle = (PLACED_SIZE - 1) / 2
    across = np.array([[zoom, 0, middle * (1 - zoom)], [0, zoom, middle * (1 - zoom)]], np.float32)
    return cv2.warpAffine(
        grey, across, (PLACED_SIZE, PLACED_SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
