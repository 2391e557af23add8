"""CSV files as spreadsheets and editors write them, and Parquet files of texts."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fishprep.common.errors import SourceError
from fishprep.common.parquet import readable
from fishprep.common.text_files import read_any_text
from fishprep.common.words import counted

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Table:
    """A CSV file: the names of its columns, in lower case, as line `line` gives them, and its rows with the numbers of theirs."""

    line: int
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def column(self, name: str) -> int | None:
        """The place of a column, None where there is none."""
        return self.columns.index(name) if name in self.columns else None

    def others(self, known: Sequence[str]) -> list[str]:
        """Columns of other names; the nameless one that pandas puts first is not worth a word."""
        return [name for name in self.columns if name not in known and name and not name.startswith("unnamed:")]


def read_table(path: Path) -> Table | None:
    """A CSV file with any of `DELIMITERS`, told by its first line; None for an empty one.

    SourceError where a row has another number of values than the first line, and as `read_any_text`.
    """
    lines = [f"{line}\n" for line in read_any_text(path).split("\n")]
    start = next((number for number, line in enumerate(lines) if line.strip()), None)
    if start is None:
        return None
    delimiter = lines[start][4:-1] if lines[start].lower().startswith("sep=") else ""  # Excel's own way to name it
    if delimiter in DELIMITERS:
        start += 1
    else:
        delimiter = max(DELIMITERS, key=lines[start].count)  # the first of equals
    reader = csv.reader(lines[start:], delimiter=delimiter)
    try:
        found = [(start + reader.line_num, [value.strip() for value in values]) for values in reader]
    except csv.Error as error:
        raise SourceError(f"{path}, line {start + reader.line_num}: {error}") from error
    found = [(number, values) for number, values in found if any(values)]
    if not found:
        return None
    columns = tuple(name.lower() for name in found[0][1])
    rows = tuple((number, tuple(_trimmed(values, len(columns)))) for number, values in found[1:])
    for number, values in rows:
        if len(values) != len(columns):
            raise SourceError(
                f"{path}, line {number}: {counted(len(values), 'value')} for {counted(len(columns), 'column')}"
            )
    return Table(found[0][0], columns, rows)


def read_parquet_table(path: Path, known: Sequence[str]) -> Table | None:
    """The columns of a Parquet file that are `known`, as text, nulls as empty text, with the numbers of their rows from 1 on.

    None where it has no rows. SourceError where it cannot be read."""
    try:
        with readable(path) as stream, pq.ParquetFile(stream) as file:
            names = {name: name.lower() for name in file.schema_arrow.names}
            wanted = [name for name, lower in names.items() if lower in known]
            columns = [_texts(column) for column in file.read(columns=wanted).columns]
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    if not columns or not columns[0]:
        return None
    return Table(0, tuple(names[name] for name in wanted), tuple(enumerate(zip(*columns, strict=True), 1)))


def _texts(column: pa.ChunkedArray) -> list[str]:
    return ["" if value is None else str(value).strip() for value in column.to_pylist()]


def _trimmed(values: list[str], count: int) -> list[str]:
    """Without the empty values that a delimiter at the end of a line makes."""
    while len(values) > count and not values[-1]:
        values = values[:-1]
    return values
