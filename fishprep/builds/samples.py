"""All rows of a build in one table, the last try at every photo, and what they add up to: the two files written at the end."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord, Totals
from fishprep.common.canonical import sha256_json
from fishprep.common.status import Status
from fishprep.shards.schema import ShardName
from fishprep.storage.base import Storage

SEAL = "seal"
"""Key of `manifest.json`: SHA-256 over everything else in it."""


def write_end(folder: BuildFolder, configuration: BuildConfiguration, facts: dict[str, Any]) -> Totals:
    """Write `samples.parquet` and `manifest.json` from the rows that stand, and return the totals.

    Of a photo that was tried again only the last try counts. `facts` (recipe, inputs, versions, notes, tries) go into the
    manifest as they are. Memory does not grow with the build but for the ids of photos that were tried again.
    """
    records = folder.finished()
    tally = Tally()
    with folder.samples_to_write() as writer:
        for _, table in last_tries(folder, records, facts.get("retries", [])):
            writer.write_table(table)
            tally.add(table)
    manifest = contents(configuration, facts, tally.totals(records.values()), records.values())
    folder.write_manifest(manifest | {SEAL: sha256_json(manifest)})
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
    folder: BuildFolder, records: Iterable[ShardName], retries: list[dict[str, Any]]
) -> Iterator[tuple[ShardName, pa.Table]]:
    """The rows of each finished spec, but those of photos that a later one of the `retries` took up again."""
    tries = _superseded(folder, retries)
    for name in records:
        yield name, _without(folder.rows(name), _later_photos(name, tries))


def _superseded(
    folder: BuildFolder, retries: list[dict[str, Any]]
) -> list[tuple[frozenset[ShardName], frozenset[str]]]:
    """For each retry, in order: the specs that it wrote and the photos that they hold."""
    tries = []
    for retry in retries:
        names = frozenset(ShardName(*name) for name in retry["specs"])
        done = [name for name in names if folder.has_rows(name)]
        photos = frozenset(photo for name in done for photo in folder.rows(name, ["photo"])["photo"].to_pylist())
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


def commonest_reason(place: Path | Storage) -> tuple[str, int, int, str, str]:
    """Of a build that is not empty: the commonest status, its rows and all rows, and its commonest reason with a photo of it.

    Reasons that differ in their numbers alone count as one.
    """
    rows = BuildFolder.at(place).samples(["photo", "status", "reason"])
    ((status, count),) = Counter(rows["status"].to_pylist()).most_common(1)
    mine = rows.filter(pa.compute.equal(rows["status"], status))
    kinds = Counter(map(_without_numbers, mine["reason"].to_pylist()))
    ((commonest, _),) = kinds.most_common(1)
    reasons = zip(mine["reason"].to_pylist(), mine["photo"].to_pylist(), strict=True)
    reason, photo = next(pair for pair in reasons if _without_numbers(pair[0]) == commonest)
    return status, count, len(rows), reason, photo


def _without_numbers(reason: str) -> str:
    return re.sub(r"\d[\d,.]*", "", reason)
