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

ROWS_TOGETHER = 1 << 16
"""Rows of a row group of `samples.parquet`, about: what each has to say of itself would else outgrow the rows of small shards."""

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
        for some in _gathered(table for _, table in last_tries(folder, records, facts.get("retries", []))):
            for table in some:
                tally.add(table)
            writer.write_table(pa.concat_tables(some))
    manifest = contents(configuration, facts, tally.totals(records.values()), records.values())
    folder.write_manifest(manifest | {SEAL: sha256_json(manifest)})
    return tally.totals(records.values())


def _gathered(tables: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    """Tables of `ROWS_TOGETHER` rows or a few more, together; fewer at the end."""
    some: list[pa.Table] = []
    for table in tables:
        some.append(table)
        if sum(len(each) for each in some) >= ROWS_TOGETHER:
            yield some
            some = []
    if some:
        yield some


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
    tries = _Tries.of(folder, retries)
    for name in records:
        yield name, tries.without_later(name, folder.rows(name))


@dataclass(frozen=True)
class _Tries:
    """number: which retry a spec is of, from 1 on; last: of a photo that was tried again, the last retry that did so."""

    number: dict[ShardName, int]
    last: dict[str, int]

    @classmethod
    def of(cls, folder: BuildFolder, retries: list[dict[str, Any]]) -> "_Tries":
        number: dict[ShardName, int] = {}
        last: dict[str, int] = {}
        for count, retry in enumerate(retries, 1):
            for name in (ShardName(*each) for each in retry["specs"]):
                number.setdefault(name, count)
                if folder.has_rows(name):
                    last |= dict.fromkeys(folder.rows(name, ["photo"])["photo"].to_pylist(), count)
        return cls(number, last)

    def without_later(self, name: ShardName, table: pa.Table) -> pa.Table:
        """The rows of a spec, but those of photos that a later retry took up again."""
        if not self.last:
            return table
        own = self.number.get(name, 0)
        stays = [self.last.get(photo, 0) <= own for photo in table["photo"].to_pylist()]
        return table if all(stays) else table.filter(pa.array(stays))


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
