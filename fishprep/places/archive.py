"""A file that holds many photos, of which parts are read where the listing said that they lie."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import DecodeError, out_of_memory
from fishprep.common.status import Status
from fishprep.decoding.decode import open_photo
from fishprep.places.base import Stamp
from fishprep.places.file import stamp_of


@dataclass(frozen=True)
class Archive:
    """A file of many photos, with its stamp from when it was listed: where its parts lie is known of that one alone."""

    path: Path
    stamp: Stamp

    def part(self, offset: int, size: int) -> bytes:
        """`size` bytes at `offset`. DecodeError with status `changed` where the archive is not the one that was listed,
        `unreadable` where it cannot be read or ends before, `failed` where memory runs out."""
        try:
            with open_photo(self.path) as stream:
                self.check(os.fstat(stream.fileno()))
                stream.seek(offset)
                data = stream.read(size)
        except OSError as error:
            reason = error.strerror if error.errno != errno.EINVAL else "a place that no file has"
            raise DecodeError(Status.UNREADABLE, f"cannot be read: {reason}") from error
        except (MemoryError, OverflowError) as error:
            raise DecodeError(Status.FAILED, out_of_memory("read")) from error
        if len(data) != size:
            raise DecodeError(Status.UNREADABLE, "the archive ends within it")
        return data

    def check(self, status: os.stat_result) -> None:
        """DecodeError (`changed`) where what the system says is not of the archive that was listed."""
        if stamp_of(status).differs(self.stamp):
            raise DecodeError(Status.CHANGED, f"{self.path.name} has changed since the build was planned")
