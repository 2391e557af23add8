"""Which of the faces found in a photo are wanted, and whether they agree with a reference."""

from typing import Literal

import numpy as np

from fishprep.common.status import Problem, Status
from fishprep.common.words import counted
from fishprep.landmarks.base import Face, Query
from fishprep.landmarks.geometry import (
    LEFT_MOUTH,
    NOSE_TIP,
    RIGHT_MOUTH,
    area,
    box_of_points,
    eye_centres,
    overlap,
)
from fishprep.landmarks.known_place import annotated_box

VERSION = 1
"""Of which faces are chosen and which are dropped: whoever changes a choice raises it."""

Policy = Literal["largest", "center", "all", "reject"]

DISAGREEMENT_LIMIT = 0.25
"""The default limit of `disagreement`: 3 times what 95 % of right faces stay below, a tenth of the nearest wrong face; see
`docs/landmarks.md`."""

MIN_SCORE = 0.35
"""The default share of the best score below which `largest` takes a detection for no face; see `docs/landmarks.md`."""


def select(faces: list[Face], policy: Policy, query: Query, min_score: float = MIN_SCORE) -> list[Face] | Problem:
    """The wanted faces, from left to right, or why there are none.

    largest: the one whose box of points has the largest area inside the photo, of those that are no weaker than `min_score`
    times the photo's best score, which counts as 1 at most. center: the one whose points' centre is nearest
    to the middle of the photo. all: every face. reject: the only face; several are a problem.

    A face that its backend doubts is never taken.

    Where the reference tells where the annotated face is, `largest` and `center` take the face that overlaps it most, whatever
    its size: its identity, attributes and points are those of that person. If none overlaps it at all, that is `no_face`; only
    the place that an alignment implies (`eyes`) never drops a face, as it was not measured on this photo.
    """
    doubts = [face.doubt for face in faces if face.doubt]
    faces = [face for face in faces if not face.doubt]
    if not faces:
        return Problem(Status.NO_FACE, doubts[0] if doubts else "no face found")
    if policy == "all":
        return list(faces)
    if policy == "reject":
        if len(faces) == 1:
            return list(faces)
        return Problem(Status.SEVERAL_FACES, f"{len(faces)} faces found (--faces reject)")
    if annotated := _annotated(faces, query):
        return annotated
    return [_largest(_sure(faces, min_score), query) if policy == "largest" else _nearest_to_middle(faces, query)]


def subject(faces: list[Face], query: Query) -> Face | None:
    """Whom what the source says of the photo is about, its identity too: the face at the annotated place.

    Where the source tells no place it is the only face that was chosen; of several nobody can tell.
    """
    wanted = annotated_box(query.reference)
    if wanted is None:
        return faces[0] if len(faces) == 1 else None
    nearest = max(faces, key=lambda face: overlap(box_of_points(face.points), wanted))
    return nearest if overlap(box_of_points(nearest.points), wanted) > 0 else None


def disagreement(points: np.ndarray, five: np.ndarray) -> float:
    """Mean distance of (68, 2) points from a (5, 2) reference, in inter-ocular distances of the reference.

    Compared are the eye centres (mean of six points each), the nose tip (point 30, from 0) and the corners of the mouth (48
    and 54). Infinite where the reference has its eyes in one place.
    """
    mine = np.concatenate([eye_centres(points), points[[NOSE_TIP, LEFT_MOUTH, RIGHT_MOUTH]]])
    apart = float(np.linalg.norm(five[1] - five[0]))
    return float(np.linalg.norm(mine - five, axis=1).mean()) / apart if apart > 0 else float("inf")


def _annotated(faces: list[Face], query: Query) -> list[Face] | Problem | None:
    """The annotated face, the problem that it was not found, or None where nothing is known of it."""
    wanted = annotated_box(query.reference)
    if wanted is None:
        return None
    overlaps = [overlap(box_of_points(face.points), wanted) for face in faces]
    best = int(np.argmax(overlaps))
    if overlaps[best] > 0:
        return [faces[best]]
    reference = query.reference
    if reference.points is None and reference.five is None and reference.box is None:
        return None
    return Problem(Status.NO_FACE, f"{counted(len(faces), 'face')} found, none at the place of the annotated one")


def _sure(faces: list[Face], min_score: float) -> list[Face]:
    """Without the detections that are much weaker than the best; a backend that gives no scores keeps all."""
    best = max(face.score for face in faces)
    limit = min(best, min_score * min(best, 1.0))  # the best itself stays where its score is negative
    return [face for face in faces if not face.score < limit]


def _largest(faces: list[Face], query: Query) -> Face:
    height, width = query.image.shape[:2]
    return max(faces, key=lambda face: _area_inside(face, width, height))


def _nearest_to_middle(faces: list[Face], query: Query) -> Face:
    height, width = query.image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return min(faces, key=lambda face: float(np.linalg.norm(face.points.mean(axis=0) - middle)))


def _area_inside(face: Face, width: int, height: int) -> float:
    x0, y0, x1, y1 = box_of_points(face.points)
    return area((max(x0, -0.5), max(y0, -0.5), min(x1, width - 0.5), min(y1, height - 0.5)))
