"""What a build is asked for, and what a retry or an extension of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fishprep.builds.folder import BuildFolder
from fishprep.builds.networks import WeightsFrom
from fishprep.builds.origins import PhotoOrigin
from fishprep.builds.plan import Plan
from fishprep.builds.resolved import Resolved
from fishprep.faces.photo import Photo
from fishprep.places.records import Root
from fishprep.sources import Listing
from fishprep.storage.base import Storage


@dataclass(frozen=True)
class BuildRequest:
    """A build: what, where to, and where its weights are."""

    folder: Path | Storage
    plan: Plan
    resolved: Resolved
    weights: WeightsFrom
    origin: dict[str, Any]
    """How the source was opened, so that `retry` and `verify` can open it again."""
    root: Root
    """Where the photos are, as the user typed it: the plan records their places from there."""


OVERRIDES = (
    "landmarks",
    "detector",
    "thorough",
    "faces",
    "min_score",
    "max_disagreement",
    "max_outside",
    "min_side",
    "max_bytes",
    "max_pixels",
    "max_seconds",
    "device",
    "threads",
)
"""What a retry may change: nothing of the recipe, so that its shards can be trained with the others."""


@dataclass(frozen=True)
class RetryRequest:
    """Photos of which the last try ended in one of `statuses`, tried with `overrides` over the build's configuration."""

    folder: Path | Storage
    photos: Sequence[Photo]
    """What the sources list now; what is meant, and in which split, says the recorded plan."""
    statuses: tuple[str, ...]
    overrides: dict[str, Any]
    weights: WeightsFrom
    follow_links: bool = False
    """How the source of `photos` was opened."""
    marks: Mapping[str, np.ndarray] | None = None
    """Photo → (2, 2) or (3, 2), where faces were marked by hand: these photos are meant, of `statuses` where there are any."""
    unopened: tuple[str, ...] = ()
    """What was wrong with sources of extensions that are not here."""

    @property
    def build(self) -> BuildFolder:
        """What the build has stored."""
        return BuildFolder.at(self.folder)


@dataclass(frozen=True)
class ExtendRequest:
    """A finished build, and a source with photos for it."""

    folder: Path | Storage
    origin: PhotoOrigin
    """How the source was opened, and the word before the names of its photos."""
    listing: Listing
    """What it holds now."""
    root: Root
    """Where the photos are, as the user typed it."""
    weights: WeightsFrom
    split: Path | None = None
    """A file of splits, where the build was split by one and this is another file."""

    @property
    def build(self) -> BuildFolder:
        """What the build has stored."""
        return BuildFolder.at(self.folder)
