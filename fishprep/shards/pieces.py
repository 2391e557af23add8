"""Which bytes of a shard are which: what is recorded beside a shard in a bucket, so that a part of it can be fetched and proved."""

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

from fishprep.common.errors import ShardError
from fishprep.shards import schema
from fishprep.shards.reader import Shard

PIECES = (*map(schema.image, schema.SIZES), *map(schema.skin, schema.SIZES), "classes/128")
"""The large datasets, of which a training needs a few."""
REST = "rest"
"""Everything else: what HDF5 says of the datasets, attributes, ids, points, boxes."""

Pieces = dict[str, list[int | str]]
"""Name → offset in the file, bytes, SHA-256; of `REST` the bytes between the others, put together, and 0 for its offset."""


def pieces_of(path: Path) -> Pieces:
    """The pieces of a shard. ShardError where it is none."""
    with Shard(path) as shard:
        found = {name: shard.extent(name) for name in PIECES if name in shard}
    pieces: Pieces = {}
    with open(path, "rb") as stream:
        for name, (offset, size) in found.items():
            stream.seek(offset)
            pieces[name] = [offset, size, hashlib.sha256(stream.read(size)).hexdigest()]
        digest, total = hashlib.sha256(), 0
        for start, end in _between(sorted(found.values()), path.stat().st_size):
            stream.seek(start)
            digest.update(stream.read(end - start))
            total += end - start
    return pieces | {REST: [0, total, digest.hexdigest()]}


def checked(pieces: object, size: int, where: str) -> Pieces:
    """Pieces of a file of `size` bytes as somebody recorded them; ShardError where they cannot be."""
    if not isinstance(pieces, dict) or REST not in pieces or not pieces.keys() <= {*PIECES, REST}:
        raise ShardError(f"{where}: no pieces of a shard")
    extents = []
    for name, piece in pieces.items():
        if not isinstance(piece, list) or [type(value) for value in piece] != [int, int, str]:
            raise ShardError(f"{where}: {name} is no piece (offset, bytes, SHA-256)")
        if name != REST:
            extents.append((piece[0], piece[1]))
    between = sum(end - start for start, end in _between(sorted(extents), size)) if _are_apart(extents, size) else None
    if between != pieces[REST][1]:
        raise ShardError(f"{where}: its pieces do not make a file of {size:,} bytes")
    return pieces


def ranges(pieces: Pieces, size: int, wanted: Collection[str]) -> list[tuple[int, int]]:
    """Starts and ends of the bytes of `wanted` pieces and of the rest, in order, those that touch as one."""
    unwanted = sorted(_extent(piece) for name, piece in pieces.items() if name != REST and name not in wanted)
    return list(_between(unwanted, size))


def differing(path: Path, pieces: Pieces, wanted: Collection[str]) -> str | None:
    """The first of the `wanted` pieces, or the rest, of which a file does not hold the bytes."""
    extents = sorted(_extent(piece) for name, piece in pieces.items() if name != REST)
    with open(path, "rb") as stream:
        for name in (*wanted, REST):
            digest = hashlib.sha256()
            parts = _between(extents, path.stat().st_size) if name == REST else [_ends(pieces[name])]
            for start, end in parts:
                stream.seek(start)
                digest.update(stream.read(end - start))
            if digest.hexdigest() != pieces[name][2]:
                return name
    return None


def _extent(piece: list[int | str]) -> tuple[int, int]:
    return int(piece[0]), int(piece[1])


def _ends(piece: list[int | str]) -> tuple[int, int]:
    offset, size = _extent(piece)
    return offset, offset + size


def _between(extents: Collection[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """What of a file of `size` bytes lies in none of the extents (offset, bytes), which are in order."""
    at = 0
    for offset, length in extents:
        if offset > at:
            yield at, offset
        at = offset + length
    if size > at:
        yield at, size


def _are_apart(extents: list[tuple[int, int]], size: int) -> bool:
    at = 0
    for offset, length in sorted(extents):
        if offset < at or length < 0:
            return False
        at = offset + length
    return at <= size
