"""A finished build → what there is to say of it to others."""

from collections.abc import Mapping
from dataclasses import dataclass

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord, Totals, totals_of
from fishprep.builds.names import SAMPLES
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import sha256_file
from fishprep.descriptions.groups import Grouping, groupings
from fishprep.reports import provenance
from fishprep.reports.columns import read_columns


@dataclass(frozen=True)
class Publisher:
    """What only the one who publishes knows. name: of the set. url: where it will lie. creator, cite: whose it is, how it is cited.
    published: when, as 2026-11-30."""

    name: str
    url: str = ""
    creator: str = ""
    cite: str = ""
    published: str = ""


@dataclass(frozen=True)
class StoredFile:
    """A file of the build: name, bytes, SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Description:
    """What is written down. dropped: why photos gave no face, and how many. terms: of the photos, and how many faces are under them.
    rows: `samples.parquet`; shards in their order."""

    publisher: Publisher
    totals: Totals
    dropped: Mapping[str, int]
    terms: Mapping[str, int]
    weights: tuple[provenance.Weight, ...]
    settings: Mapping[str, str]
    versions: Mapping[str, str]
    recipe: str
    producer: str
    kind: str
    notes: tuple[str, ...]
    left_out: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    people: int
    rows: StoredFile
    shards: tuple[StoredFile, ...]


def describe_build(folder: BuildFolder, publisher: Publisher) -> Description:
    """Read the build and every skin map in it. BuildError where it is not finished or damaged, ShardError for a shard that cannot be
    read, ConfigurationError for a publisher without a name."""
    if not publisher.name.strip():
        raise ConfigurationError("--name: empty; what is the set called?")
    manifest = folder.manifest()
    columns = read_columns(folder)
    records = [ShardRecord(**record) for record in manifest["shards"]]
    totals = totals_of(manifest)
    with folder.storage.local(SAMPLES) as path:
        rows = StoredFile(SAMPLES, path.stat().st_size, sha256_file(path))
    return Description(
        publisher=publisher,
        totals=totals,
        dropped={status: count for status, count in totals.by_status.items() if status != "ok"},
        terms=provenance.licences(columns),
        weights=tuple(provenance.weights(manifest)),
        settings=provenance.settings(manifest),
        versions=manifest["versions"],
        recipe=manifest["recipe"],
        producer=manifest.get("producer", "fishprep"),
        kind=str(manifest.get("source", {}).get("kind", "folder")),
        notes=tuple(map(str, manifest.get("notes", []))),
        left_out=tuple(map(str, manifest.get("left_out", []))),
        groupings=groupings(folder, columns, records),
        people=len({*columns.identity[columns.kept].tolist()} - {0}),
        rows=rows,
        shards=tuple(_stored(folder, record) for record in records if record.file is not None),
    )


def _stored(folder: BuildFolder, record: ShardRecord) -> StoredFile:
    if record.file is None or record.sha256 is None:
        raise BuildError(f"{folder}: no hash of {record.name} is recorded; `fishprep verify` says more")
    return StoredFile(record.file, record.bytes, record.sha256)
