"""A file of its own."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import DecodeError, out_of_memory
from fishprep.common.status import Status
from fishprep.decoding.decode import Limits, open_photo, read_parts
from fishprep.places.base import UNKNOWN, ReadBytes, Stamp


@dataclass(frozen=True, slots=True)
class File:
    """A file that the system can open. Kept as text: of millions of paths a list holds each."""

    name: str

    @classmethod
    def at(cls, path: Path) -> "File":
        """The file at a path."""
        return cls(str(path))

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.name)

    def __str__(self) -> str:
        return self.name

    def stamp(self) -> Stamp:
        """Its size and the nanosecond of its last change; nothing is known of what is no regular file."""
        try:
            status = os.stat(self.name)  # noqa: PTH116 (a name that no system could hold is not there)
        except (OSError, ValueError):
            return UNKNOWN
        return stamp_of(status) if stat.S_ISREG(status.st_mode) else UNKNOWN

    def read(self, limits: Limits) -> ReadBytes:
        try:
            with open_photo(self.path) as stream:
                data = b"".join(read_parts(stream, limits))
                return ReadBytes(
                    data, stamp_of(os.fstat(stream.fileno()))
                )  # after the last byte: a change meanwhile shows
        except MemoryError as error:
            raise DecodeError(Status.FAILED, out_of_memory("read")) from error


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file, from what the system says of it."""
    return Stamp(status.st_size, str(status.st_mtime_ns), (status.st_dev, status.st_ino))
