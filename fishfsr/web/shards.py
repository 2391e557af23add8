"""A build to look through: which of its rows are asked for, and the faces that they name."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import fishprep
from fishfsr.errors import ConfigurationError
from fishprep.common.files import is_file
from fishprep.common.parquet import readable

TABLE, REPORT = "samples.parquet", "report.html"
OK = "ok"
PER_PAGE = 24
MEASURES = {
    "side": "side of the crop in the photo (px)",
    "yaw": "yaw (degrees)",
    "pitch": "pitch (degrees)",
    "roll": "roll (degrees)",
    "blur": "sharpness (variance of the Laplacian)",
    "skin": "share of skin",
}
"""Columns of numbers that a build's rows have, and what they are called on the page."""

_COLUMNS = ("id", "split", "status", "reason", "shard", "index", *MEASURES)


@dataclass(frozen=True)
class ShardQuery:
    """Which rows. split, measure: empty for all. lowest, highest: of the measure, None for no limit. page: from 0."""

    status: str = OK
    split: str = ""
    measure: str = ""
    lowest: float | None = None
    highest: float | None = None
    page: int = 0


@dataclass(frozen=True, eq=False)
class ShardRow:
    """A row: a face of a shard, or, where `face` is None, a photo of which none was kept, and why."""

    id: str
    split: str
    status: str
    reason: str
    measures: dict[str, float]
    face: "fishprep.ShardFace | None" = None


@dataclass(frozen=True, eq=False)
class ShardPage:
    """Rows of one page, how many there are on all, and which page this is of how many."""

    rows: tuple[ShardRow, ...]
    total: int
    page: int
    pages: int


class ShardDesk:
    """A finished build, opened once. Raises ShardError for a folder without shards, ConfigurationError for one without its table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._faces = {shard.path.stem: fishprep.Shards([shard]) for shard in fishprep.open_shards(folder).shards}
        if not is_file(folder / TABLE):
            raise ConfigurationError(
                f"{folder}: no {TABLE} in it: `fishprep build` writes it when it ends, `fishprep verify --repair` makes it again"
            )
        with readable(folder / TABLE) as stream:
            table = pq.ParquetFile(stream)
            self._rows = table.read([name for name in _COLUMNS if name in table.schema_arrow.names])

    @property
    def report(self) -> Path | None:
        """The page that `fishprep report` has written; None without one."""
        path = self.folder / REPORT
        return path if is_file(path) else None

    def counts(self, column: str) -> dict[str, int]:
        """Rows for each word of a column (`status`, `split`), the commonest first."""
        counted = pc.value_counts(self._rows[column]).to_pylist()
        return {each["values"]: each["counts"] for each in sorted(counted, key=lambda each: -each["counts"])}

    def page(self, query: ShardQuery) -> ShardPage:
        """The rows that are asked for; sorted by the measure where one is named."""
        rows = self._rows.filter(pc.equal(self._rows["status"], query.status))
        if query.split:
            rows = rows.filter(pc.equal(rows["split"], query.split))
        if query.measure in MEASURES:
            rows = _within(rows, query).sort_by(query.measure)
        pages = max(1, -(-len(rows) // PER_PAGE))
        page = min(max(0, query.page), pages - 1)
        shown = rows.slice(page * PER_PAGE, PER_PAGE).to_pylist()
        return ShardPage(tuple(self._row(row) for row in shown), len(rows), page, pages)

    def _row(self, row: dict) -> ShardRow:
        faces, index = self._faces.get(row["shard"] or ""), row["index"]
        known = faces is not None and index is not None and 0 <= index < len(faces)
        measures = {name: row[name] for name in MEASURES if row.get(name) is not None}
        face = faces[index] if known and faces is not None else None
        return ShardRow(row["id"], row["split"], row["status"], row["reason"] or "", measures, face)


def _within(rows: pa.Table, query: ShardQuery) -> pa.Table:
    column = rows[query.measure]
    keep = pc.is_valid(column)
    if query.lowest is not None:
        keep = pc.and_(keep, pc.greater_equal(column, query.lowest))
    if query.highest is not None:
        keep = pc.and_(keep, pc.less_equal(column, query.highest))
    return rows.filter(pc.fill_null(keep, False))
