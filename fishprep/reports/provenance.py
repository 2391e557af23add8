"""What a build records of itself, in words for its report."""

import json
from dataclasses import dataclass
from typing import Any

from fishprep.reports.columns import Columns
from fishprep.weights import RECORDS


@dataclass(frozen=True)
class Weight:
    """A weight file that was in use. purpose and licence say so where its hash is not on record."""

    name: str
    sha256: str
    purpose: str
    licence: str


@dataclass(frozen=True)
class Retry:
    """One `fishprep retry`: how many photos of which statuses were tried again, with what, and how many faces that gave."""

    statuses: str
    photos: int
    overrides: str
    samples: int


@dataclass(frozen=True)
class Added:
    """One `fishprep extend`: from where, how many faces that gave, and what was gone or changed in the source by then."""

    source: str
    samples: int
    gone: int
    changed: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def weights(manifest: dict[str, Any]) -> list[Weight]:
    """The weight files of a build and of its retries."""
    configurations = [manifest["configuration"], *(retry["configuration"] for retry in manifest["retries"])]
    used = {sha256: name for configuration in configurations for name, sha256 in configuration["weights"].items()}
    return [_weight(name, sha256) for sha256, name in sorted(used.items(), key=lambda pair: (pair[1], pair[0]))]


def retries(manifest: dict[str, Any]) -> list[Retry]:
    """The retries of a build, in order."""
    return [
        Retry(
            statuses=", ".join(retry["statuses"]) or "marked by hand",
            photos=len(retry["photos"]),
            overrides=", ".join(f"{name}: {plain_text(value)}" for name, value in retry["overrides"].items())
            or "nothing",
            samples=_samples(manifest, retry),
        )
        for retry in manifest["retries"]
    ]


def extensions(manifest: dict[str, Any]) -> list[Added]:
    """The extensions of a build, in order."""
    return [
        Added(
            source=f"{record['source']['root']}{' as ' + record['prefix'] if record['prefix'] else ''}",
            samples=_samples(manifest, record),
            gone=len(record["gone"]),
            changed=len(record["changed"]),
            left_out=tuple(map(str, record["left_out"])),
            notes=tuple(map(str, record["notes"])),
        )
        for record in manifest.get("extensions", [])
    ]


def _samples(manifest: dict[str, Any], record: dict[str, Any]) -> int:
    """Faces in the shards of a retry or an extension."""
    samples = {shard["name"]: shard["samples"] for shard in manifest["shards"]}
    return sum(samples.get(f"{split}-{number:05d}", 0) for split, number in record["specs"])


def settings(manifest: dict[str, Any]) -> dict[str, str]:
    """The configuration but its weights, name by name."""
    return {name: plain_text(value) for name, value in manifest["configuration"].items() if name != "weights"}


def licences(columns: Columns) -> dict[str, int]:
    """Terms of the kept faces' photos, and how many faces are under them; nothing recorded says so."""
    return {name or "none recorded": count for name, count in columns.licence.counts(columns.kept).items()}


def plain_text(value: object) -> str:
    """A value of a JSON file as people write it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _weight(name: str, sha256: str) -> Weight:
    for record in RECORDS:
        if record.sha256 == sha256:
            return Weight(name, sha256, record.purpose, record.licence)
    return Weight(name, sha256, "not a file on record", "unknown: ask where the file comes from")
