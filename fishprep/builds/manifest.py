"""The truth about a build: its configuration and inputs, the fate of every photo, the hash of every shard.

Files of an output folder: `configuration.json` and `plan.parquet` (written first), for each finished spec its rows
`SPLIT-NNNNN.parquet` beside `SPLIT-NNNNN.h5`, and at the end `manifest.json` and `samples.parquet`. A spec is done when
its rows stand; everything else follows from the rows and can be made again (`repair`).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import pyarrow as pa

from fishprep.common.canonical import canonical
from fishprep.common.status import Status
from fishprep.faces.measures import Measures
from fishprep.places.base import Stamp
from fishprep.shards.pieces import Pieces

ROW_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("photo", pa.string()),
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("split", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("note", pa.string()),
        ("shard", pa.string()),
        ("index", pa.int32()),
        ("box", pa.list_(pa.float32(), 4)),
        ("angle", pa.float32()),
        ("landmark_backend", pa.string()),
        ("score", pa.float32()),
        ("candidate", pa.string()),
        ("candidate_score", pa.float32()),
        ("candidate_box", pa.list_(pa.float32(), 4)),
        ("licence", pa.string()),
        ("identity", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        *((f.name, pa.float32()) for f in fields(Measures) if f.name != "fingerprint"),
        ("fingerprint", pa.uint64()),
    ]
)

_ADDED = frozenset({"score", "note", "angle", "candidate", "candidate_score", "candidate_box"})
"""Columns that the rows of older builds do not have; they are read as null."""

PLAN_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("split", pa.string()),
        ("sha256", pa.string()),
        ("annotation", pa.string()),
        ("size", pa.int64()),
        ("version", pa.string()),
        ("listed", pa.string()),
    ]
)


@dataclass(frozen=True)
class Row:
    """One face, or one photo of which no face was kept.

    id: of the face; `photo`: of the photo. path: relative to the source. sha256: of the photo's bytes, empty where they could
    not be read. note: what was found out about the photo on the way and decides nothing, None where there is nothing to say.
    shard, index: where the sample lies; None where it was dropped. angle: degrees by which the box stands turned clockwise in the
    photo, None in builds without `--upright`. score: the detector's, None where it gives none.
    candidate, candidate_score, candidate_box: of a photo in which no face was found, the best of what was seen and not believed: what
    saw it, its score, and where; None where nothing was seen. width, height: of the upright photo.
    """

    id: str
    photo: str
    path: str
    sha256: str
    split: str
    status: Status
    reason: str
    licence: str
    note: str | None = None
    identity: str | None = None
    shard: str | None = None
    index: int | None = None
    box: tuple[float, float, float, float] | None = None
    angle: float | None = None
    landmark_backend: str | None = None
    score: float | None = None
    candidate: str | None = None
    candidate_score: float | None = None
    candidate_box: tuple[float, float, float, float] | None = None
    width: int | None = None
    height: int | None = None
    measures: Measures | None = None

    def flat(self) -> dict[str, Any]:
        """As a record of `ROW_SCHEMA`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "measures"}
        values["status"] = str(self.status)
        # No null among 64-bit numbers: readers that have none for whole numbers (pandas) would make them floats, and lose bits.
        nothing = dict.fromkeys(f.name for f in fields(Measures)) | {"fingerprint": 0}
        return values | (asdict(self.measures) if self.measures else nothing)


@dataclass(frozen=True)
class ShardRecord:
    """What the manifest says of a finished spec; `file`, `sha256`, `bytes` are empty where nothing was kept.

    rows_sha256: `rows_hash` of its rows; None in builds from before it was stored. pieces: which bytes of the file are which, with
    their hashes (`shards.pieces`), so that a training can fetch those that it needs; None as there.
    """

    name: str
    file: str | None
    sha256: str | None
    bytes: int
    samples: int
    rows: int
    rows_sha256: str | None = None
    pieces: Pieces | None = None


@dataclass(frozen=True)
class StoredShard:
    """What there is to record of a shard that was stored."""

    file: str
    sha256: str
    bytes: int
    pieces: Pieces


@dataclass(frozen=True)
class Totals:
    """Counts of a build, over the last try at every photo."""

    photos: int
    samples: int
    dropped: int
    bytes: int
    by_split: dict[str, int]
    by_status: dict[str, int]
    by_backend: dict[str, int]
    without_sample: int | None = None
    """Photos of which no face was kept; None in builds from before it was counted."""


def rows_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as a table of `ROW_SCHEMA`."""
    return pa.Table.from_pylist([row.flat() for row in rows], schema=ROW_SCHEMA)


def rows_hash(table: pa.Table) -> str:
    """SHA-256 over what rows say, whatever the file is like; a column that says nothing is as one that is not there."""
    digest = hashlib.sha256()
    for row in table.select([name for name in ROW_SCHEMA.names if name in table.column_names]).to_pylist():
        digest.update(canonical({name: value for name, value in row.items() if value is not None}).encode() + b"\n")
    return digest.hexdigest()


def are_rows(schema: pa.Schema) -> bool:
    """Whether a table has the columns of `ROW_SCHEMA`, or those of a build that did not store all of them yet."""
    missing = set(ROW_SCHEMA.names) - set(schema.names)
    known = pa.schema([field for field in ROW_SCHEMA if field.name not in missing & _ADDED])
    return schema.equals(known)


def totals_of(manifest: dict[str, Any]) -> Totals:
    """The totals in a manifest that was read."""
    return Totals(**manifest["totals"])


@dataclass(frozen=True, slots=True)
class PlannedPhoto:
    """One line of the plan: what goes into a build, as far as it is known before it is read.

    annotation: SHA-256 over what its source says of it. size, version: as in `places.base.Stamp`.
    sha256: of its bytes, in the plans of builds from when photos were hashed before the first shard; None in all others.
    listed: the rest of what a worker needs (`faces.listed`); empty in older builds, and where nobody has asked for it.
    """

    id: str
    path: str
    split: str
    sha256: str | None
    annotation: str
    size: int | None = None
    version: str = ""
    listed: str = ""

    @property
    def stamp(self) -> Stamp | None:
        """What is known of its bytes without reading them; None where their hash is known."""
        return Stamp(self.size, self.version) if self.sha256 is None else None


class InputsHash:
    """SHA-256 over the plan: ids, splits and annotations of all photos, in order; of those that were hashed, the hash too.

    Sizes and versions are left out: they hang on where a photo lies, and equal photos are to give equal shards.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, photos: Iterable[PlannedPhoto]) -> None:
        """The next lines of the plan."""
        for photo in photos:
            content = [] if photo.sha256 is None else [photo.sha256]
            self._digest.update(canonical([photo.id, photo.split, *content, photo.annotation]).encode() + b"\n")

    def hexdigest(self) -> str:
        """Over what was added so far."""
        return self._digest.hexdigest()


def inputs_hash(photos: Iterable[PlannedPhoto]) -> str:
    """The hash of all lines of a plan: see `InputsHash`."""
    found = InputsHash()
    found.add(photos)
    return found.hexdigest()
