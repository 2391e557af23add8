"""Faces that BlazeFace sees, with the 68 points that dlib's predictor fits to them once they are turned upright."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fishprep.common.weights import WeightStore
from fishprep.detectors.base import Detection
from fishprep.detectors.blazeface import BlazeFace, BlazeFaceSettings, load_blazeface
from fishprep.detectors.suppression import SAME_FACE
from fishprep.landmarks.base import Box, Candidate, Face
from fishprep.landmarks.geometry import LEFT_MOUTH, NOSE_TIP, RIGHT_MOUTH, eye_centres, overlap, without_doubles
from fishprep.landmarks.sense import roll
from fishprep.landmarks.upright import UprightFitter

LOOKS = ((0,), (1, 3), (2,))
"""Quarter turns of each look: upright, on its sides, and turned by half. The last, so that a face that stands upside down is seen for
what it is, and not for one on its side with brows on the mouth."""

NAMES = ("blazeface", "blazeface-turned", "blazeface-turned")
"""What ran, for the manifest, by the look."""

TRACE_SCORE = 0.2
"""Score from which what the detector sees is a candidate where no face is found; it is a face from 0.5."""

MOST_STRAY = 0.45
"""Distances between the eyes that the fitted eyes, nose and mouth may lie from the detector's, in the mean. Of 60 faces of Helen
and AFW 99 % have less than 0.32, none more than 0.41."""

MOST_ROLL = 120.0
"""Degrees: a face that is turned further counts as upside down."""

MOST_FURTHER = 0.1
"""By how much another detector's points may stray further from what BlazeFace saw than those fitted to that."""


PORTRAIT_SCORE = 0.7
PORTRAIT_SHARE = 0.25
"""Of the photo's longer side: where an upright face takes so much and has that score, the photo is not looked at turned."""

PORTRAIT_ROLL = 30.0
"""Degrees: a face turned further the second look may see better."""

PORTRAIT_STRAY = 0.3
"""As `MOST_STRAY`, for such a face."""

