"""What a comparison tells while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from fishfsr.training.journal import TrainingNews


@dataclass(frozen=True)
class FacesMeasured:
    """`done` of `total` faces of the method `title` are measured."""

    title: str
    done: int
    total: int


ComparisonNews = TrainingNews | FacesMeasured
ComparisonListener = Callable[[ComparisonNews], None]
