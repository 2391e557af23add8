"""The files with the 68 points of photos: where they are sought, and which of them may be read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fishprep.common import names
from fishprep.sources.links import link_problem

POINTS_SUFFIXES = (".pts", ".csv", ".json")
"""A file of the photo's name with one of these, in small or large letters, holds the photo's 68 points."""


_IN_NO_FOLDER = (
    "no points file: those beside a photo in an archive or in a bucket are not read; unpack them into a folder and give that "
    "with --points"
)


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
    _listed: dict[Path, "_Folder"] = field(default_factory=dict, repr=False)

    def of(self, photo: Path) -> PointsFile:
        """The points file of a photo below the root: `NAME.pts`, or `NAME.jpg.pts`, or with another of `POINTS_SUFFIXES`.

        `Name.pts` is taken too, where no other photo and no other file makes it doubtful.
        """
        if self.points is not None and not self.points.is_dir():
            return PointsFile(self.points)
        place = photo if self.points is None else self.points / photo.relative_to(self.root)
        there = self._folder(place.parent)
        spellings = [stem + suffix for suffix in POINTS_SUFFIXES for stem in (place.stem, place.name)]
        if self.points is None and not there.is_there:
            return PointsFile(problem=_IN_NO_FOLDER)
        if not there.points and not there.folded:
            return PointsFile(problem=self._not_found(spellings))
        found = next((there.points[name] for name in spellings if name in there.points), None)
        found = found or there.spelt_otherwise(spellings, self._folder(photo.parent).others)
        if found is None:
            return PointsFile(problem=self._not_found(spellings))
        return self.guarded(place.with_name(found), self.root if self.points is None else self.points)

    def _not_found(self, spellings: Sequence[str]) -> str:
        where = "beside the photo" if self.points is None else "in the folder of --points"
        return f"no points file: sought {where} as {names.text(', '.join(spellings))}"

    def named(self, name: str) -> PointsFile:
        """The points file that a list names, below the root."""
        return self.guarded(self.root / name.replace("\\", "/"), self.root)

    def guarded(self, path: Path, root: Path) -> PointsFile:
        """A points file, or why it may not be read."""
        if problem := link_problem(path, root, self.follow_links):
            return PointsFile(problem=f"{names.text(path.name)}: {problem.reason}")
        return PointsFile(path)

    def _folder(self, folder: Path) -> "_Folder":
        if folder not in self._listed:
            if len(self._listed) > 64:  # sources go folder by folder
                self._listed.clear()
            try:
                entries = sorted((entry.name for entry in os.scandir(folder)), reverse=True)  # `.pts` wins over `.PTS`
            except OSError:
                self._listed[folder] = _Folder({}, {}, frozenset(), is_there=False)
            else:
                self._listed[folder] = _Folder.of(entries)
        return self._listed[folder]


@dataclass(frozen=True)
class _Folder:
    """points: names of points files, with the suffix in small letters → as they are on the disk; folded: in small letters.

    others: all other names, with and without their suffixes. is_there: whether there is such a folder on this machine.
    """

    points: dict[str, str]
    folded: dict[str, list[str]]
    others: frozenset[str]
    is_there: bool = True

    @classmethod
    def of(cls, entries: Sequence[str]) -> "_Folder":
        points: dict[str, str] = {}
        folded: dict[str, list[str]] = {}
        others: set[str] = set()
        for name in entries:
            stem, suffix = os.path.splitext(name)  # noqa: PTH122
            if suffix.lower() in POINTS_SUFFIXES:
                points[stem + suffix.lower()] = name
                folded.setdefault(name.casefold(), []).append(name)
            else:
                others |= {name, stem}
        return cls(points, folded, frozenset(others))

    def spelt_otherwise(self, spellings: Sequence[str], photos: frozenset[str]) -> str | None:
        """The only points file that has one of these names in other letters; none where it may be another photo's."""
        found = [name for spelling in spellings for name in self.folded.get(spelling.casefold(), ())]
        if len(found) != 1 or os.path.splitext(found[0])[0] in photos:  # noqa: PTH122
            return None
        return found[0]
