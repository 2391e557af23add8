"""What a source is: what is asked for, its photos, what it leaves out."""

from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class SourceRequest:
    """What the user says of a source. `kind` is `auto` or a key of `SOURCES`; `table` is a CSV list of photos; `exclude` the
    output folder; `points` a file or folder with 68 points for `--landmarks annotation`; `masks` a folder with the parsing maps of face
    crops."""

    root: Path
    kind: str = "auto"
    table: Path | None = None
    wild: bool = False
    licence: str = ""
    follow_links: bool = False
    exclude: Path | None = None
    points: Path | None = None
    masks: Path | None = None

    @property
    def is_asked(self) -> bool:
        """Whether the user has said what the source is."""
        return self.kind != "auto"


class Source(Protocol):
    """Where photos come from."""

    @property
    def kind(self) -> str:
        """The key in `SOURCES`; `list` for a list of photos."""
        ...

    def listing(self) -> Listing:
        """Raises SourceError where the folder or a list in it cannot be used."""
        ...
