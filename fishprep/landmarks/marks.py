"""Faces that somebody has marked by hand: two eyes, or two eyes and the mouth. What a file of such marks says."""

import json
from pathlib import Path

import numpy as np

from fishprep.common.errors import SourceError
from fishprep.common.text_files import read_any_text
from fishprep.landmarks.annotation import COUNT, LARGEST_COORDINATE

LARGEST_FILE = 1 << 25
"""Bytes: some 200,000 faces."""

LEAST_APART = 2.0
"""Pixels between two eyes: below nothing can be fitted."""

LEAST_OFF = 0.2
"""How far the mouth lies off the line through the eyes, in distances between them: below it cannot be told which way is up."""


def read_marks(path: Path) -> dict[str, np.ndarray]:
    """Photo → its marks, (2, 2) or (3, 2) float64: the eyes, in any order, then the middle of the mouth where it was marked.

    The file is JSON, `{"photo": [[x, y], [x, y], [x, y]]}`: pixels of the upright photo, 0-based, centres of pixels at integers; a photo is
    named as in a list (`common.lists.fit`). SourceError names the file, the photo and what is wrong.
    """
    try:
        said = json.loads(read_any_text(path, LARGEST_FILE))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not JSON: {error}") from error
    if not isinstance(said, dict) or not said:
        raise SourceError(
            f'{path}: expected an object of photos and marks, as {{"a.jpg": [[10, 20], [30, 20], [20, 40]]}}'
        )
    return {name: _marks(value, f"{path}, {name!r}") for name, value in said.items()}


def in_order(marks: np.ndarray) -> np.ndarray:
    """The same marks, the eye first that is the viewer's left one of the upright face: the mouth lies below, or where it is not
    marked the face is turned by less than 90 degrees."""
    (one, other), rest = marks[:2], marks[2:]
    if len(rest):
        across, down = other - one, rest[0] - (one + other) / 2
        is_so = across[0] * down[1] - across[1] * down[0] > 0
    else:
        is_so = one[0] <= other[0]
    return marks if is_so else np.concatenate([marks[1::-1], rest])


def _marks(value: object, place: str) -> np.ndarray:
    try:
        marks = np.array(value, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise SourceError(f"{place}: expected two or three pairs of numbers: the eyes, and the mouth") from error
    if marks.shape == (COUNT, 2):
        raise SourceError(
            f"{place}: 68 points are for `fishprep build --landmarks annotation --points`; here the eyes, and the mouth"
        )
    if marks.shape not in ((2, 2), (3, 2)):
        raise SourceError(f"{place}: expected two or three points, the eyes and the mouth; found shape {marks.shape}")
    if not (np.abs(marks) <= LARGEST_COORDINATE).all():  # nor NaN
        raise SourceError(f"{place}: a mark that is no place in a photo")
    if fault := fault_of(marks):
        raise SourceError(f"{place}: {fault}")
    return marks


def fault_of(marks: np.ndarray) -> str:
    """Why marks (2, 2) or (3, 2) cannot be those of a face; empty where they can."""
    across = marks[1] - marks[0]
    apart = float(np.hypot(*across))
    if apart < LEAST_APART:
        return f"the eyes are marked {apart:.1f} pixels apart, at least {LEAST_APART:g} are needed"
    if len(marks) == 3:
        down = marks[2] - marks[:2].mean(axis=0)
        if abs(across[0] * down[1] - across[1] * down[0]) / apart < LEAST_OFF * apart:
            return "the mouth is marked on the line through the eyes"
    return ""
