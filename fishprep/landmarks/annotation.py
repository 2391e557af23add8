"""68 points that somebody has marked: `.pts` files, OpenFace's CSV, JSON; and the backend that uses them."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fishprep.common.errors import SourceError
from fishprep.common.lists import Index
from fishprep.common.text_files import read_any_text
from fishprep.landmarks.base import Face, LandmarkBackend, Query
from fishprep.landmarks.geometry import area, box_of_points

COUNT = 68
LARGEST_PTS = 1 << 20
LARGEST_CSV = 1 << 25
"""Bytes of a CSV file: some 10,000 faces."""

LARGEST_JSON = 1 << 30
"""Bytes of a JSON file: three times all of CelebA."""

_SPACE = re.compile(r"[ \t\n\r]*")

LARGEST_COORDINATE = 1_000_000.0


@dataclass(frozen=True, eq=False)
class OpenFaceRow:
    """One face of an OpenFace CSV: points (68, 2) float32, 0-based as OpenFace writes them; confidence NaN where not given.

    frame: number of the frame in a sequence, None for a single picture. face: OpenFace's number of the face.
    """

    points: np.ndarray
    confidence: float
    frame: int | None
    face: int


class AnnotationBackend(LandmarkBackend):
    """The face that the reference's points describe; no face where there is no reference."""

    name = "annotation"

    def __init__(self) -> None:
        self.weights: dict[str, str] = {}

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        """As `LandmarkBackend.detect`; the pictures are not looked at."""
        return [self._face(query.reference.points) for query in queries]

    def _face(self, points: np.ndarray | None) -> list[Face]:
        if points is None:
            return []
        return [Face(points.astype(np.float32), box_of_points(points), float("nan"), self.name)]


def read_points(path: Path, photo: str) -> np.ndarray:
    """The points of one photo, (68, 2) float32, 0-based, from a `.pts`, `.csv` (OpenFace) or `.json` file.

    photo: the photo's path in its source, to find it in a JSON file. Where a CSV or JSON file has several faces: the one that
    OpenFace is surest of; the one with the largest box. SourceError names the file, and the line where there is one.
    """
    match path.suffix.lower():
        case ".pts":
            return read_pts(path)
        case ".csv":
            return _only_picture(path, read_openface_csv(path))
        case ".json":
            return _of_photo(path, photo)
    raise SourceError(f"{path}: expected landmarks in a .pts, .csv or .json file")


def read_pts(path: Path) -> np.ndarray:
    """(68, 2) float32 from a `.pts` file: with header and braces, or bare lines of two numbers.

    iBUG counts pixels from 1, so 1 is subtracted from both coordinates. SourceError names file and line.
    """
    points = [_pair(fields, path, number) for number, fields in _pts_lines(path)]
    return _checked(np.array(points, np.float64) - 1.0, str(path))


def read_openface_csv(path: Path) -> tuple[OpenFaceRow, ...]:
    """The faces of a CSV that OpenFace wrote of a picture (a row per face) or of a sequence (a row per frame and face).

    Needs the columns `x_0` ... `x_67`, `y_0` ... `y_67` (pixels; spaces around names are ignored). Rows with `success` 0 are
    left out. SourceError names file and line.
    """
    rows = csv.reader(_text(path, LARGEST_CSV).splitlines())
    try:
        header = {name.strip(): index for index, name in enumerate(next(rows, []))}
        missing = [name for name in _POINT_COLUMNS if name not in header]
        if missing:
            raise SourceError(f"{path}, line 1: no column {missing[0]} ({len(missing)} of 136 columns are missing)")
        read = [_OpenFaceLine(header, row, f"{path}, line {rows.line_num}") for row in rows if any(row)]
    except csv.Error as error:
        raise SourceError(f"{path}, line {rows.line_num}: {error}") from error
    return tuple(line.face() for line in read if line.number("success", 1.0) != 0)


