"""Paths that settings give or leave out; apart, as whoever only looks at a build needs nothing of what builds."""

from pathlib import Path

from fishprep.builds.networks import WeightsFrom
from fishprep.public.settings import StrPath


def weights_from(folder: StrPath | None, parser: StrPath | None) -> WeightsFrom:
    """Where weights come from, as settings say it."""
    return WeightsFrom(optional_path(folder), optional_path(parser))


def optional_path(path: StrPath | None) -> Path | None:
    """None stays None."""
    return None if path is None else Path(path)
