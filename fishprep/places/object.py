"""An object of a bucket."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishprep.common.errors import DecodeError, UnreachableError, out_of_memory
from fishprep.common.status import Status
from fishprep.decoding.decode import Limits, check_bytes
from fishprep.places.base import ReadBytes, Stamp
from fishprep.storage.objects import ObjectStorage


@dataclass(frozen=True)
class Object:
    """An object as it was listed. name: its key below `bucket`; size: its bytes; version: its ETag."""

    bucket: ObjectStorage
    name: str
    size: int
    version: str

    def __str__(self) -> str:
        return self.bucket.where(self.name)

    def stamp(self) -> Stamp:
        """Its size and ETag when the bucket was listed; nobody is asked again."""
        return Stamp(self.size, self.version)

    def read(self, limits: Limits) -> ReadBytes:
        """As `Place.read` says; UnreachableError where the network or the server fails."""
        check_bytes(self.size, limits)
        try:
            found = self.bucket.get(self.name)
            check_bytes(found.meta["size"], limits)
            return ReadBytes(self.bucket.bytes_of(found, self.name), Stamp(found.meta["size"], _version(found.meta)))
        except FileNotFoundError as error:
            raise DecodeError(Status.UNREADABLE, "cannot be opened: there is no such object any more") from error
        except PermissionError as error:
            raise DecodeError(Status.UNREADABLE, "cannot be opened: access is denied") from error
        except OSError as error:
            raise UnreachableError(f"{self}: {error.strerror}") from error
        except MemoryError as error:
            raise DecodeError(Status.FAILED, out_of_memory("read")) from error

    def begin(self, count: int) -> bytes:
        """So many of its first bytes; nothing where they are not to be had. UnreachableError as `read`."""
        if not self.size:
            return b""
        try:
            return self.bucket.read_range(self.name, 0, min(count, self.size))
        except (FileNotFoundError, PermissionError):
            return b""
        except OSError as error:
            raise UnreachableError(f"{self}: {error.strerror}") from error


def _version(meta: Any) -> str:
    """The ETag in its quotes: Azure's lists leave them away, its answers do not."""
    tag = meta["e_tag"] or ""
    return tag if not tag or tag.endswith('"') else f'"{tag}"'


def objects_below(bucket: ObjectStorage) -> dict[str, Object]:
    """All objects of a bucket, or of a prefix in it, by their keys below it. OSError where it cannot be listed.

    Objects of no bytes that stand for folders are left out.
    """
    return {
        meta["path"]: Object(bucket, meta["path"], meta["size"], _version(meta))
        for meta in bucket.walk()
        if meta["size"] or Path(meta["path"]).suffix
    }
