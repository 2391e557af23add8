"""The photos of a finished build by their status, as somebody asks who wants to try them again."""

from collections.abc import Sequence
from pathlib import Path

from fishprep.builds.folder import BuildFolder
from fishprep.storage.base import Storage


def count_photos(place: Path | Storage, statuses: Sequence[str]) -> int:
    """How many photos of a finished build have one of the statuses."""
    BuildFolder.at(place).manifest()
    return len(photos_of(place, statuses))


def photos_of(place: Path | Storage, statuses: Sequence[str]) -> set[str]:
    """Ids of the photos of a finished build that have a row with one of the statuses."""
    rows = BuildFolder.at(place).samples(["photo", "status"])
    pairs = zip(rows["photo"].to_pylist(), rows["status"].to_pylist(), strict=True)
    wanted = set(statuses)
    return {photo for photo, status in pairs if status in wanted}
