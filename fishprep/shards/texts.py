"""Lengths of the texts in a shard, and the heaps that hold them, looked at before the HDF5 library reads them: it takes as much memory
as a damaged length says, up to 4 GiB for each, before it finds that there is no such text, and walks through a damaged heap for ever.

Formats: HDF5 File Format Specification 3.0, III.E (global heap), IV.A.1.a (object header), IV.A.2.m (attribute).
"""

import struct
from collections.abc import Iterator

import h5py
import numpy as np

from fishprep.common.errors import ShardError
from fishprep.shards import schema

REFERENCE = 16
"""Bytes of a text's place in a file: its length (4), the address of a heap (8), its number there (4)."""

_HEAD = 16
"""Bytes before what a heap holds, and before each object in it."""

_CONTINUED, _ATTRIBUTE = 0x10, 0x0C
_READ = {*schema.ATTRIBUTES, schema.CONTENTS}
_INTEGER, _REAL, _FIXED_TEXT, _VARIABLE = 0, 1, 3, 9
_TEXT = 1


def check_attributes(where: str, file: h5py.File, data: np.ndarray) -> None:
    """Of the file's own attributes, as far as they are read; `data`: its bytes.

    ShardError for a text longer than the file, and for what no shard has: another version of the header that holds them, attributes
    that are neither numbers nor text.
    """
    try:
        heaps = set[int]()
        for body in _attributes(where, data, h5py.h5o.get_info(file.id).addr):
            heaps |= _check_attribute(where, body, len(data))
        _check_heaps(where, heaps, data)
    except (struct.error, IndexError) as error:
        raise ShardError(f"{where}: truncated, damaged or not a shard: its attributes end nowhere") from error


def check_dataset(where: str, dataset: h5py.Dataset, data: np.ndarray) -> None:
    """Of a dataset of texts, which together are no longer than the file."""
    offset, count = dataset.id.get_offset(), dataset.size
    if dataset.id.get_storage_size() != count * REFERENCE:
        raise ShardError(f"{where}: {dataset.name[1:]} is no text as shards hold it")
    if offset is None or offset + count * REFERENCE > len(data):
        raise ShardError(f"{where}: truncated: {dataset.name[1:]} ends beyond the end of the file")
    places = data[offset : offset + count * REFERENCE].reshape(count, REFERENCE)
    lengths = np.ascontiguousarray(places[:, :4]).view("<u4")
    _check_length(where, int(lengths.sum(dtype=np.int64)), len(data))
    heaps = np.ascontiguousarray(places[:, 4:12]).view("<u8")
    _check_heaps(where, set(map(int, np.unique(heaps[lengths > 0]))), data)


def _attributes(where: str, data: np.ndarray, header: int) -> Iterator[bytes]:
    """The attribute messages of an object header."""
    version, _, count, _, size = struct.unpack("<BBHII", data[header : header + 12].tobytes())
    if version != 1:
        raise ShardError(f"{where}: truncated, damaged or not a shard: a header of HDF5 that no shard has")
    blocks = [(header + 16, size)]
    for start, length in blocks:
        end = start + length
        while start + 8 <= end and count > 0:
            kind, size = struct.unpack("<HH", data[start : start + 4].tobytes())
            body = data[start + 8 : start + 8 + size].tobytes()
            if kind == _CONTINUED:
                blocks.append(struct.unpack("<QQ", body[:16]))
            elif kind == _ATTRIBUTE:
                yield body
            start, count = start + 8 + size, count - 1


def _check_attribute(where: str, body: bytes, most: int) -> set[int]:
    """The heaps that its texts lie in."""
    version, _, *sizes = struct.unpack("<BBHHH", body[:8])
    if version == 1:
        sizes = [size + -size % 8 for size in sizes]
    name, kind, space = sizes
    start = 9 if version == 3 else 8
    if body[start : start + name].partition(b"\0")[0].decode("utf-8", "replace") not in _READ:
        return set()
    start += name
    what = body[start] & 0x0F
    is_text = what == _FIXED_TEXT or (what == _VARIABLE and body[start + 1] & 0x0F == _TEXT)
    if not (is_text or what in (_INTEGER, _REAL)):
        raise ShardError(f"{where}: an attribute that is neither a number nor text")
    if what != _VARIABLE:
        return set()
    values, heaps = body[start + kind + space :], set()
    for place in range(0, len(values) - REFERENCE + 1, REFERENCE):
        length, heap = struct.unpack_from("<IQ", values, place)
        _check_length(where, length, most)
        if length:
            heaps.add(heap)
    return heaps


def _check_heaps(where: str, heaps: set[int], data: np.ndarray) -> None:
    """Each is one, lies in the file, and is filled by its objects one after another; together they are no larger than the file."""
    left = len(data)
    for heap in sorted(heaps):
        head = data[heap : heap + _HEAD].tobytes() if heap < len(data) else b""
        size = int.from_bytes(head[8:], "little")
        left -= size
        if len(head) < _HEAD or head[:5] != b"GCOL\x01" or not _HEAD <= size <= len(data) - heap or left < 0:
            raise ShardError(f"{where}: truncated, damaged or not a shard: no heap of texts at {heap:,}")
        collection, place = data[heap : heap + size].tobytes(), _HEAD
        while place + _HEAD <= size:
            number, length = struct.unpack_from("<H6xQ", collection, place)
            step = _HEAD + length + -length % 8 if number else length  # number 0 is what is free, its head included
            if not _HEAD <= step <= size - place:
                raise ShardError(f"{where}: truncated, damaged or not a shard: a damaged heap of texts at {heap:,}")
            place += step


def _check_length(where: str, length: int, most: int) -> None:
    if length > most:
        raise ShardError(f"{where}: truncated, damaged or not a shard: text of {length:,} bytes in a file of {most:,}")
