"""What comes of a photo."""

from dataclasses import dataclass

import numpy as np

from fishprep.common.status import Problem
from fishprep.faces.photo import Photo
from fishprep.landmarks.base import Box, Candidate


@dataclass(frozen=True, eq=False)
class HRFace:
    """A face that is kept: image (128, 128, 3) uint8 RGB; landmarks (68, 2) float32 in its pixels; box in the photo;
    score as in `Face`. is_subject: whether the identity that the source gives the photo is this person's. angle: degrees by which
    the box stands turned in the photo, 0 unless the recipe is upright. given: its map, (128, 128) uint8, where the source has one."""

    image: np.ndarray
    landmarks: np.ndarray
    box: Box
    backend: str
    score: float
    is_subject: bool
    angle: float = 0.0
    given: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a photo: the faces kept, left to right, and the problems of those dropped.

    sha256 is empty where the file could not be read; width and height are None where it was not decoded. note: what its source
    and its decoder have to say, which decides nothing. candidate: of a photo in which no face was found, the best of what was seen
    and not believed.
    """

    photo: Photo
    sha256: str = ""
    width: int | None = None
    height: int | None = None
    kept: tuple[HRFace, ...] = ()
    dropped: tuple[Problem, ...] = ()
    note: str = ""
    candidate: Candidate | None = None
