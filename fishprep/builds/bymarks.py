"""The photos of a build in which somebody has marked faces by hand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fishprep.builds.expected import plan_of
from fishprep.builds.folder import BuildFolder
from fishprep.common.errors import ConfigurationError, SourceError
from fishprep.common.lists import Named, fit
from fishprep.common.status import Status
from fishprep.common.words import counted
from fishprep.faces.photo import Photo
from fishprep.landmarks.marks import read_marks

Marks = Mapping[str, np.ndarray]
"""Photo → its marks."""


def marks_of(folder: BuildFolder, file: Path) -> dict[str, np.ndarray]:
    """The marks in a file, by the ids of their photos. SourceError where it cannot be used, or names what is no photo of the build."""
    marks, lines = read_marks(file), list(plan_of(folder).values())
    found = fit(marks, [Named(line.path, line.id) for line in lines], file)
    if found.unknown:
        raise SourceError(
            f"{file}: {counted(len(found.unknown), 'name')} of no photo of {folder}, the first {found.unknown[0]!r}"
        )
    return {line.id: marks[name] for line, name in zip(lines, found.names, strict=True) if name is not None}


def with_marks(folder: BuildFolder, photos: Iterable[Photo], marks: Marks) -> Iterator[Photo]:
    """Photos as the source lists them now, those of the build with their marks."""
    paths = {line.path: marks[line.id] for line in plan_of(folder).values() if line.id in marks}
    for photo in photos:
        marked = paths.get(photo.relative)
        yield photo if marked is None else replace(photo, reference=replace(photo.reference, marks=marked))


def wanted_by_marks(folder: BuildFolder, marks: Marks, statuses: Sequence[str]) -> set[str]:
    """Ids of the marked photos that are to be tried again: of some `statuses`, or all. ConfigurationError where one was kept, or its
    marks lie outside the photo."""
    rows = folder.samples(["photo", "status", "width", "height"])
    wanted: set[str] = set()
    for photo, status, width, height in zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True):
        if photo not in marks:
            continue
        if status == Status.OK:
            raise ConfigurationError(f"{folder}: {photo!r} was kept; only what was dropped is tried again")
        if width is not None and not _are_inside(marks[photo], width, height):
            raise ConfigurationError(
                f"--points: the marks of {photo!r} lie outside the photo, which has {width} x {height} pixels"
            )
        if not statuses or status in statuses:
            wanted.add(photo)
    return wanted


def as_recorded(marks: Marks | None) -> dict[str, list[list[float]]]:
    """As a retry records them; no photo where nothing was marked."""
    return {photo: marks[photo].tolist() for photo in sorted(marks)} if marks else {}


def _are_inside(marks: np.ndarray, width: int, height: int) -> bool:
    return bool(((marks >= -0.5) & (marks <= np.array([width, height]) - 0.5)).all())
