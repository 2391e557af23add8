"""What a build will cost: a few photos are taken all the way, in memory, and the rest is arithmetic."""

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from fishprep.pipeline import FacePipeline, HRFace
from fishprep.plan import Plan
from fishprep.pyramid import HR_SIZE, SIZES

SAMPLE_BYTES = sum(size * size * (3 + 1) for size in SIZES) + 68 * 2 * 4 + 4 * 4
"""Bytes of a sample in a shard, without its id."""


@dataclass(frozen=True)
class Estimate:
    """From `tried` photos: faces kept a photo, seconds a photo in one process, bytes of all shards, seconds of the whole
    build with the workers asked for, and what became of the photos that were dropped."""

    tried: int
    kept_per_photo: float
    seconds_per_photo: float
    shard_bytes: int
    build_seconds: float
    dropped: dict[str, int]


def estimate(plan: Plan, pipeline: FacePipeline, workers: int, tries: int = 24) -> Estimate:
    """Try photos spread evenly over the plan. The plan must hold at least one."""
    chosen = np.unique(np.linspace(0, len(plan.photos) - 1, tries).round().astype(int))
    start = time.perf_counter()
    outcomes = list(pipeline.faces(plan.photos[index] for index in chosen))
    faces = [face for outcome in outcomes for face in outcome.kept]
    _parse(pipeline, faces)
    seconds = (time.perf_counter() - start) / len(chosen)
    kept = len(faces) / len(chosen)
    classes = HR_SIZE**2 if pipeline.configuration.keep_classes else 0
    return Estimate(
        tried=len(chosen),
        kept_per_photo=kept,
        seconds_per_photo=seconds,
        shard_bytes=round(len(plan.photos) * kept * (SAMPLE_BYTES + classes)),
        build_seconds=seconds * len(plan.photos) / workers,
        dropped=dict(Counter(str(problem.status) for outcome in outcomes for problem in outcome.dropped)),
    )


def _parse(pipeline: FacePipeline, faces: list[HRFace]) -> None:
    if faces:
        pipeline.parser.parse(np.stack([face.image for face in faces]), np.stack([face.landmarks for face in faces]))
