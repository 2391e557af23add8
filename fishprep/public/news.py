"""What the public functions tell on their way, and how to listen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fishprep.common.progress import Progress
from fishprep.sources import LeftOut


@dataclass(frozen=True)
class Compared:
    """How many of the photos were looked at for near-duplicates, before a split is drawn."""

    done: int
    total: int


@dataclass(frozen=True)
class Planned:
    """What is about to run: the photos of each split, what was left out and why, the recipe, all settings as they are recorded.

    expand: the side of the crop over the box of the landmarks, also where the recipe decides.
    """

    photos: dict[str, int]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    recipe: str
    configuration: dict[str, Any]
    expand: float

    @property
    def total(self) -> int:
        """Photos of all splits."""
        return sum(self.photos.values())


@dataclass(frozen=True)
class Chosen:
    """How many photos a retry or an extension takes up, or faces a remap."""

    total: int


News = Compared | Planned | Chosen | Progress
"""Of a plan, a build, a retry or an extension."""

Listener = Callable[[News], None]


def unheard(news: object) -> None:
    """Where nobody listens."""
