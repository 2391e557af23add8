"""What came of photos → rows of the manifest: one for each face, and one for each photo of which no face was kept."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.manifest import Row
from fishprep.builds.plan import ShardSpec
from fishprep.common.names import face_id
from fishprep.common.status import Problem, Status
from fishprep.common.steps import Steps
from fishprep.faces.measures import measure
from fishprep.faces.outcome import Outcome
from fishprep.faces.photo import Photo


def face_ids(outcome: Outcome, configuration: BuildConfiguration) -> list[str]:
    numbered = configuration.faces == "all" and len(outcome.kept) > 1
    return [face_id(outcome.photo.id, number if numbered else None) for number in range(len(outcome.kept))]


def rows_of(
    spec: ShardSpec, outcomes: list[Outcome], skin: np.ndarray, configuration: BuildConfiguration, steps: Steps
) -> Iterator[Row]:
    index = 0
    for outcome in outcomes:
        dropped = outcome.dropped if outcome.kept else (_one_problem(outcome.dropped),)
        for name, face in zip(face_ids(outcome, configuration), outcome.kept, strict=True):
            side = max(face.box[2] - face.box[0], face.box[3] - face.box[1])
            with steps.at("measure", outcome.photo.id):
                measures = measure(face.image, skin[index], face.landmarks, side)
            yield replace(
                _row(outcome, name, spec.name.split, Status.OK, ""),
                identity=outcome.photo.identity if face.is_subject else None,
                shard=str(spec.name),
                index=index,
                box=face.box,
                angle=face.angle if configuration.upright else None,
                landmark_backend=face.backend,
                score=face.score if math.isfinite(face.score) else None,
                measures=measures,
            )
            index += 1
        for problem in dropped:
            row = _row(outcome, face_id(outcome.photo.id, None), spec.name.split, problem.status, problem.reason)
            yield replace(row, identity=None) if outcome.kept else row  # of a face beside others: whose, nobody knows


def _one_problem(problems: tuple[Problem, ...]) -> Problem:
    """A photo of which nothing was kept has one row: its first problem, and how many faces had one."""
    if len(problems) == 1:
        return problems[0]
    return Problem(problems[0].status, f"{len(problems)} faces, none kept: " + "; ".join(p.reason for p in problems))


def _row(outcome: Outcome, name: str, split: str, status: Status, reason: str) -> Row:
    photo: Photo = outcome.photo
    seen = outcome.candidate
    return Row(
        id=name,
        photo=photo.id,
        path=photo.relative,
        sha256=outcome.sha256,
        split=split,
        status=status,
        reason=reason,
        licence=photo.licence,
        note=outcome.note or None,
        identity=photo.identity,
        candidate=seen.backend if seen else None,
        candidate_score=seen.score if seen and math.isfinite(seen.score) else None,
        candidate_box=seen.box if seen else None,
        width=outcome.width,
        height=outcome.height,
    )
