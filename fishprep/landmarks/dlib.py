"""dlib's detectors and its 68-point predictor: no download, no GPU."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fishprep.common.weights import WeightStore
from fishprep.detectors.base import Detection
from fishprep.landmarks.base import Box, Candidate, Face, LandmarkBackend, Query
from fishprep.landmarks.blazeface import NAMES as BLAZEFACE_NAMES
from fishprep.landmarks.blazeface import BlazeFaces, Tiling, doubt_of_other, is_confirmed
from fishprep.landmarks.chip import can_cut, cut_chip, resize_to, resized_box_to_photo
from fishprep.landmarks.geometry import eye_centres, overlap
from fishprep.landmarks.known_place import annotated_box, box_of_eyes, known_eyes
from fishprep.landmarks.predictor import PointsPredictor
from fishprep.landmarks.search import SAME_FACE, PhotoSearch, is_at
from fishprep.landmarks.second_look import TRACE_SCORE, WEAK, SecondLook
from fishprep.landmarks.upright import UprightFitter
from fishprep.landmarks.weights import DLIB_68, DLIB_CNN

LARGEST_PLACE_ERROR = 0.2
"""Inter-ocular distances that an eye may lie from its known place."""

SMALLEST_CNN_SIDE = 10
"""Pixels: below, dlib's CNN raises, and there is no face to find."""


@dataclass(frozen=True)
class DlibSettings:
    """How hard to look, in pixels of longer side.

    first_side: a larger photo is shrunk to this for the first search; a smaller one is searched as it is.
    doublings: while no face is found, the search is repeated at twice the size, so many times at most ...
    last_side: ... and never in an image larger than this; with BlazeFace, `last_side_before_blazeface`. The HOG detector sees faces from
        80 px, so with one doubling from 40.
    detector: what searches, one after the other while nothing is found: one of `landmarks.SEARCHES`.
    thorough: BlazeFace looks at tiles of the photo too, down to `smallest` of its pixels a pixel (turned_tiles: turned as well), and
        after HOG in portraits too.
    cnn_side: the CNN detector's photo is shrunk to this: seconds per photo on a CPU.
    device: of BlazeFace.
    mirror: fit the points in the mirrored face too and take the mean: the predictor's time doubles.
    """

    first_side: int = 1024
    doublings: int = 1
    last_side: int = 2048
    last_side_before_blazeface: int = 1024
    detector: str = "hog+blazeface"
    thorough: bool = False
    smallest: float = 1.0
    turned_tiles: bool = True
    cnn_side: int = 640
    mirror: bool = True
    device: str = "cpu"


