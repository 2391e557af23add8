"""Pictures of faces with their annotated points, and what is made of them: turned, shrunk, covered; and pictures without a face.

What `faces.py` and `upright.py` show to detectors and to pairs. FACES is a folder with `helen` and `afw` (photos with `.pts`),
`groups` (photos with dlib's XML, `dogs.jpg`) and `celeba`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from fishprep.decoding.decode import Limits, decode_file
from fishprep.landmarks.annotation import read_pts
from fishprep.landmarks.geometry import eye_centres

LONGER_SIDE = 800
VIEW = 192
"""Pixels a side of what the curve's faces are shown in: what BlazeFace looks at."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture (H, W, 3) uint8 and the points (68, 2) of each annotated face."""

    image: np.ndarray
    truths: list[np.ndarray] = field(default_factory=list)


def scaled(shown: Shown, factor: float) -> Shown:
    """Resized as a whole."""
    height, width = shown.image.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    ratio = np.array([size[0] / width, size[1] / height])
    return Shown(
        cv2.resize(shown.image, size, interpolation=method), [(each + 0.5) * ratio - 0.5 for each in shown.truths]
    )


def turned(shown: Shown, degrees: float) -> Shown:
    """Turned against the clock, in a picture large enough for all of it."""
    height, width = shown.image.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = round(height * sine + width * cosine), round(height * cosine + width * sine)
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    image = cv2.warpAffine(shown.image, turn, size)
    return Shown(image, [truth @ turn[:, :2].T + turn[:, 2] for truth in shown.truths])


def shrunk_to(shown: Shown, side: float) -> Shown:
    """So small that the points of its face, of several those of the middle size, span `side` pixels."""
    return scaled(shown, side / float(np.median([np.ptp(truth, axis=0).max() for truth in shown.truths])))


def yaw_of(truth: np.ndarray) -> float:
    """How far a face is turned aside, 0 to 1: by how much nearer the tip of the nose is to one end of the jaw than to the other,
    along the line between them, over their sum; 1 where it lies at one of them or beyond."""
    across = truth[16] - truth[0]
    place = float((truth[30] - truth[0]) @ across / (across @ across))
    return min(1.0, abs(2 * place - 1))


def in_view(shown: Shown, side: float) -> Shown:
    """The face, spanning `side` pixels, in the middle of a square of `VIEW`; black outside the photo."""
    small = shrunk_to(shown, side)
    middle = (small.truths[0].max(0) + small.truths[0].min(0)) / 2
    shift = np.round((VIEW - 1) / 2 - middle)
    image = cv2.warpAffine(small.image, np.column_stack((np.eye(2), shift)), (VIEW, VIEW))
    return Shown(image, [small.truths[0] + shift])


def covered(shown: Shown, part: str) -> Shown:
    """The face with a grey patch: over its lower half (as a mask), its upper half, or one eye."""
    image = shown.image.copy()
    for truth in shown.truths:
        eyes = eye_centres(truth)
        across = eyes[1] - eyes[0]
        down = np.array([-across[1], across[0]])
        middle = eyes.mean(0)
        left, right, top, bottom = {
            "lower half": (-1.2, 1.2, 0.45, 2.2),
            "upper half": (-1.2, 1.2, -0.9, 0.4),
            "one eye": (-0.9, -0.1, -0.4, 0.35),
            "all": (-1.5, 1.5, -1.2, 2.2),
        }[part]
        corners = [
            middle + x * across + y * down for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
        ]
        cv2.fillConvexPoly(image, np.round(corners).astype(np.int32), (128, 132, 140))
    return Shown(image, shown.truths)


def textures(count: int, side: int = 400) -> Iterator[np.ndarray]:
    """Noise of all coarsenesses, stripes, and blobs; the same each time."""
    draw = np.random.default_rng(0)
    for index in range(count):
        layers = [
            cv2.resize(draw.normal(size=(cells, cells, 3)), (side, side), interpolation=cv2.INTER_CUBIC) * cells**-0.5
            for cells in (4, 12, 36, 110)
        ]
        picture = sum(layers[index % 4 :], np.zeros((side, side, 3)))
        if index % 3 == 1:
            picture = np.sin(picture * 20)
        picture = (picture - picture.mean()) / picture.std()
        yield np.clip(128 + 50 * picture, 0, 255).astype(np.uint8)


def parts(image: np.ndarray) -> Iterator[np.ndarray]:
    """Squares of `VIEW`, at three sizes of the picture, that overlap by half."""
    for longer in (400, 800, max(image.shape[:2])):
        resized = scaled(Shown(image), longer / max(image.shape[:2])).image
        for top in range(0, resized.shape[0] - VIEW + 1, VIEW // 2):
            for left in range(0, resized.shape[1] - VIEW + 1, VIEW // 2):
                yield resized[top : top + VIEW, left : left + VIEW]


def read_portraits(folders: list[Path], count: int, longer: int | None = LONGER_SIDE) -> list[Shown]:
    """Photos with a `.pts` each, evenly from all; longer: pixels of their longer side, None leaves it."""
    points = [path for folder in folders for path in sorted(folder.glob("*.pts"))]
    shown = []
    for path in points[:: max(1, len(points) // count)][:count] if count < len(points) else points:
        image = decode_file(path.with_suffix(".jpg"), Limits())
        annotated = Shown(image, [read_pts(path).astype(np.float64)])
        shown.append(annotated if longer is None else scaled(annotated, longer / max(image.shape[:2])))
    return shown


def read_groups(folder: Path) -> list[Shown]:
    """The photos that dlib's XML files name, with the points of each box."""
    shown = []
    for file in sorted(folder.glob("*.xml")):
        for image in ElementTree.parse(file).iter("image"):
            boxes = [
                [(float(p.attrib["x"]), float(p.attrib["y"])) for p in box.iter("part")] for box in image.iter("box")
            ]
            truths = [np.array(points) for points in boxes if len(points) == 68]
            shown.append(Shown(decode_file(folder / image.attrib["file"], Limits()), truths))
    return shown


def read_empty(faces: Path, count: int) -> dict[str, list[Shown]]:
    """Pictures without a face: dogs, textures, portraits of CelebA whose aligned face is under a patch."""
    dogs = Shown(decode_file(faces / "groups" / "dogs.jpg", Limits()))
    images = sorted((faces / "celeba" / "img_align_celeba").iterdir())
    place = np.zeros((68, 2)) + np.array([88.5, 112.5])
    place[36:42], place[42:48] = (69.3, 112.5), (107.7, 112.5)
    hidden = [
        covered(Shown(decode_file(path, Limits()), [place]), "all").image for path in images[:: len(images) // count]
    ]
    return {
        "dogs, 800 px": [scaled(dogs, LONGER_SIDE / max(dogs.image.shape[:2]))],
        "dogs, parts": [Shown(part) for part in parts(dogs.image)],
        "textures, 400 px": [Shown(image) for image in textures(count)],
        "CelebA, faces covered": [Shown(image) for image in hidden[:count]],
    }
