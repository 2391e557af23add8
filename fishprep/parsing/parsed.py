"""The table of a folder of maps: a row for each image, a line of JSON each."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

TABLE = "images.jsonl"


@dataclass(frozen=True)
class ParsedImage:
    """One row of the table.

    path: relative to the source, as text (`names.text`).
    status: `ok`, or why there is no map; `reason` says more on one line. note: what was done to the file's own values.
    sha256: of the image file; empty where it was not read.
    output: path of its pictures in each of the output folders, without their suffix, as text; empty where there are none.
    skin: share of the image's pixels that are skin.
    """

    path: str
    status: str
    reason: str = ""
    sha256: str = ""
    output: str = ""
    width: int = 0
    height: int = 0
    skin: float = 0.0
    note: str = ""


def is_half_written(table: Path) -> bool:
    """Whether a run was killed over the last line of a table."""
    if not table.exists() or table.stat().st_size == 0:
        return False
    with open(table, "rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() != b"\n"


def line(row: ParsedImage) -> str:
    """A row as it stands in the table."""
    return json.dumps(asdict(row), ensure_ascii=False) + "\n"


def read_parsed(table: Path) -> dict[str, ParsedImage]:
    """The last whole row of each image; what a killed run left half written is passed over."""
    rows: dict[str, ParsedImage] = {}
    if not table.exists():
        return rows
    for text in table.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = ParsedImage(**json.loads(text))
        except (ValueError, TypeError):
            continue
        rows[row.path] = row
    return rows
