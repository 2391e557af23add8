"""Symbolic links: which may be followed out of a source, and which names are one file."""

import os
from pathlib import Path

from fishprep.common.status import Problem, Status


def link_problem(path: Path, root: Path, follow_links: bool) -> Problem | None:
    """Why a path is not taken: a symbolic link that leads nowhere, or whatever lies outside `root`; None where it may be."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # Python 3.12 and older raise RuntimeError for a loop
        dangling = isinstance(error, FileNotFoundError)
        return Problem(Status.UNREADABLE, "a dangling symbolic link" if dangling else "a symbolic link in a loop")
    if not follow_links and not target.is_relative_to(root.resolve()):
        return Problem(Status.LINK_OUTSIDE, "a symbolic link out of the source folder (--follow-links takes it)")
    return None


def file_identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of one file, links of both kinds included; None where nothing is there."""
    try:
        status = os.stat(path)  # noqa: PTH116 (a name that no system could hold is not there)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
