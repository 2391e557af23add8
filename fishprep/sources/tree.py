"""What a source looks through: folders on a disk, or what an archive or a bucket holds, seen as folders."""

import os
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fishprep.common import names
from fishprep.common.errors import DecodeError, SourceError
from fishprep.common.files import is_file, open_regular
from fishprep.common.spelling import is_picture_name
from fishprep.common.status import Problem
from fishprep.common.text_files import LARGEST, as_text, read_any_text
from fishprep.decoding.decode import Limits
from fishprep.decoding.formats import looks_like_picture
from fishprep.faces.photo import Photo
from fishprep.places.base import Place
from fishprep.places.file import File
from fishprep.places.object import Object
from fishprep.places.parquet_cell import ParquetCell
from fishprep.sources.links import file_identity


class Scanned(Protocol):
    """A name in a folder, as `os.DirEntry` has it."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    def is_dir(self, *, follow_symlinks: bool = True) -> bool: ...

    def is_symlink(self) -> bool: ...


class Tree(Protocol):
    """Folders with files, asked for by their paths."""

    def scan(self, folder: Path) -> Sequence[Scanned]:
        """What a folder holds, sorted by name. OSError where it cannot be listed."""

    def identity(self, path: Path) -> Hashable | None:
        """The same for all names of one file or folder; None where that is not known."""

    def begins_like_picture(self, path: Path) -> bool:
        """Whether a file begins as pictures do, whatever its name is."""

    def is_file(self, path: Path) -> bool:
        """Whether there is a file that can be read."""

    def text(self, path: Path) -> str:
        """A list. SourceError where it is none."""

    def place(self, path: Path) -> Place:
        """Where the bytes of a file are."""

    def problem(self, path: Path) -> Problem | None:
        """Why a file is not to be read, where the tree itself knows that."""

    @property
    def refused(self) -> Mapping[str, Problem]:
        """Photos that are named as nothing can be in a tree, by their names."""


def refused_photos(tree: Tree, licence: str) -> list[Photo]:
    """Those of the `refused` that are named as pictures, sorted by their paths; their rows say why they are not read."""
    found = {names.text(name): problem for name, problem in tree.refused.items() if is_picture_name(name)}
    return [
        Photo(relative, File.at(Path(relative)), relative, licence, problem=problem)
        for relative, problem in sorted(found.items())
    ]


@dataclass(frozen=True)
class FolderTree:
    """Folders of this machine."""

    def scan(self, folder: Path) -> Sequence[Scanned]:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)

    def identity(self, path: Path) -> tuple[int, int] | None:
        return file_identity(path)

    def begins_like_picture(self, path: Path) -> bool:
        try:
            with open_regular(path) as stream:
                return looks_like_picture(stream.read(16))
        except OSError:
            return False

    def is_file(self, path: Path) -> bool:
        return is_file(path)

    def text(self, path: Path) -> str:
        return read_any_text(path)

    def place(self, path: Path) -> Place:
        return File.at(path)

    def problem(self, path: Path) -> Problem | None:
        return None

    @property
    def refused(self) -> Mapping[str, Problem]:
        return {}


@dataclass(frozen=True)
class Member:
    """A file or folder of a `MemberTree`, as `os.DirEntry` has it."""

    name: str
    path: str
    is_folder: bool

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self.is_folder

    def is_symlink(self) -> bool:
        return False


@dataclass(frozen=True, eq=False)
class MemberTree:
    """Named places below `root` (an archive, a bucket), which need not be a folder on any disk.

    members: by name, / between folders, no `.`, `..` or empty part in it; as Python has names of files, whatever their bytes.
    A Problem stands for one that is not to be read. refused: those with names that could not be `members`.
    """

    root: Path
    members: Mapping[str, Place | Problem]
    refused: Mapping[str, Problem] = field(default_factory=dict)
    _folders: dict[str, list[Member]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        found: dict[str, dict[str, Member]] = defaultdict(dict)
        for name in self.members:
            path, is_folder = name, False
            while path:
                folder, _, own = path.rpartition("/")
                if own in found[folder] and is_folder <= found[folder][own].is_folder:
                    break
                found[folder][own] = Member(own, f"{self.root}/{path}", is_folder)
                path, is_folder = folder, True
        self._folders.update({folder: sorted(own.values(), key=lambda m: m.name) for folder, own in found.items()})

    def scan(self, folder: Path) -> Sequence[Scanned]:
        return self._folders.get(self._name(folder), [])

    def identity(self, path: Path) -> Hashable | None:
        return None

    def begins_like_picture(self, path: Path) -> bool:
        place = self.place(path)
        if isinstance(place, ParquetCell):
            return True  # its column is one of pictures
        if isinstance(place, Object):
            return looks_like_picture(place.begin(16))
        try:
            return looks_like_picture(place.read(Limits()).data[:16])
        except (DecodeError, KeyError):
            return False

    def is_file(self, path: Path) -> bool:
        return self._name(path) in self.members

    def text(self, path: Path) -> str:
        """Of a list that lies beside the archive too."""
        if self._name(path) not in self.members:
            return read_any_text(path)
        try:
            return as_text(self.place(path).read(Limits(max_bytes=LARGEST)).data, str(path))
        except DecodeError as error:
            raise SourceError(f"{path}: {error.reason}") from error

    def place(self, path: Path) -> Place:
        """Of one with a problem, a file that is not there: nobody is to open it."""
        found = self.members[self._name(path)]
        return File.at(path) if isinstance(found, Problem) else found

    def problem(self, path: Path) -> Problem | None:
        found = self.members.get(self._name(path))
        return found if isinstance(found, Problem) else None

    def _name(self, path: Path) -> str:
        return "" if path == self.root else str(path)[len(str(self.root)) + 1 :]
