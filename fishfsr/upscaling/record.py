"""faces.json: what became of every input, and how; by it a later run knows what is done.

While a run goes on its rows are lines of faces.jsonl, each written once; faces.json takes them in when the run ends, or when the
next one begins after it was killed.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from fishfsr.errors import ConfigurationError
from fishprep.common.files import read_text, write_text
from fishprep.common.version import __version__

FILE = "faces.json"
JOURNAL = "faces.jsonl"
FORMAT = "fishfsr-faces"
FORMAT_VERSION = 1
FLUSH_EVERY = 5.0  # seconds: what a loss of power may cost; a kill costs the input in hand


class Fate(StrEnum):
    """Status of an input, beside those of `fishprep.common.status.Status` for files that cannot be used, and of a face."""

    OK = "ok"  # input: at least one face restored; face: restored
    ENLARGED = "enlarged"  # no face to be restored, and why; the photo was written all the same
    LEFT_ALONE = "left_alone"  # faces, but none to be restored, and why
    FAILED = "failed"  # an error in restoring or writing: nothing is saved


@dataclass(frozen=True)
class Refusal:
    """Why nothing is saved of an input: a status and one line."""

    status: str
    reason: str


@dataclass(frozen=True)
class FaceRow:
    """A face. number: from left to right. box: x0, y0, x1, y1 of its crop in the upright picture.

    angle: degrees by which the box stands turned clockwise there. side: pixels of the crop's longer side. lr_size: width and height of
    what `model` (a file name) saw. shrunk: the crop had more pixels than that. yaw, pitch, roll: degrees. backend: what found it;
    empty where the picture was not searched.
    """

    number: int
    status: str
    reason: str
    box: tuple[float, ...]
    side: int
    model: str = ""
    scale: int = 0
    lr_size: tuple[int, ...] = ()
    shrunk: bool = False
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    backend: str = ""
    warnings: tuple[str, ...] = ()
    angle: float = 0.0


@dataclass(frozen=True)
class InputRow:
    """An input. path: absolute, as text (`names.text`). name: of its results. kind: what it was taken for; `guessed` or told.

    outscale: of the restored photo, 0 without one. files: its results, relative to the output folder, as text.
    """

    path: str
    name: str
    status: str
    reason: str = ""
    kind: str = ""
    guessed: bool = False
    sha256: str = ""
    width: int = 0
    height: int = 0
    outscale: float = 0
    note: str = ""
    files: tuple[str, ...] = ()
    faces: tuple[FaceRow, ...] = ()

    @property
    def restored(self) -> int:
        """Faces restored."""
        return sum(face.status == Fate.OK for face in self.faces)


@dataclass(frozen=True)
class Record:
    """The content of the file. settings: what decides the results. ran: where and by what, for the reader alone."""

    settings: Mapping[str, Any]
    ran: Mapping[str, Any]
    rows: dict[str, InputRow]

    def write(self, out: Path) -> None:
        """Write it into `out`, atomically, and take the journal away, whose rows it has."""
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "producer": f"fishfsr {__version__}",
            "ran": self.ran,
            "settings": self.settings,
            "inputs": [asdict(row) for row in sorted(self.rows.values(), key=lambda row: row.path)],
        }
        write_text(out / FILE, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        remove_journal(out)

    def differences(self, settings: Mapping[str, Any]) -> list[str]:
        """`name: before → now` for everything in which other settings differ."""
        names = sorted({*self.settings, *settings})
        mine, theirs = (json.loads(json.dumps(dict(each))) for each in (self.settings, settings))
        return [
            f"{name}: {mine.get(name)} → {theirs.get(name)}" for name in names if mine.get(name) != theirs.get(name)
        ]


class Journal:
    """The rows of a run that goes on, in `out`: one line each, as they come."""

    def __init__(self, out: Path) -> None:
        self._stream = open(out / JOURNAL, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 (`__exit__` closes it)
        self._flushed = time.monotonic()

    def add(self, row: InputRow) -> None:
        """Write a row; it is safe from a kill at once."""
        self._stream.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
        self._stream.flush()
        if time.monotonic() - self._flushed > FLUSH_EVERY:
            os.fsync(self._stream.fileno())
            self._flushed = time.monotonic()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()


def remove_journal(out: Path) -> None:
    """Take the journal away, where there is one."""
    (out / JOURNAL).unlink(missing_ok=True)


def read_upscale_record(out: Path) -> Record | None:
    """The record in `out` with the rows of a run that was killed, None where there is none.

    Raises ConfigurationError where it cannot be read.
    """
    path = out / FILE
    if not path.exists():
        return None
    try:
        document = json.loads(read_text(path))
        if document["format"] != FORMAT or document["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format {document['format']!r}, version {document['format_version']!r}")
        rows = [*map(_row, document["inputs"]), *map(_row, _journalled(out))]
        return Record(dict(document["settings"]), dict(document["ran"]), {row.path: row for row in rows})
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigurationError(
            f"{path}: it or its {JOURNAL} cannot be read ({error}), so nothing says how the results were made; move it and the results away"
        ) from error


def _journalled(out: Path) -> list[dict[str, Any]]:
    """Rows that a killed run left, as far as they are whole.

    The last line may have been cut off; after a loss of power a line may be zeros where a later one was kept: what follows is
    made again.
    """
    if not (out / JOURNAL).exists():
        return []
    rows: list[dict[str, Any]] = []
    for line in (out / JOURNAL).read_bytes().split(b"\n")[:-1]:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def _row(values: Mapping[str, Any]) -> InputRow:
    faces = tuple(FaceRow(**_known(FaceRow, face)) for face in values["faces"])
    row = InputRow(**{**_known(InputRow, values), "faces": faces, "files": tuple(values["files"])})
    texts: Iterable[object] = (row.path, row.name, row.status, row.sha256, *row.files)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"the row of {row.path!r}")
    for text in (row.name, *row.files):
        if PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts:
            raise ValueError(f"{text!r} leads out of the folder")
    return row


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(kind)}
    if unknown := set(values) - known:
        raise ValueError(f"unknown field {sorted(unknown)[0]!r}")
    return dict(values)
