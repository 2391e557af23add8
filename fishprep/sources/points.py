"""The files with the 68 points of photos: where they are sought, and which of them may be read."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from fishprep.common import names
from fishprep.sources.links import link_problem

POINTS_SUFFIXES = (".pts", ".csv", ".json")
"""A file of the photo's name with one of these, in small or large letters, holds the photo's 68 points."""


@dataclass(frozen=True)
class PointsFile:
    """The points file of a photo; where there is none, or it may not be read, `problem` says so in one line."""

    path: Path | None = None
    problem: str = ""


@dataclass(frozen=True)
class PointsFiles:
    """Finds the points files of the photos below `root`; each folder is listed once.

    points: one file for all photos (a JSON), or a folder with the photos' own tree; None looks beside the photo. A file that
    is a link out of the folder it was found in is read with `follow_links` only.
    """

    root: Path
    points: Path | None = None
    follow_links: bool = False
    _listed: dict[Path, dict[str, str]] = field(default_factory=dict, repr=False)

    def of(self, photo: Path) -> PointsFile:
        """The points file of a photo below the root: `NAME.pts`, or `NAME.jpg.pts`, or with another of `POINTS_SUFFIXES`."""
        if self.points is not None and not self.points.is_dir():
            return PointsFile(self.points)
        place = photo if self.points is None else self.points / photo.relative_to(self.root)
        there = self._names(place.parent)
        spellings = [stem + suffix for suffix in POINTS_SUFFIXES for stem in (place.stem, place.name)]
        found = next((there[name] for name in spellings if name in there), None)
        if found is None:
            where = "beside the photo" if self.points is None else "in the folder of --points"
            sought = names.text(", ".join(spellings))
            return PointsFile(problem=f"no points file: sought {where} as {sought}")
        return self.guarded(place.with_name(found), self.root if self.points is None else self.points)

    def named(self, name: str) -> PointsFile:
        """The points file that a list names, below the root."""
        return self.guarded(self.root / name.replace("\\", "/"), self.root)

    def guarded(self, path: Path, root: Path) -> PointsFile:
        """A points file, or why it may not be read."""
        if problem := link_problem(path, root, self.follow_links):
            return PointsFile(problem=f"{names.text(path.name)}: {problem.reason}")
        return PointsFile(path)

    def _names(self, folder: Path) -> dict[str, str]:
        """Names of points files in a folder: with the suffix in small letters → as they are on the disk."""
        if folder not in self._listed:
            if len(self._listed) > 64:  # sources go folder by folder
                self._listed.clear()
            try:
                entries = sorted((entry.name for entry in os.scandir(folder)), reverse=True)  # `.pts` wins over `.PTS`
            except OSError:
                entries = []
            split = (os.path.splitext(name) for name in entries)  # noqa: PTH122
            self._listed[folder] = {
                stem + suffix.lower(): stem + suffix for stem, suffix in split if suffix.lower() in POINTS_SUFFIXES
            }
        return self._listed[folder]
