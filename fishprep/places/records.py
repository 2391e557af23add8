"""Places as records of a plan: what a worker needs to find them again. Paths below the source are kept from there, so that they hold
wherever it was moved."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishprep.places.archive import Archive
from fishprep.places.base import Place, Stamp
from fishprep.places.file import File
from fishprep.places.object import Object
from fishprep.places.parquet_cell import ParquetCell
from fishprep.places.tar_member import TarMember
from fishprep.places.zip_member import ZipMember
from fishprep.storage.objects import ObjectStorage

PlaceRecord = Mapping[str, Any]

_BELOW, _AS_IT_IS = "./", "\0"
"""Before a path from the root on; before one elsewhere that could be taken for that."""


@dataclass(frozen=True)
class Root:
    """Where a source is: a path or a url, as its places have it. Empty where there is no one place."""

    text: str

    def below(self, name: str) -> str:
        """A path from the root on, with `./` before it; as it is where it lies elsewhere."""
        if self.text and name == self.text:
            return _BELOW
        lead = self._lead
        if lead is not None and name.startswith(lead) and name != lead and not (lead == "" and name[0] == os.sep):
            return f"{_BELOW}{name[len(lead) :]}"
        return f"{_AS_IT_IS}{name}" if name.startswith((_BELOW, _AS_IT_IS)) else name

    def at(self, name: str) -> str:
        """The path that `below` was made of, from this root."""
        if name.startswith(_AS_IT_IS):
            return name[1:]
        if not name.startswith(_BELOW):
            return name
        return f"{self._lead or ''}{name[2:]}" if name != _BELOW else self.text

    @property
    def _lead(self) -> str | None:
        """What names below the root begin with; None where there is none."""
        if not self.text:
            return None
        return "" if self.text == "." else self.text.rstrip(os.sep) + os.sep


@dataclass(frozen=True)
class _Kind:
    """A kind of place as a record, and back."""

    of: type
    write: Callable[[Any, Root], dict[str, Any]]
    read: Callable[[PlaceRecord, Root], Place]


def _archive(archive: Archive, root: Root) -> list[Any]:
    return [root.below(str(archive.path)), archive.stamp.size, archive.stamp.version]


def _archive_at(record: Any, root: Root) -> Archive:
    path, size, version = record
    return Archive(Path(root.at(path)), Stamp(size, version))


_ZIP, _TAR = ("name", "offset", "packed", "size", "method", "crc"), ("name", "offset", "size")
_CELL = ("name", "column", "group", "row")

_KINDS = {
    "file": _Kind(File, lambda place, root: {"at": root.below(place.name)}, lambda r, root: File(root.at(r["at"]))),
    "object": _Kind(
        Object,
        lambda place, root: {"in": root.below(place.bucket.url), **_fields(place, ("name", "size", "version"))},
        lambda r, root: Object(ObjectStorage(root.at(r["in"])), r["name"], r["size"], r["version"]),
    ),
    "zip": _Kind(
        ZipMember,
        lambda place, root: {"in": _archive(place.archive, root), **_fields(place, _ZIP)},
        lambda r, root: ZipMember(_archive_at(r["in"], root), *(r[name] for name in _ZIP)),
    ),
    "tar": _Kind(
        TarMember,
        lambda place, root: {"in": _archive(place.archive, root), **_fields(place, _TAR)},
        lambda r, root: TarMember(_archive_at(r["in"], root), *(r[name] for name in _TAR)),
    ),
    "parquet": _Kind(
        ParquetCell,
        lambda place, root: {"in": _archive(place.archive, root), **_fields(place, _CELL)},
        lambda r, root: ParquetCell(_archive_at(r["in"], root), *(r[name] for name in _CELL)),
    ),
}


def place_record(place: Place, root: Root) -> dict[str, Any] | None:
    """A place as JSON has it, with its `kind`; None of a kind that has no record."""
    for name, kind in _KINDS.items():
        if type(place) is kind.of:
            return {"kind": name, **kind.write(place, root)}
    return None


def place_of(record: PlaceRecord, root: Root) -> Place:
    """The place of a record. KeyError, TypeError or ValueError where it is none."""
    return _KINDS[record["kind"]].read(record, root)


def _fields(place: Place, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(place, name) for name in names}