CONFIRMED_STRAY = 0.15
"""Distances between the eyes that another detector's points may lie from what BlazeFace sees with `PORTRAIT_SCORE` for the face to be
beyond doubt. 140 of 203 weak finds of HOG in 1,600 photos of CelebA lie nearer; of 22 that stood upside down none, and none was seen
with that score."""


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A detection with the points fitted: (68, 2), and (6, 2) of the detector."""

    points: np.ndarray
    seen: np.ndarray
    box: Box
    score: float
    name: str

    @cached_property
    def stray(self) -> float:
        return stray(self.points, self.seen)

    @property
    def doubt(self) -> str:
        """Why the face is not believed; empty where it is."""
        if self.stray > MOST_STRAY:
            return f"the points do not fit the face seen: {self.stray:.2f} of the distance between its eyes astray"
        turned = roll(self.points)
        return f"the face stands upside down: turned by {turned:.0f} degrees" if abs(turned) > MOST_ROLL else ""

    @property
    def face(self) -> Face:
        return Face(self.points, self.box, self.score, self.name, self.doubt)

    def is_portrait_of(self, image: np.ndarray) -> bool:
        """Whether the photo is of this face, which is settled."""
        return self.is_settled and share_of(self.box, image) >= PORTRAIT_SHARE

    @property
    def is_settled(self) -> bool:
        """Whether the face is beyond doubt and upright: looking at it turned tells no more."""
        sure = self.score >= PORTRAIT_SCORE and self.stray <= PORTRAIT_STRAY
        return sure and abs(roll(self.points)) <= PORTRAIT_ROLL


@dataclass(frozen=True)
class Tiling:
    """How small the tiles of each look are, as in `BlazeFaceSettings.smallest`; None looks at the whole photo alone."""

    upright: float | None = None
    turned: float | None = None


class BlazeFaces:
    """Finds faces at any angle but upside down."""

    def __init__(self, fitter: UprightFitter, store: WeightStore, tiling: Tiling, device: str = "cpu") -> None:
        """WeightsError where the weights are missing or not the recorded ones."""
        self.fitter = fitter
        upright = load_blazeface(BlazeFaceSettings(smallest=tiling.upright, turns=LOOKS[0]), store, device)
        further = (BlazeFaceSettings(smallest=tiling.turned, turns=turns) for turns in LOOKS[1:])
        self.detectors = (upright, *(BlazeFace(upright.runner, each) for each in further))
        self.weights = dict(upright.weights)

    def glance(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """What is seen in photos (H, W, 3) uint8 RGB as they stand, searched together: the first of the looks."""
        return self.detectors[0].find(images)

    def look(
        self, images: Sequence[np.ndarray], glanced: Sequence[list[Detection]] | None = None
    ) -> list[list[SeenFace]]:
        """What is seen in photos, searched together; `glanced`, where they were glanced at before. Portraits are not looked at turned,
        and those where an upright face alone is seen not turned by half."""
        numbers = range(len(images))
        upright = self._fitted(images, numbers, glanced or self.glance(images), NAMES[0], {})
        settled = {number: [one.box for one in seen if one.is_settled] for number, seen in upright.items()}
        further = [
            number for number, image in enumerate(images) if not any(s.is_portrait_of(image) for s in upright[number])
        ]
        aside = self._look(images, further, 1, settled)
        unclear = [number for number in further if aside[number] or not upright[number]]
        over = self._look(images, unclear, 2, settled)
        return [
            _kept(upright[number] + without_doubles(aside.get(number, []) + over.get(number, []), SAME_FACE))
            for number in numbers
        ]

    def faces(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """The same as faces."""
        return [[one.face for one in seen] for seen in self.look(images)]

    def _look(
        self, images: Sequence[np.ndarray], numbers: Sequence[int], look: int, settled: Mapping[int, list[Box]]
    ) -> dict[int, list[SeenFace]]:
        """What a look sees of some of the photos, by their numbers; not what is `settled` there, to which no points are fitted again."""
        found = self.detectors[look].find([images[number] for number in numbers])
        return self._fitted(images, numbers, found, NAMES[look], settled)

    def _fitted(
        self,
        images: Sequence[np.ndarray],
        numbers: Sequence[int],
        found: Sequence[list[Detection]],
        name: str,
        settled: Mapping[int, list[Box]],
    ) -> dict[int, list[SeenFace]]:
        return {
            number: [
                SeenFace(points, one.points, one.box, one.score, name)
                for one in detections
                if one.points is not None
                and all(overlap(one.box, box) < SAME_FACE for box in settled.get(number, ()))
                and (points := self.fitter.fit(images[number], one.points[:2])) is not None
            ]
            for number, detections in zip(numbers, found, strict=True)
        }

    def candidate(self, image: np.ndarray) -> Candidate | None:
        """The surest of what the looks see with the threshold lowered."""
        seen = [
            Candidate(_plain(detection.box), detection.score, name)
            for name, detector in zip(NAMES, self.detectors, strict=True)
            for detection in detector.lowered(TRACE_SCORE).find([image])[0][:1]
        ]
        return max(seen, key=lambda one: one.score, default=None)


def is_confirmed(face: Face, glanced: Sequence[Detection]) -> bool:
    """Whether one of the detections is sure of another detector's face, with eyes, nose and mouth where its points are."""
    return any(
        one.points is not None
        and one.score >= PORTRAIT_SCORE
        and overlap(face.box, one.box) >= SAME_FACE
        and stray(face.points, one.points) <= CONFIRMED_STRAY
        for one in glanced
    )


def doubt_of_other(face: Face, seen: Sequence[SeenFace]) -> str:
    """Why the points of another detector's face do not fit it: BlazeFace has `seen` eyes, nose and mouth of the face elsewhere, where
    the points fitted to them are."""
    for other in seen:
        if not other.doubt and overlap(face.box, other.box) >= SAME_FACE:
            far = stray(face.points, other.seen)
            if far > other.stray + MOST_FURTHER:
                return f"the points do not fit the face there: {far:.2f} of the distance between its eyes astray"
    return ""


def share_of(box: Box, image: np.ndarray) -> float:
    """Height of a face over the photo's longer side."""
    return (box[3] - box[1]) / max(image.shape[:2])


def _plain(box: Box) -> Box:
    x0, y0, x1, y1 = map(float, box)
    return x0, y0, x1, y1


def stray(points: np.ndarray, seen: np.ndarray) -> float:
    """Mean distance of eyes, tip of the nose and mouth of (68, 2) points from the detector's (6, 2), over that between its eyes."""
    mouth = points[[LEFT_MOUTH, RIGHT_MOUTH]].mean(0)
    mine = np.stack([*eye_centres(points), points[NOSE_TIP], mouth])
    apart = float(np.linalg.norm(seen[1] - seen[0]))
    return float(np.linalg.norm(mine - seen[:4], axis=1).mean()) / apart if apart > 0 else np.inf


def _kept(seen: list[SeenFace]) -> list[SeenFace]:
    """Of two looks at one face that counts which is surer and whose points fit better what it saw."""
    kept: list[SeenFace] = []
    for one in sorted(seen, key=lambda one: one.stray - one.score):
        if all(overlap(one.box, other.box) < SAME_FACE for other in kept):
            kept.append(one)
    return kept
