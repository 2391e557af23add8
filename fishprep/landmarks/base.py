"""What a landmark backend is: photos in, faces with 68 points each out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fishprep.detectors.base import Box


@dataclass(frozen=True, eq=False)
class Face:
    """One face found in a photo.

    points: (68, 2) float32, iBUG order, x right and y down, 0-based, centres of pixels at integers.
    box: where the detector saw the face; the box of the points where there was no detector.
    score: the detector's own confidence, larger is surer; NaN where it gives none.
    backend: what ran, for the manifest: `dlib-hog`, `dlib-hog@1` (upsampled once), `dlib-cnn`, `dlib-known-place`, `fan-sfd`,
        `annotation`, ...
    doubt: why it is not to be believed, one line; empty where it is. `select` never takes such a face.
    """

    points: np.ndarray
    box: Box
    score: float
    backend: str
    doubt: str = ""


@dataclass(frozen=True)
class Candidate:
    """What a detector saw in a photo and nobody believed: a trace below its threshold, or a face that was doubted.

    box, score: as in `Face`. backend: what saw it, in the words of `Face.backend`; scores of two do not compare.
    """

    box: Box
    score: float
    backend: str


@dataclass(frozen=True, eq=False, slots=True)
class Reference:
    """What a data set's own files say of the one annotated face of a photo; all in upright photo pixels, 0-based.

    points: (68, 2) float32 landmarks, or None.
    five: (5, 2) float32: the viewer's left eye, right eye, nose tip, left and right corner of the mouth; or None.
    box: face box, or None.
    eyes: (2, 2) float32: where the data set's alignment puts the two eye centres (viewer's left first), or None. Not
        measured on this photo: a place to look at, never a truth to drop a face by unless the detector missed it.
    marks: (2, 2) or (3, 2) float64, which somebody set by hand for a retry (`landmarks.marks`), or None.
    """

    points: np.ndarray | None = None
    five: np.ndarray | None = None
    box: Box | None = None
    eyes: np.ndarray | None = None
    marks: np.ndarray | None = None


NO_REFERENCE = Reference()
"""Of a photo of which its source says nothing."""


@dataclass(frozen=True, eq=False)
class Query:
    """One photo to search: `image` (H, W, 3) uint8 RGB, upright."""

    image: np.ndarray
    reference: Reference = field(default_factory=Reference)


class LandmarkBackend(Protocol):
    """Finds faces and their 68 points in a batch of photos.

    A backend is derived from this class, and has `name` and `weights`. `name`: its key in `BACKENDS`. `weights` maps the names of
    the weight files in use to their SHA-256. `batches`: whether photos are searched faster together than one after another.
    `asks_known_place`: a photo in which nothing is found is searched again where its reference says that the face is.
    """

    name: str
    weights: dict[str, str]
    batches: bool = False
    asks_known_place: bool = False

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        """All faces of each photo, from the viewer's left to right by the centre of their points; no face is an empty list.

        Where no detection is to be believed, those that are not may be given with their `doubt`, so that it can be said why.

        The result of a photo depends on that photo alone, not on what else is in the batch.
        """
        ...

    def candidate(self, query: Query) -> Candidate | None:
        """The best of what is seen in a photo below the thresholds, asked for where `detect` gave no face; None where it cannot
        be told, or there is nothing."""
        return None
