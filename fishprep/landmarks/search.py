"""The search for the faces of one photo, by one detector after another."""

from dataclasses import dataclass, field

from fishprep.detectors.base import Detection
from fishprep.landmarks.base import Box, Face, Query
from fishprep.landmarks.blazeface import PORTRAIT_SHARE, SeenFace, share_of
from fishprep.landmarks.geometry import box_of_points, left_to_right, overlap, without_doubles
from fishprep.landmarks.second_look import WEAK

AT_PLACE = 0.2
"""Overlap (intersection over union) from which a face found counts as the annotated one. Loose, as annotated boxes vary."""

SAME_FACE = 0.4
"""Overlap from which two detections are one face."""


@dataclass
class PhotoSearch:
    """What has been found in a photo so far. wanted: where the annotated face is. glanced, seen: what BlazeFace sees at first, and its
    faces, once it was asked."""

    query: Query
    wanted: Box | None
    faces: list[Face] = field(default_factory=list)
    doubtful: list[Face] = field(default_factory=list)
    glanced: list[Detection] | None = None
    seen: list[SeenFace] | None = None

    def take(self, looked_at: list[Face]) -> None:
        """Faces with their doubts, found by one search."""
        self.doubtful += [face for face in looked_at if face.doubt]
        self.faces = without_doubles([*self.faces, *(face for face in looked_at if not face.doubt)], SAME_FACE)

    def not_found_yet(self) -> list[Face]:
        """Of BlazeFace's faces those at no face that has been found: whose points are there stay."""
        found = [box_of_points(face.points) for face in self.faces]
        return [one.face for one in self.seen or [] if not any(is_at(one.face, box) for box in found)]

    @property
    def is_portrait(self) -> bool:
        """Whether the photo is of a face that dlib is sure of."""
        image = self.query.image
        return any(face.score >= WEAK and share_of(face.box, image) >= PORTRAIT_SHARE for face in self.faces)

    @property
    def ended(self) -> bool:
        """Whether the wanted face is among those found."""
        return any(is_at(face, self.wanted) for face in self.faces)

    def result(self) -> list[Face]:
        """The faces found; where there are none, the doubted ones."""
        return left_to_right(self.faces or without_doubles(self.doubtful, SAME_FACE))


def is_at(face: Face, wanted: Box | None) -> bool:
    """Whether a face is at the place that is wanted; where none is, every face is."""
    return wanted is None or overlap(box_of_points(face.points), wanted) >= AT_PLACE
