"""What a build is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishprep.builds.pipelines import WeightsFrom
from fishprep.builds.plan import Plan
from fishprep.builds.resolved import Resolved
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
