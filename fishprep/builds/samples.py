"""All rows of a build in one table, the last try at every photo, and what they add up to: the two files written at the end."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.manifest import MANIFEST, ROW_SCHEMA, SAMPLES, ShardRecord, Totals, finished, read_rows
from fishprep.common.canonical import sha256_json
from fishprep.common.files import atomic, write_text
from fishprep.common.parquet import writable
from fishprep.common.status import Status
from fishprep.shards.schema import ShardName

SEAL = "seal"
"""Key of `manifest.json`: SHA-256 over everything else in it."""


def write_end(folder: Path, configuration: BuildConfiguration, facts: dict[str, Any]) -> Totals:
    """Write `samples.parquet` and `manifest.json` from the rows that stand, and return the totals.

    Of a photo that was tried again only the last try counts. `facts` (recipe, inputs, versions, notes, tries) go into the
    manifest as they are. Memory does not grow with the build but for the ids of photos that were tried again.
    """
    records = finished(folder)
    tally = Tally()
    with (
        atomic(folder / SAMPLES) as temporary,
        writable(temporary) as stream,
        pq.ParquetWriter(stream, ROW_SCHEMA, compression="zstd") as writer,
    ):
        for _, table in last_tries(folder, records, facts.get("retries", [])):
            writer.write_table(table)
            tally.add(table)
    manifest = contents(configuration, facts, tally.totals(records.values()), records.values())
    text = json.dumps(manifest | {SEAL: sha256_json(manifest)}, indent=1, ensure_ascii=False)
    write_text(folder / MANIFEST, text + "\n")
    return tally.totals(records.values())


def contents(
    configuration: BuildConfiguration, facts: dict[str, Any], totals: Totals, records: Iterable[ShardRecord]
) -> dict[str, Any]:
    """Everything that `manifest.json` says, but its seal."""
    return {
        "configuration": configuration.model_dump(mode="json"),
        **facts,
        "totals": asdict(totals),
        "shards": [asdict(record) for record in records],
    }


@dataclass
class Tally:
    """Counts rows, a spec at a time."""

    photos: int = 0
    kept_photos: int = 0
    status: Counter[str] = field(default_factory=Counter)
    split: Counter[str] = field(default_factory=Counter)
    backend: Counter[str] = field(default_factory=Counter)

    def add(self, table: pa.Table) -> None:
        """Count the rows of a spec."""
        kept: set[str] = set()
        photos: set[str] = set()
        for photo, split, status, backend in _columns(table, "photo", "split", "status", "landmark_backend"):
            photos.add(photo)
            self.status[status] += 1
            if status == Status.OK:
                kept.add(photo)
                self.split[split] += 1
                self.backend[backend] += 1
        self.photos += len(photos)
        self.kept_photos += len(kept)

    def totals(self, records: Iterable[ShardRecord]) -> Totals:
        """What was counted, with the bytes of the shards."""
        samples = self.status[Status.OK]
        return Totals(
            photos=self.photos,
            samples=samples,
            dropped=self.status.total() - samples,
            bytes=sum(record.bytes for record in records),
            by_split=dict(sorted(self.split.items())),
            by_status=dict(self.status.most_common()),
            by_backend=dict(self.backend.most_common()),
            without_sample=self.photos - self.kept_photos,
        )


def last_tries(
    folder: Path, records: Iterable[ShardName], retries: list[dict[str, Any]]
) -> Iterator[tuple[ShardName, pa.Table]]:
    """The rows of each finished spec, but those of photos that a later one of the `retries` took up again."""
    tries = _superseded(folder, retries)
    for name in records:
        yield name, _without(read_rows(folder / name.rows_file), _later_photos(name, tries))


def _superseded(folder: Path, retries: list[dict[str, Any]]) -> list[tuple[frozenset[ShardName], frozenset[str]]]:
    """For each retry, in order: the specs that it wrote and the photos that they hold."""
    tries = []
    for retry in retries:
        names = frozenset(ShardName(*name) for name in retry["specs"])
        done = [folder / name.rows_file for name in names if (folder / name.rows_file).exists()]
        photos = frozenset(photo for path in done for photo in read_rows(path, ["photo"])["photo"].to_pylist())
        tries.append((names, photos))
    return tries


def _later_photos(name: ShardName, retries: list[tuple[frozenset[ShardName], frozenset[str]]]) -> frozenset[str]:
    """Photos of a spec that a later try took up again."""
    own = next((number for number, (names, _) in enumerate(retries) if name in names), -1)
    return frozenset().union(*(photos for _, photos in retries[own + 1 :]))


def _without(table: pa.Table, photos: frozenset[str]) -> pa.Table:
    if not photos:
        return table
    return table.filter(pa.array([photo not in photos for photo in table["photo"].to_pylist()]))


def _columns(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)