class DlibBackend(LandmarkBackend):
    """HOG at rising sizes or the CNN detector, the place that the data set's files imply, then BlazeFace: see `landmarks.SEARCHES`.

    The search ends at the first size at which a face is found; where the reference tells the place of the annotated face, at
    the first at which that one is found. A weak detection is looked at twice, and what is not believed is no find.
    """

    name = "dlib"
    asks_known_place = True

    def __init__(self, settings: DlibSettings, store: WeightStore) -> None:
        """WeightsError where a model file is missing or not the recorded one."""
        import dlib  # loads in 0.1 s, and only users of this backend need it

        kinds = settings.detector.split("+")
        records = [DLIB_68, DLIB_CNN] if "cnn" in kinds else [DLIB_68]
        paths = [store.locate(each) for each in records]
        self.settings = settings
        self.weights = {Path(each.file).name: each.sha256 for each in records}
        self._uses_hog = "hog" in kinds
        self._hog = dlib.get_frontal_face_detector()
        self._second_look = SecondLook(self._hog)
        trees = dlib.shape_predictor(str(paths[0]))
        self._predictor = PointsPredictor(trees, dlib.rectangle, settings.mirror)
        self._cnn = dlib.cnn_face_detection_model_v1(str(paths[1])) if "cnn" in kinds else None
        self._blazeface = None
        if "blazeface" in kinds:
            fitter = UprightFitter(trees, dlib.rectangle, self._hog, settings.mirror)
            smallest = settings.smallest if settings.thorough else None
            tiling = Tiling(smallest, smallest if settings.turned_tiles else None)
            self._blazeface = BlazeFaces(fitter, store, tiling, settings.device)
            self.weights |= self._blazeface.weights
            self.batches = settings.device != "cpu"  # a CPU gains next to nothing, and keeps a step for each photo

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        """As `LandmarkBackend.detect`; dlib searches photos one after another, BlazeFace together all that it is left to search."""
        searches = [PhotoSearch(query, annotated_box(query.reference)) for query in queries]
        for search in searches:
            for found in self._searches(search.query):
                self._take(search, found)
                if search.ended:
                    break
        if self._blazeface is not None:
            left = [search for search in searches if not search.ended or self._looks_further(search)]
            self._look(left)
            for search in left:
                self._take(search, search.not_found_yet())
        return [search.result() for search in searches]

    def candidate(self, query: Query) -> Candidate | None:
        """As `LandmarkBackend.candidate`: BlazeFace's, or without it HOG's at the size of the first search."""
        if self._blazeface is not None:
            return self._blazeface.candidate(query.image)
        if not self._uses_hog:
            return None
        found = self._hog_boxes(query.image, self._first_side(query.image), TRACE_SCORE)
        best = max(found, key=lambda one: one[1], default=None)
        return None if best is None else Candidate(*best, "dlib-hog")

    def _looks_further(self, search: PhotoSearch) -> bool:
        """Whether BlazeFace adds the faces that HOG left: not where it is known whose is wanted, nor in a portrait."""
        return search.wanted is None and (self.settings.thorough or not search.is_portrait)

    def _look(self, searches: list[PhotoSearch]) -> None:
        """What BlazeFace sees, in photos where it has not been asked yet."""
        assert self._blazeface is not None
        asked = [search for search in searches if search.seen is None]
        if not asked:
            return
        images, glanced = [search.query.image for search in asked], self._glanced(asked)
        for search, found in zip(asked, self._blazeface.look(images, glanced), strict=True):
            search.seen = found

    def _glanced(self, searches: list[PhotoSearch]) -> list[list[Detection]]:
        assert self._blazeface is not None
        asked = [search for search in searches if search.glanced is None]
        found = self._blazeface.glance([search.query.image for search in asked])
        for search, detections in zip(asked, found, strict=True):
            search.glanced = detections
        return [search.glanced or [] for search in searches]

    def _take(self, search: PhotoSearch, found: list[Face]) -> None:
        search.take([self._looked_at_twice(face, search) for face in found])

    def _looked_at_twice(self, face: Face, search: PhotoSearch) -> Face:
        """The face, with the doubt about it; none where its eyes are where the data set has them."""
        query, wanted = search.query, search.wanted
        if face.backend in BLAZEFACE_NAMES:
            return face  # whose points have been held against what the detector saw
        eyes = known_eyes(query.reference)
        if eyes is not None and place_error(face.points, eyes) <= LARGEST_PLACE_ERROR:
            return face
        if face.backend == "dlib-cnn":
            return replace(face, doubt=self._second_look.doubt_of_other(query.image, face.box))
        if face.score < WEAK and self._blazeface is not None and is_confirmed(face, *self._glanced([search])):
            return face
        lone = wanted is None or not is_at(face, wanted)
        doubt = self._second_look.doubt(query.image, face.box, face.score, lone)
        if not doubt and wanted is None and face.score < WEAK and self._blazeface is not None:
            self._look([search])
            doubt = doubt_of_other(face, search.seen or [])
        return replace(face, doubt=doubt)

    def _searches(self, query: Query) -> Iterator[list[Face]]:
        """What each search of dlib's finds, the cheapest and steadiest first."""
        image = query.image
        if self._uses_hog:
            yield from self._hog_searches(image)
        if self._cnn is not None:
            yield self._cnn_faces(image, min(max(image.shape[:2]), self.settings.cnn_side))
        yield self._retry(query)

    def _hog_searches(self, image: np.ndarray) -> Iterator[list[Face]]:
        settings = self.settings
        last = settings.last_side if self._blazeface is None else settings.last_side_before_blazeface
        first = self._first_side(image)
        for doubling in range(settings.doublings + 1):
            side = first << doubling
            if doubling and side > last:
                break
            name = f"dlib-hog@{doubling}" if doubling else "dlib-hog"
            yield [
                Face(self._predictor.fit(image, box), box, score, name) for box, score in self._hog_boxes(image, side)
            ]

    def _first_side(self, image: np.ndarray) -> int:
        return min(max(image.shape[:2]), self.settings.first_side)

    def _hog_boxes(self, image: np.ndarray, side: int, least: float = 0.0) -> list[tuple[Box, float]]:
        resized = resize_to(image, side)
        rectangles, scores, _ = self._hog.run(resized, 0, least)
        boxes = [resized_box_to_photo(_edges(rectangle), resized, image) for rectangle in rectangles]
        return [(box, score) for box, score in zip(boxes, scores, strict=True) if can_cut(image, box)]

    def _cnn_faces(self, image: np.ndarray, side: int) -> list[Face]:
        if min(image.shape[:2]) < SMALLEST_CNN_SIDE:
            return []
        resized = resize_to(image, side)
        faces = []
        for detection in self._cnn(resized, 0):  # type: ignore[misc]
            box = resized_box_to_photo(_edges(detection.rect), resized, image)
            if can_cut(image, box):
                points = self._predictor.fit_twice(image, box)
                faces.append(Face(points, box, float(detection.confidence), "dlib-cnn"))
        return faces

    def _retry(self, query: Query) -> list[Face]:
        """The face at the known place, if there is one: see `docs/landmarks.md`, "The known place"."""
        eyes = known_eyes(query.reference)
        if eyes is None or not np.isfinite(eyes).all():
            return []
        place = box_of_eyes(eyes)
        if not can_cut(query.image, place):
            return []
        score = self._trace(query.image, place)
        if score is None:
            return []
        points = self._predictor.fit_around(query.image, place)
        if place_error(points, eyes) > LARGEST_PLACE_ERROR:
            return []
        return [Face(points, place, score, "dlib-known-place")]

    def _trace(self, image: np.ndarray, place: Box) -> float | None:
        """Score of the best HOG detection at the place, with the threshold lowered as only one place is asked about."""
        chip = cut_chip(image, place, side=192, margin=48)
        rectangles, scores, _ = self._hog.run(chip.image, 0, TRACE_SCORE)
        at_place = [
            score
            for rectangle, score in zip(rectangles, scores, strict=True)
            if overlap(chip.box_to_photo(_edges(rectangle)), place) >= SAME_FACE
        ]
        return max(at_place, default=None)


def place_error(points: np.ndarray, eyes: np.ndarray) -> float:
    """Larger distance of the two eye centres of (68, 2) points from `eyes` (2, 2), over the distance between the latter."""
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    return float(np.linalg.norm(eye_centres(points) - eyes, axis=1).max()) / apart if apart > 0 else np.inf


def _edges(rectangle: Any) -> Box:
    """dlib's rectangles include their last pixels."""
    return rectangle.left() - 0.5, rectangle.top() - 0.5, rectangle.right() + 0.5, rectangle.bottom() + 0.5
