"""The `landmark-skin` parser: a skin map from 68 points and colour, without weights.

The points give the face's outline (closed over the forehead by half an ellipse) and the facial parts to leave out. Within the
outline and a margin, each pixel is skin or not by its colour: a Gaussian in CIE Lab fitted on cheeks and bridge of the nose
against Gaussians fitted on what surrounds the face (hair, background, neck), with a bonus for lying well inside. It is good on
frontal faces; it takes hair of the colour of skin for skin, and a beard too.
"""

from dataclasses import dataclass

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.parsing.base import ParsedFaces

HR = 128
SUBPIXEL = 4  # fractional bits of polygon corners

JAW, LEFT_BROW, RIGHT_BROW = slice(0, 17), slice(17, 22), slice(22, 27)  # iBUG order; left and right as the viewer's
NOSE, EYES, LIPS = slice(27, 36), (slice(36, 42), slice(42, 48)), slice(48, 60)
CHEEKS = ((1, 2, 3, 4, 48, 31, 40, 41), (15, 14, 13, 12, 54, 35, 47, 46))
BRIDGE = (39, 42, 35, 31)


@dataclass(frozen=True)
class LandmarkSkinSettings:
    """Constants of the method, chosen on 197 faces of CelebAMask-HQ. Lengths are shares of the height from brows to chin.

    forehead, reach: height of the ellipse over the brows: of the likely face, and of the region where skin is possible.
    width: of the likely face, as a share of the distance between the ends of the jaw line.
    surround: how far outside the region its surroundings are looked at, in `sectors` fitted on their own.
    skin_spread, other_spread: standard deviations in L, a, b added to what is fitted, for shading that the samples lack.
    unlike: negative log likelihood of a colour under no model at all.
    cap: the most that colour can say, in nats; inside: nats per hundredth of a face height inside the likely
        outline, within `inside_least` and `inside_most`.
    bias: nats in favour of skin.
    smooth: standard deviation, in pixels of the crop, of the smoothing of the evidence.
    """

    forehead: float = 0.45
    reach: float = 0.9
    width: float = 0.95
    surround: float = 0.2
    sectors: int = 4
    skin_spread: tuple[float, float, float] = (12.0, 3.0, 8.0)
    other_spread: tuple[float, float, float] = (2.0, 2.0, 2.0)
    unlike: float = 18.0
    cap: float = 5.0
    inside: float = 1 / 6
    inside_least: float = -1.5
    inside_most: float = 4.0
    bias: float = 2.0
    smooth: float = 1.4


class LandmarkSkinParser:
    """A `FaceParser` that knows only skin: `classes` is None."""

    name = "landmark-skin"

    def __init__(self) -> None:
        self.settings: dict[str, object] = {"skin_classes": ["skin"]}
        self.weights: dict[str, str] = {}
        self._constants = LandmarkSkinSettings()

    def parse(self, images: np.ndarray, landmarks: np.ndarray) -> ParsedFaces:
        """images (N, 128, 128, 3) uint8 RGB; landmarks (N, 68, 2) in pixels of the crop; N may be 0."""
        if images.dtype != np.uint8 or images.shape[1:] != (HR, HR, 3):
            raise ValueError(f"expected (N, {HR}, {HR}, 3) uint8 images, got {images.shape} {images.dtype}")
        if landmarks.shape != (len(images), 68, 2):
            raise ValueError(f"expected ({len(images)}, 68, 2) landmarks, got {landmarks.shape}")
        if not np.isfinite(landmarks).all():
            raise ValueError("landmarks that are not finite")
        skin = np.zeros((len(images), HR, HR), dtype=np.uint8)
        for index, (image, points) in enumerate(zip(images, landmarks, strict=True)):
            skin[index] = skin_map(image, points.astype(np.float64), self._constants)
        return ParsedFaces(skin=skin, classes=None)


