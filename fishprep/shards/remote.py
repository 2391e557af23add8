"""The shards of a finished build in a bucket, as its manifest lists them."""

import json
import re
from dataclasses import dataclass

from fishprep.common.errors import ShardError
from fishprep.shards.pieces import Pieces, checked
from fishprep.shards.schema import ShardName
from fishprep.storage.base import Storage

MANIFEST = "manifest.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteShard:
    """A shard that is not here: its bytes, their SHA-256, and its pieces (None in builds from before they were recorded)."""

    name: ShardName
    bytes: int
    sha256: str
    pieces: Pieces | None


def listed(storage: Storage) -> list[RemoteShard]:
    """The shards of a build, in order. ShardError where it is not finished or its manifest is damaged; OSError from the network."""
    where = storage.where(MANIFEST)
    try:
        said = json.loads(storage.read(MANIFEST).decode())["shards"]
        found = [_shard(record, where) for record in said if record["file"] is not None]
    except FileNotFoundError as error:
        raise ShardError(
            f"{storage}: no {MANIFEST} in it: no finished build; make one with: fishprep build PHOTOS {storage}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ShardError(f"{where}: damaged ({error}); `fishprep verify --repair {storage}` makes it anew") from error
    return sorted(found, key=lambda shard: shard.name)


def _shard(record: dict[str, object], where: str) -> RemoteShard:
    name, size, sha256 = ShardName.parse(str(record["file"])), record["bytes"], record["sha256"]
    if name is None or not isinstance(size, int) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"no record of a shard: {record['file']!r}")
    pieces = record.get("pieces")
    return RemoteShard(name, size, sha256, None if pieces is None else checked(pieces, size, where))
