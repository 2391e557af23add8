"""Random views of a labelled face: what a parser may meet, from tight 128² crops to whole photos, sharp and blurred."""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fishprep.common.opencv import cv2
from fishprep.parsing.classes import ClassOrder, FaceClass, sides_exchanged
from fishprep.parsing.labelled import UNLABELLED

MIRROR = np.arange(256, dtype=np.uint8)
"""What each number of a map in CelebAMask-HQ's order is in a mirror; that of pixels without a label stays."""
MIRROR[: len(FaceClass)] = sides_exchanged(ClassOrder.CELEBAMASK)

_COARSEST = 24  # pixels of the smallest view


@dataclass(frozen=True)
class ViewSettings:
    """How views are drawn. Shares are probabilities; ranges are of uniform draws.

    side: of the square view, as a multiple of the longer side of the face's box (drawn log-uniformly).
    shift: of its centre from the box's, as a share of the view's side.
    rotation: standard deviation in degrees, cut off at three times that.
    crops: share of views at 128², as a build makes them; of the rest, half are between 24² and 128², half at full size.
    """

    side: tuple[float, float] = (0.9, 1.8)
    shift: float = 0.1
    rotation: float = 10.0
    crops: float = 0.6
    mirrored: float = 0.5
    grey: float = 0.08
    jpeg: float = 0.25
    blur: float = 0.15
    noise: float = 0.2


def draw_view(
    picture: np.ndarray,
    classes: np.ndarray,
    face: tuple[int, int, int, int],
    sizes: tuple[int, int],
    rng: np.random.Generator,
    settings: ViewSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """One view: (s, s, 3) uint8 RGB, and its classes (m, m) uint8 in CelebAMask-HQ's order, 255 outside the picture.

    picture (H, W, 3) uint8, classes (H, W) uint8, `face` the box of the face in them; `sizes` are s and m.
    """
    size, map_size = sizes
    side = max(face[2] - face[0], face[3] - face[1]) * math.exp(rng.uniform(*np.log(settings.side)))
    pixels = _resolution(rng, settings, size)
    to_photo = _placement(face, side, rng, settings)
    view = _rendered(picture, to_photo, side, pixels)
    labels = _labels(classes, to_photo, map_size)
    if rng.random() < settings.mirrored:
        view, labels = mirrored(view, labels)
    view = _coloured(view, rng, settings)
    view = _degraded(view, rng, settings)
    if pixels != size:
        view = cv2.resize(view, (size, size), interpolation=cv2.INTER_LINEAR if pixels < size else cv2.INTER_AREA)
    return view, labels


def mirrored(view: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """View and classes seen in a mirror: what was the left eye is the right one there."""
    return np.ascontiguousarray(view[:, ::-1]), MIRROR[classes[:, ::-1]]


def _resolution(rng: np.random.Generator, settings: ViewSettings, size: int) -> int:
    drawn = rng.random()
    if drawn < settings.crops:
        return min(128, size)
    if drawn < (1 + settings.crops) / 2:
        return min(size, round(math.exp(rng.uniform(math.log(_COARSEST), math.log(128)))))
    return size


def _placement(
    face: tuple[int, int, int, int], side: float, rng: np.random.Generator, settings: ViewSettings
) -> np.ndarray:
    """(2, 3): from the view's unit square to the photo, edges at 0 and 1, pixel edges at integers."""
    angle = math.radians(np.clip(rng.normal(), -3, 3) * settings.rotation)
    centre = np.array([(face[0] + face[2]) / 2, (face[1] + face[3]) / 2])
    centre += rng.uniform(-settings.shift, settings.shift, 2) * side
    turn = side * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.column_stack([turn, centre - turn @ [0.5, 0.5]])


def _rendered(picture: np.ndarray, to_photo: np.ndarray, side: float, pixels: int) -> np.ndarray:
    """(pixels, pixels, 3): shrunk by area first, so that nothing aliases, then turned."""
    scale = min(1.0, pixels / side)
    height, width = picture.shape[:2]
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    shrunk = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    ratio = np.array([[shrunk.shape[1] / width], [shrunk.shape[0] / height]])
    return _warped(shrunk, to_photo * ratio, pixels, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)


def _labels(classes: np.ndarray, to_photo: np.ndarray, map_size: int) -> np.ndarray:
    return _warped(classes, to_photo, map_size, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT, UNLABELLED)


def _warped(
    image: np.ndarray, to_image: np.ndarray, pixels: int, interpolation: int, border: int, value: int = 0
) -> np.ndarray:
    """Sampled at the centres of pixels² squares; OpenCV counts from the centre of the first pixel."""
    matrix = to_image.copy()
    matrix[:, :2] /= pixels
    matrix[:, 2] += matrix[:, :2].sum(axis=1) * 0.5 - 0.5
    return cv2.warpAffine(
        image,
        matrix,
        (pixels, pixels),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=border,
        borderValue=(value, value, value),
    )


def _coloured(view: np.ndarray, rng: np.random.Generator, settings: ViewSettings) -> np.ndarray:
    """Brightness, contrast, gamma, saturation and a tint, or no colour at all."""
    pixels = view.astype(np.float32) / 255
    pixels = pixels ** math.exp(rng.uniform(-0.35, 0.35))
    mean = pixels.mean()
    pixels = (pixels - mean) * rng.uniform(0.7, 1.3) + mean * rng.uniform(0.75, 1.25)
    grey = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    saturation = 0.0 if rng.random() < settings.grey else rng.uniform(0.6, 1.4)
    pixels = grey[..., None] + (pixels - grey[..., None]) * saturation
    if saturation:
        pixels *= rng.uniform(0.9, 1.1, 3).astype(np.float32)
    return (pixels.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _degraded(view: np.ndarray, rng: np.random.Generator, settings: ViewSettings) -> np.ndarray:
    if rng.random() < settings.blur:
        view = cv2.GaussianBlur(view, (0, 0), rng.uniform(0.3, 1.5))
    if rng.random() < settings.noise:
        noisy = view + rng.normal(0, rng.uniform(1, 12), view.shape).astype(np.float32)
        view = (noisy.clip(0, 255) + 0.5).astype(np.uint8)
    if rng.random() < settings.jpeg:
        packed = io.BytesIO()
        Image.fromarray(view).save(packed, "JPEG", quality=int(rng.integers(30, 96)))
        view = np.array(Image.open(packed))
    return view
