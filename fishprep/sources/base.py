"""What a source is: its photos, what it leaves out."""

from dataclasses import dataclass
from typing import Protocol

from fishprep.common.words import counted
from fishprep.faces.photo import Photo


@dataclass(frozen=True)
class LeftOut:
    """Files of a source that no row of a build will speak of: how many of what, and why."""

    count: int
    noun: str
    why: str

    def __str__(self) -> str:
        return f"{counted(self.count, self.noun)} {self.why}"


@dataclass(frozen=True)
class Listing:
    """All photos of a source, sorted by path, with the official split where the source has one; what was left out; and what
    to tell the user."""

    photos: tuple[Photo, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


class Source(Protocol):
    """Where photos come from."""

    @property
    def kind(self) -> str:
        """`folder`, `list`, `celeba`, `helen`."""
        ...

    def listing(self) -> Listing:
        """Raises SourceError where the folder or a list in it cannot be used."""
        ...
