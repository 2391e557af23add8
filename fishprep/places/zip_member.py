"""A member of a ZIP file, read without its directory."""

import struct
import zipfile
import zlib
from dataclasses import dataclass

from fishprep.common.errors import DecodeError
from fishprep.common.status import Status
from fishprep.decoding.decode import Limits, check_bytes
from fishprep.places.archive import Archive
from fishprep.places.base import ReadBytes, Stamp

_HEADER = struct.Struct("<4s22xHH")
"""Of a member: its mark, and how long the name and the further fields are that follow."""

_SLACK = 64
"""Bytes by which data that cannot be packed may grow, and a thousandth more."""


@dataclass(frozen=True)
class ZipMember:
    """A member as the directory has it. offset: of its header; packed, size: bytes before and after they are unpacked."""

    archive: Archive
    name: str
    offset: int
    packed: int
    size: int
    method: int
    crc: int

    def __str__(self) -> str:
        return f"{self.archive.path}/{self.name}"

    def stamp(self) -> Stamp:
        """Its size and its checksum, as the directory has them."""
        return Stamp(self.size, f"crc32 {self.crc:08x}")

    def read(self, limits: Limits) -> ReadBytes:
        """As `Place.read` says; what it unpacks to is never more than the directory says, and has the checksum of that."""
        check_bytes(self.size, limits)
        if self.packed > self.size + self.size // 1000 + _SLACK:
            raise _damaged("packed, it is larger than unpacked")
        mark, name, further = _HEADER.unpack(self.archive.part(self.offset, _HEADER.size))
        if mark != b"PK\3\4":
            raise _damaged("no member begins where the directory says")
        data = self._unpacked(self.archive.part(self.offset + _HEADER.size + name + further, self.packed))
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise _damaged("its bytes do not have the size and the checksum (CRC) that the directory says")
        return ReadBytes(data, self.stamp())

    def _unpacked(self, packed: bytes) -> bytes:
        if self.method == zipfile.ZIP_STORED:
            return packed
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = unpacker.decompress(packed, self.size + 1)
        except zlib.error as error:
            raise _damaged(str(error)) from error
        return data if unpacker.eof or self.size == len(data) == 0 else b""


def _damaged(reason: str) -> DecodeError:
    return DecodeError(Status.UNREADABLE, f"damaged in the ZIP file: {reason}")