@dataclass(frozen=True, eq=False)
class _Frame:
    """A face's own axes. up: unit vector from mouth to brows; height: from chin to brows along it, in pixels, at least 1."""

    up: np.ndarray
    brows: np.ndarray
    height: float

    @classmethod
    def of(cls, points: np.ndarray) -> "_Frame":
        brows = points[17:27].mean(axis=0)
        up = (brows + points[36:48].mean(axis=0)) / 2 - points[LIPS].mean(axis=0)
        up = up / max(float(np.linalg.norm(up)), 1e-6)
        return cls(up, brows, max(float((brows - points[8]) @ up), 1.0))


def skin_map(image: np.ndarray, points: np.ndarray, constants: LandmarkSkinSettings) -> np.ndarray:
    """image (128, 128, 3) uint8 RGB, points (68, 2) float64 → (128, 128) uint8 in {0, 1}."""
    points = np.clip(points, -HR, 2 * HR)  # far outside it makes no difference, and OpenCV's integers overflow
    frame = _Frame.of(points)
    likely = _outline(points, frame, constants.forehead, constants.width)
    possible = _outline(points, frame, constants.reach, 1.0)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    allowed = possible & ~_parts(points, frame)
    samples = lab[
        _filled([_shrunk(points[list(cheek)], 0.75) for cheek in CHEEKS] + [_shrunk(points[list(BRIDGE)], 0.8)])
    ]
    if len(samples) < 20:  # hardly any cheek in the picture: shape alone
        return (likely & allowed).astype(np.uint8)
    depth = _depth(likely) * 100 / frame.height
    prior = constants.bias + np.clip(constants.inside * depth, constants.inside_least, constants.inside_most)
    other = _surroundings(lab, possible, points[27], frame, constants)
    skin = _decide(lab, _without_outliers(samples), other, prior, constants) & allowed
    if skin.sum() > 200:  # once more, with all the skin found so far for samples
        skin = _decide(lab, lab[skin], other, prior, constants) & allowed
    return skin.astype(np.uint8)


def _decide(
    lab: np.ndarray, samples: np.ndarray, other: np.ndarray, prior: np.ndarray, constants: LandmarkSkinSettings
) -> np.ndarray:
    """(128, 128) bool: where skin is the likelier explanation. `other`: negative log likelihood of what is not skin."""
    colour = np.clip(other - _surprise(lab, samples, constants.skin_spread), -constants.cap, constants.cap)
    evidence = cv2.GaussianBlur((colour + prior).astype(np.float32), (0, 0), constants.smooth)
    return np.asarray(evidence > 0)


def _surroundings(
    lab: np.ndarray, possible: np.ndarray, centre: np.ndarray, frame: _Frame, constants: LandmarkSkinSettings
) -> np.ndarray:
    """(128, 128): the least negative log likelihood under the colours of the sectors around the face, from ear to ear."""
    y, x = np.mgrid[:HR, :HR]
    along = (x - centre[0]) * frame.up[0] + (y - centre[1]) * frame.up[1]
    across = (x - centre[0]) * -frame.up[1] + (y - centre[1]) * frame.up[0]
    angle = np.arctan2(along, across)
    angle = np.where(angle < -np.pi / 2, angle + 2 * np.pi, angle)
    sector = np.clip((angle + 0.6) / (np.pi + 1.2) * constants.sectors, 0, constants.sectors - 1).astype(int)
    distance = -_depth(possible) / frame.height
    ring = (distance > 0.02) & (distance < constants.surround) & (along > -0.5 * frame.height)
    least = np.full((HR, HR), constants.unlike)
    for number in range(constants.sectors):
        samples = lab[ring & (sector == number)]
        if len(samples) > 15:
            least = np.minimum(least, _surprise(lab, samples, constants.other_spread))
    return least