def read_points_json(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Photo → its faces, each (68, 2) float32, from `{"photo": [[x, y], ... 68 times]}` or a list of such lists per photo.

    A photo is named by its path in the source, with or without suffix, or by its file name. Coordinates as in
    `docs/coordinates.md`: 0-based, centres of pixels at integers. SourceError names the file and the photo.
    """
    text = _text(path, LARGEST_JSON)
    try:
        return {name: _faces(value, f"{path}, {name!r}") for name, value in _members(text, path)}
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not JSON: {error}") from error


def _members(text: str, path: Path) -> Iterator[tuple[str, object]]:
    """The members of a JSON object, one by one: all faces of CelebA as lists of Python's numbers would fill a machine."""
    decoder = json.JSONDecoder()
    start = _after_space(text, 0)
    if text[start : start + 1] != "{":
        found = type(json.loads(text)).__name__
        raise SourceError(f"{path}: expected an object of photos and points, found {found}")
    start = _after_space(text, start + 1)
    more = text[start : start + 1] != "}"
    while more:
        name, start = decoder.raw_decode(text, start)
        start = _after_space(text, start)
        if not isinstance(name, str) or text[start : start + 1] != ":":
            raise json.JSONDecodeError("expected a name and a colon", text, start)
        value, start = decoder.raw_decode(text, _after_space(text, start + 1))
        yield name, value
        start = _after_space(text, start)
        more = text[start : start + 1] == ","
        start = _after_space(text, start + 1) if more else start
    if text[start : start + 1] != "}" or _after_space(text, start + 1) != len(text):
        raise json.JSONDecodeError("expected a comma or the closing brace", text, start)


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


_OTHERS = {
    5: "five points say too little",
    19: "AFLW's points",
    21: "AFLW's points",
    29: "COFW's points",
    98: "WFLW's points",
    106: "LaPa's points",
    194: "Helen's own points; iBUG's 300-W copy of Helen has the 68",
    468: "MediaPipe's points",
    478: "MediaPipe's points",
}
"""Numbers of points that others mark."""

_POINT_COLUMNS = tuple(f"{axis}_{index}" for axis in "xy" for index in range(COUNT))


@dataclass(frozen=True)
class _OpenFaceLine:
    header: dict[str, int]
    values: list[str]
    place: str

    def number(self, column: str, default: float | None = None) -> float:
        index = self.header.get(column)
        if index is None and default is not None:
            return default
        try:
            return float(self.values[self.header[column]])
        except (ValueError, IndexError) as error:
            raise SourceError(f"{self.place}: no number in column {column}") from error

    def face(self) -> OpenFaceRow:
        flat = np.array([self.number(column) for column in _POINT_COLUMNS])
        points = _checked(flat.reshape(2, COUNT).T, self.place)
        frame = int(self._finite("frame")) if "frame" in self.header else None
        number = int(self._finite("face" if "face" in self.header else "face_id"))
        return OpenFaceRow(points, self.number("confidence", float("nan")), frame, number)

    def _finite(self, column: str) -> float:
        value = self.number(column, 0.0)
        if not np.isfinite(value):
            raise SourceError(f"{self.place}: {value} in column {column}")
        return value


def _only_picture(path: Path, rows: Sequence[OpenFaceRow]) -> np.ndarray:
    frames = {row.frame for row in rows}
    if not rows:
        raise SourceError(f"{path}: no face in it")
    if len(frames) > 1:
        raise SourceError(f"{path}: has {len(frames)} frames of a sequence; one photo needs a file of its own")
    return max(rows, key=lambda row: -1.0 if np.isnan(row.confidence) else row.confidence).points


def _of_photo(path: Path, photo: str) -> np.ndarray:
    try:
        stat = path.stat()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    table, index = _cached_json(path, stat.st_mtime_ns, stat.st_size)
    name = index.find(photo)
    if name is None:
        raise SourceError(f"{path}: has no points for {photo}")
    return max(table[name], key=lambda points: area(box_of_points(points)))


@lru_cache(maxsize=2)
def _cached_json(path: Path, modified: int, size: int) -> tuple[dict[str, tuple[np.ndarray, ...]], Index]:
    """One file may serve thousands of photos."""
    table = read_points_json(path)
    return table, Index(table, path)


def _text(path: Path, largest: int) -> str:
    text = read_any_text(path, largest)
    try:
        text.encode()
    except UnicodeEncodeError as error:  # a byte that is not UTF-8, kept as in a file name
        raise SourceError(f"{path}: not text: character {error.start}") from error
    return text


def _pts_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Numbered lines of coordinates; the header and the braces are checked and left out."""
    lines = [(number, line.split()) for number, line in enumerate(_text(path, LARGEST_PTS).splitlines(), start=1)]
    lines = [(number, fields) for number, fields in lines if fields]
    opening = next((index for index, (_, fields) in enumerate(lines) if fields == ["{"]), None)
    if opening is None:
        yield from lines
        return
    for number, fields in lines[:opening]:
        if fields[0] not in ("version:", "n_points:"):
            raise SourceError(f"{path}, line {number}: expected version: or n_points:, found {' '.join(fields)[:60]!r}")
    closing = next((index for index, (_, fields) in enumerate(lines) if fields == ["}"]), None)
    if closing is None or closing != len(lines) - 1:
        raise SourceError(f"{path}, line {lines[-1][0]}: expected a closing brace as the last line")
    yield from lines[opening + 1 : closing]


def _pair(fields: list[str], path: Path, number: int) -> tuple[float, float]:
    try:
        x, y = (float(field) for field in fields)
    except ValueError as error:
        found = " ".join(fields)[:60]
        raise SourceError(f"{path}, line {number}: expected two numbers, found {found!r}") from error
    if not (abs(x) <= LARGEST_COORDINATE and abs(y) <= LARGEST_COORDINATE):
        raise SourceError(f"{path}, line {number}: {x} {y} is no place in a photo")
    return x, y


def _faces(value: object, place: str) -> tuple[np.ndarray, ...]:
    try:
        array = np.array(value, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise SourceError(f"{place}: expected {COUNT} pairs of numbers, or a list of such") from error
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or len(array) == 0:
        raise SourceError(f"{place}: expected {COUNT} pairs of numbers, or a list of such, found shape {array.shape}")
    return tuple(_checked(points, place) for points in array)


def _checked(points: np.ndarray, place: str) -> np.ndarray:
    if points.shape != (COUNT, 2):
        known = f" ({_OTHERS[len(points)]})" if points.ndim == 2 and len(points) in _OTHERS else ""
        found = " x ".join(map(str, points.shape))
        raise SourceError(f"{place}: expected {COUNT} points of x and y, found {found}{known}")
    inside = np.abs(points) <= LARGEST_COORDINATE  # false for NaN too
    if not inside.all():
        raise SourceError(f"{place}: {points[~inside][0]} is no place in a photo")
    return points.astype(np.float32)
