"""Faces that somebody has marked by hand: the 68 points are fitted to the face once it is turned upright by its eyes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.common.weights import WeightStore
from fishprep.landmarks.base import Face, LandmarkBackend, Query
from fishprep.landmarks.geometry import LEFT_MOUTH, RIGHT_MOUTH, box_of_points, eye_centres
from fishprep.landmarks.marks import in_order
from fishprep.landmarks.upright import REACH, UprightFitter
from fishprep.landmarks.weights import DLIB_68

DROP = 1.16
"""From the middle between the eyes to the mouth, in distances between the eyes, of the mean face that looks at the viewer."""

MOST_ASTRAY = 0.45
"""Distances between the eyes that none of the fitted eyes and the mouth may lie further from its mark. Of 65 annotated faces of Helen and
AFW, marked at random by 0.08 of that distance off in x and y, none has more than 0.31."""

SEEN_APART = 150.0
"""Pixels between the eyes to which a photo is shrunk that is smaller than what the fitter wants to see: it looks at 50."""


class MarkedBackend(LandmarkBackend):
    """The face that is marked in each photo; none where nothing is. What is fitted far from the marks is doubted."""

    name = "marked"

    def __init__(self, store: WeightStore) -> None:
        """WeightsError where dlib's predictor is missing or not the recorded one."""
        import dlib

        trees = dlib.shape_predictor(str(store.locate(DLIB_68)))
        self.weights = {Path(DLIB_68.file).name: DLIB_68.sha256}
        self._fitter = UprightFitter(trees, dlib.rectangle, dlib.get_frontal_face_detector())

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        """As `LandmarkBackend.detect`."""
        return [self._faces(query) for query in queries]

    def _faces(self, query: Query) -> list[Face]:
        if query.reference.marks is None:
            return []
        marks = in_order(np.asarray(query.reference.marks, np.float64))
        eyes = _of_face_ahead(marks)
        points = self._fit(query.image, eyes)
        if points is None:
            return []
        return [Face(points, box_of_points(points), float("nan"), self.name, _doubt(points, marks, eyes))]

    def _fit(self, image: np.ndarray, eyes: np.ndarray) -> np.ndarray | None:
        """As `UprightFitter.fit`; where a face fills the photo its border goes on for as far as the fitter wants to see."""
        height, width = image.shape[:2]
        apart = float(np.hypot(*(eyes[1] - eyes[0])))
        inside = bool(((eyes >= -0.5) & (eyes <= (width - 0.5, height - 0.5))).all())
        if apart * REACH <= max(height, width) or not inside:
            return self._fitter.fit(image, eyes)
        size = [max(1, round(side * min(1.0, SEEN_APART / apart))) for side in (width, height)]
        scale, beyond = np.array(size) / (width, height), round(REACH * min(apart, SEEN_APART))
        seen = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        seen = cv2.copyMakeBorder(seen, beyond, beyond, beyond, beyond, cv2.BORDER_REPLICATE)
        points = self._fitter.fit(seen, (eyes + 0.5) * scale - 0.5 + beyond)
        return None if points is None else ((points - beyond + 0.5) / scale - 0.5).astype(np.float32)


def _of_face_ahead(marks: np.ndarray) -> np.ndarray:
    """The eyes (2, 2) as far apart as they are in a face of this size that looks at the viewer: in one that looks aside they stand
    close together, and the mouth tells its size."""
    eyes = marks[:2]
    if len(marks) < 3:
        return eyes
    middle, across = eyes.mean(axis=0), eyes[1] - eyes[0]
    apart, drop = np.hypot(*across), np.hypot(*(marks[2] - middle))
    return np.asarray(middle + (eyes - middle) * max(1.0, drop / DROP / apart))


def _doubt(points: np.ndarray, marks: np.ndarray, eyes: np.ndarray) -> str:
    """Why points that were fitted are not believed; empty where they are."""
    mouth = points[[LEFT_MOUTH, RIGHT_MOUTH]].mean(axis=0)
    mine = np.stack([*eye_centres(points), mouth])[: len(marks)]
    astray = np.linalg.norm(mine - marks, axis=1).max() / np.hypot(*(eyes[1] - eyes[0]))
    if astray <= MOST_ASTRAY:
        return ""
    return f"the points do not fit the face that was marked: {astray:.2f} of the distance between its eyes astray"