def _surprise(lab: np.ndarray, samples: np.ndarray, spread: tuple[float, float, float]) -> np.ndarray:
    """(128, 128): negative log likelihood, up to a constant, of each pixel under the Gaussian of (n, 3) samples."""
    mean = samples.mean(axis=0, dtype=np.float64)
    covariance = np.cov(samples.T.astype(np.float64)) + np.diag(np.square(spread))
    # Whitened by the inverse Cholesky factor, the Mahalanobis distance is a plain sum of squares.
    whitening = np.linalg.inv(np.linalg.cholesky(covariance)).astype(np.float32)
    white = (lab.reshape(-1, 3) - mean.astype(np.float32)) @ whitening.T
    squares = np.einsum("ij,ij->i", white, white).reshape(lab.shape[:2])
    return np.asarray(0.5 * squares + 0.5 * np.log(np.linalg.det(covariance)))


def _without_outliers(samples: np.ndarray) -> np.ndarray:
    """Without highlights, spots and strands of hair: within 2.5 median deviations of the median in each of L, a, b."""
    deviation = np.abs(samples - np.median(samples, axis=0))
    kept = samples[(deviation < 2.5 * np.median(deviation, axis=0) + 1).all(axis=1)]
    return kept if len(kept) >= 20 else samples


def _depth(mask: np.ndarray) -> np.ndarray:
    """(128, 128) float32: pixels to the border of a mask, positive inside, negative outside."""
    inside = mask.astype(np.uint8)
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3))


def _outline(points: np.ndarray, frame: _Frame, forehead: float, width: float) -> np.ndarray:
    """(128, 128) bool: the jaw line closed by half an ellipse that rises `forehead` face heights over the brows."""
    first, last = points[0], points[16]
    centre = (first + last) / 2
    rise = (frame.brows - centre) @ frame.up + forehead * frame.height
    angle = np.linspace(0, np.pi, 24)[:, None]
    arc = centre + np.cos(angle) * (last - first) / 2 * width + np.sin(angle) * frame.up * rise
    return _filled([np.concatenate([points[JAW], arc])])


def _parts(points: np.ndarray, frame: _Frame) -> np.ndarray:
    """(128, 128) bool: eyes, lips, brows and nose, as CelebAMask-HQ's masks have them."""
    eyes = [_shrunk(points[eye], np.array([0.95, 0.87])) for eye in EYES]
    lips = _shrunk(points[LIPS], np.array([0.95, 1.0]))
    brows = [_brow(points[brow], frame) for brow in (LEFT_BROW, RIGHT_BROW)]
    return _filled([*eyes, lips, *brows, _nose(points[NOSE], frame)])


def _brow(points: np.ndarray, frame: _Frame) -> np.ndarray:
    """The five points run along the upper edge of a brow; it tapers towards both ends."""
    thickness = 0.043 * frame.height * np.array([[0.1], [1], [1], [1], [0.1]])
    return np.concatenate([points, (points - frame.up * thickness)[::-1]])


def _nose(points: np.ndarray, frame: _Frame) -> np.ndarray:
    """From the root over the sides of the bridge to the wings and the base."""
    wing = points[8] - points[4]
    up = frame.up * frame.height
    root, bridge = points[0] + 0.02 * up, points[2]
    left, right, base = points[4] - 0.13 * wing, points[8] + 0.13 * wing, points[6] + 0.01 * up
    side = np.stack([root - 0.26 * wing, bridge - 0.41 * wing, left + 0.12 * up, left + 0.01 * up])
    other = np.stack([right + 0.01 * up, right + 0.12 * up, bridge + 0.41 * wing, root + 0.26 * wing])
    return np.concatenate([side, base[None], other])


def _shrunk(polygon: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """A polygon scaled about the mean of its corners; two shares are for x and y."""
    centre = polygon.mean(axis=0)
    return np.asarray(centre + (polygon - centre) * share)


def _filled(polygons: list[np.ndarray]) -> np.ndarray:
    """(128, 128) bool: inside any of some polygons, corners to 1/16 of a pixel."""
    mask = np.zeros((HR, HR), dtype=np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.rint(polygon * (1 << SUBPIXEL)).astype(np.int32)], 1, cv2.LINE_8, SUBPIXEL)
    return mask.astype(bool)
