"""A member of a TAR file."""

from dataclasses import dataclass

from fishprep.decoding.decode import Limits, check_bytes
from fishprep.places.archive import Archive
from fishprep.places.base import ReadBytes, Stamp


@dataclass(frozen=True)
class TarMember:
    """The `size` bytes at `offset`. A TAR file has no checksums of what it holds."""

    archive: Archive
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.archive.path}/{self.name}"

    def stamp(self) -> Stamp:
        """Its size, and where it lies in an archive of which time."""
        return Stamp(self.size, f"{self.archive.stamp.version} at {self.offset}")

    def read(self, limits: Limits) -> ReadBytes:
        check_bytes(self.size, limits)
        return ReadBytes(self.archive.part(self.offset, self.size), self.stamp())
