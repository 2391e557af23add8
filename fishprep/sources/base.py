"""What a source is, and the walk through a folder that all of them share."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fishprep import names
from fishprep.decode import SUFFIXES, looks_like_picture
from fishprep.errors import SourceError
from fishprep.photo import Photo
from fishprep.status import Problem, Status
from fishprep.words import counted

POINTS_SUFFIXES = (".pts", ".csv", ".json")
"""A file of the same name with one of these holds the photo's 68 points."""


@dataclass(frozen=True)
class LeftOut:
    """Files of a source that no row of a build will speak of: how many of what, and why."""

    count: int
    noun: str
    why: str

    def __str__(self) -> str:
        return f"{counted(self.count, self.noun)} {self.why}"


@dataclass(frozen=True)
class Listing:
    """All photos of a source, sorted by path, with the official split where the source has one; what was left out; and what
    to tell the user."""

    photos: tuple[Photo, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


class Source(Protocol):
    """Where photos come from."""

    @property
    def kind(self) -> str:
        """`folder`, `list`, `celeba`, `helen`."""
        ...

    def listing(self) -> Listing:
        """Raises SourceError where the folder or a list in it cannot be used."""
        ...


@dataclass(frozen=True)
class Walk:
    """A recursive walk: what it takes for a photo, and how it treats symbolic links.

    Hidden files and folders are passed over, and so is `exclude` (the output, where it lies inside the source). A link to a
    file is taken where its target lies inside the root; `follow_links` takes targets anywhere and enters linked folders, each
    real folder once. `others` counts the files that are no candidates by their suffixes, as the walk comes to them.
    """

    root: Path
    follow_links: bool = False
    exclude: Path | None = None
    others: Counter[str] = field(default_factory=Counter, repr=False)
    _seen: set[tuple[int, int]] = field(default_factory=set, repr=False)

    def files(self) -> Iterator[tuple[Path, Problem | None]]:
        """Paths of candidate photos and, for those that will not be opened, why; in no particular order."""
        if not self.root.is_dir():
            raise SourceError(f"{self.root}: no such folder; give the folder that holds the photos")
        waiting = [self.root]  # not a recursion: folders may be nested deeper than Python's stack
        while waiting:
            yield from self._enter(waiting.pop(), waiting)

    def _enter(self, folder: Path, waiting: list[Path]) -> Iterator[tuple[Path, Problem | None]]:
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return
            self._seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield folder, Problem(Status.UNREADABLE, f"folder cannot be listed: {error.strerror}")
            return
        for entry in entries:
            if not entry.name.startswith("."):
                yield from self._visit(entry, waiting)

    def _visit(self, entry: os.DirEntry[str], waiting: list[Path]) -> Iterator[tuple[Path, Problem | None]]:
        path = Path(entry.path)
        if self.exclude is not None and path == self.exclude:
            return
        if entry.is_symlink() and (problem := link_problem(path, self.root, self.follow_links)):
            if path.suffix.lower() in SUFFIXES or path.is_dir():
                yield path, problem
        elif entry.is_dir(follow_symlinks=False) or (path.is_dir() and self.follow_links):
            waiting.append(path)
        elif not path.is_dir():
            if _is_candidate(path):
                yield path, None
            elif path.suffix.lower() not in POINTS_SUFFIXES:
                self.others[path.suffix.lower()] += 1

    def left_out(self) -> tuple[LeftOut, ...]:
        """What `others` has counted."""
        if not self.others:
            return ()
        common = sorted(self.others.items(), key=lambda kind: (-kind[1], not kind[0], kind[0]))[:4]
        kinds = [f"{count:,} {names.text(suffix) or 'without suffix'}" for suffix, count in common]
        more = ", ..." if len(self.others) > len(kinds) else ""
        return (LeftOut(self.others.total(), "file", f"of other formats ({', '.join(kinds)}{more})"),)


def link_problem(path: Path, root: Path, follow_links: bool) -> Problem | None:
    """Why a symbolic link is not taken: it leads nowhere, or out of `root`; None where it may be."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # Python 3.12 and older raise RuntimeError for a loop
        dangling = isinstance(error, FileNotFoundError)
        return Problem(Status.UNREADABLE, "a dangling symbolic link" if dangling else "a symbolic link in a loop")
    if not follow_links and not target.is_relative_to(root.resolve()):
        return Problem(Status.LINK_OUTSIDE, "a symbolic link out of the source folder (--follow-links takes it)")
    return None


def _is_candidate(path: Path) -> bool:
    """Named like a picture, or with the first bytes of one."""
    if path.suffix.lower() in SUFFIXES:
        return True
    if path.suffix.lower() in POINTS_SUFFIXES or not path.is_file():
        return False
    try:
        with open(path, "rb") as stream:
            return looks_like_picture(stream.read(16))
    except OSError:
        return False


def relative_text(path: Path, root: Path) -> str:
    """`path` below `root` as text with / between folders."""
    return names.text(path.relative_to(root).as_posix())


def points_of(path: Path, root: Path, points: Path | None) -> Path | None:
    """The file with the 68 points of a photo, where there is one.

    points: one file for all photos (a JSON), or a folder with the photos' own tree; None looks beside the photo. In a folder
    the file has the photo's name and one of `POINTS_SUFFIXES`.
    """
    if points is not None and not points.is_dir():
        return points
    place = path if points is None else points / path.relative_to(root)
    return next((file for suffix in POINTS_SUFFIXES if (file := place.with_suffix(suffix)).is_file()), None)


def read_lines(path: Path, most_bytes: int = 256 * 2**20) -> Iterator[tuple[int, str]]:
    """Numbered lines of a list file, stripped, empty ones left out. SourceError where it is not UTF-8 text or too large."""
    try:
        if path.stat().st_size > most_bytes:
            raise SourceError(f"{path}: larger than {most_bytes:,} bytes: not a list of photos")
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as stream:
            for number, line in enumerate(stream, 1):
                if "\0" in line:
                    raise SourceError(f"{path}, line {number}: not a text file")
                if stripped := line.strip():
                    yield number, stripped
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
