"""Faces in a photo, down to much smaller ones than a training set wants."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.common.weights import WeightStore
from fishprep.faces.photo import Problem
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.base import Face, LandmarkBackend, Query
from fishprep.landmarks.select import Policy, select

DETECTED_SIDE = 128
"""Pixels a side at which a crop is easily found.

Of 30 portraits shrunk until their crops had 48, 24, 16, 12 and 8 px, dlib's HOG finds 29, 27, 22, 20 and 5 when they are
enlarged to this (96 and 160 px: no better). With bicubic enlargement; bilinear finds 12 of those of 12 px.
"""

BLAZEFACE_SIDE = 32
"""The same for BlazeFace, which looks at tiles of so fine pixels: a crop of this side is 22 px of face in 192."""

UNLIMITED = 1 << 20  # pixels of longer side: the finder has chosen the size already


@dataclass(frozen=True)
class Search:
    """How hard to look.

    smallest: the photo is enlarged until a crop of so many pixels a side reaches `side` ...
    max_pixels: ... but to no more than this (HOG needs about 0.25 s per million); a larger photo is shrunk to it.
    policy: which of the faces found are wanted. side: instead of `DETECTED_SIDE`.
    tiles: whether BlazeFace looks at parts of the photo where HOG found nothing.
    """

    smallest: int = 16
    max_pixels: int = 16_000_000
    policy: Policy = "all"
    side: int = DETECTED_SIDE
    tiles: bool = False

    def recorded(self) -> dict[str, Any]:
        """What a folder of results records; settings that came later stand there only where they say something."""
        later = {"side": DETECTED_SIDE, "tiles": False}
        return {name: value for name, value in asdict(self).items() if later.get(name, ...) != value}


class Found(NamedTuple):
    """Faces from left to right, in photo pixels; `smallest` crop side that the search could reach."""

    faces: tuple[Face, ...]
    smallest: int


class FaceFinder:
    """Searches photos at the size that small faces need. versions: of what finds the faces."""

    def __init__(
        self, backend: LandmarkBackend, search: Search | None = None, versions: Mapping[str, int] | None = None
    ) -> None:
        self.backend = backend
        self.search = search or Search()
        self.versions = dict(versions or {})

    def find(self, image: np.ndarray) -> Found | Problem:
        """The wanted faces of a photo (H, W, 3) uint8, or why there are none (`no_face`, `several_faces`)."""
        height, width = image.shape[:2]
        wanted = max(1.0, self.search.side / self.search.smallest)
        factor = min(wanted, math.sqrt(self.search.max_pixels / (height * width)))
        smallest = max(self.search.smallest, math.ceil(self.search.side / factor - 1e-6)) if factor < wanted else None
        searched = _resized(image, factor)
        scale = np.array([width / searched.shape[1], height / searched.shape[0]])
        faces = [_in_photo(face, scale) for face in self.backend.detect([Query(searched)])[0]]
        chosen = select(faces, self.search.policy, Query(image))
        if isinstance(chosen, Problem):
            return chosen
        return Found(tuple(chosen), smallest or self.search.smallest)


def create_finder(request: LandmarkRequest, store: WeightStore, search: Search) -> FaceFinder:
    """A finder with one of the backends that detect. Raises WeightsError and ConfigurationError as `create_backend` does."""
    if request.name != "dlib":
        return FaceFinder(create_backend(request, store), search, request.versions)
    from fishprep.landmarks.dlib import DlibBackend, DlibSettings  # brings dlib along

    # One search at the size given: dlib's own doubling stops at the first size that shows a face, and misses the smaller.
    settings = DlibSettings(
        first_side=UNLIMITED, doublings=0, detector=request.detector, thorough=request.thorough, device=request.device
    )
    if request.detector == "blazeface":
        settings = replace(settings, thorough=True, turned_tiles=False, mirror=False)
        search = replace(search, side=BLAZEFACE_SIDE)
    else:
        search = replace(search, tiles=request.thorough)
    return FaceFinder(DlibBackend(settings, store), search, request.versions)


def _resized(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = image.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)


def _in_photo(face: Face, scale: np.ndarray) -> Face:
    """A face of the searched image in pixels of the photo; `scale`: photo over searched pixels, in x and y."""
    corners = _moved(np.array(face.box, np.float64).reshape(2, 2), scale)
    box = (float(corners[0, 0]), float(corners[0, 1]), float(corners[1, 0]), float(corners[1, 1]))
    return replace(face, points=_moved(face.points, scale).astype(np.float32), box=box)


def _moved(points: np.ndarray | Sequence[float], scale: np.ndarray) -> np.ndarray:
    return (np.asarray(points, np.float64) + 0.5) * scale - 0.5
