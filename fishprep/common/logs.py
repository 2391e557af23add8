"""Logs of a line for each step, which a run that goes on takes back to where it goes on from."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from fishprep.common.files import open_regular

Line = TypeVar("Line")


class DamagedLineError(ValueError):
    """A line that no kill leaves so: those behind it would be lost."""


def log_lines(path: Path) -> list[bytes]:
    """Of a regular file, without their ends; none where there is no file."""
    if not path.exists():
        return []
    with open_regular(path) as stream:
        return stream.read().splitlines()


def rewound(path: Path, lines: Sequence[Line], is_kept: Callable[[Line], bool | None]) -> list[Line]:
    """Those of the lines of `path` that are kept: those behind the place that is gone on from are about to be written again, and the
    last may have been cut off by a kill. is_kept: None for one that is not as it was written.

    DamagedLineError where one that is kept stands behind such a line.
    """
    kept = [is_kept(line) for line in lines]
    whole = kept.index(None) if None in kept else len(kept)
    if any(kept[whole:]):
        raise DamagedLineError(
            f"{path}: line {whole + 1} is damaged; mend it, or take the file away to go on with a new log"
        )
    return [line for line, keep in zip(lines[:whole], kept, strict=False) if keep]
