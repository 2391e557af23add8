"""ZIP, TAR and Parquet files as trees of photos: their members are listed, nothing is unpacked."""

import io
import os
import re
import stat
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fishprep.common.errors import SourceError
from fishprep.common.files import open_regular
from fishprep.common.names import SUFFIX_SEPARATOR
from fishprep.common.status import Problem, Status
from fishprep.places.archive import Archive
from fishprep.places.base import Place
from fishprep.places.file import File, stamp_of
from fishprep.places.parquet_cell import ParquetCell
from fishprep.places.tar_member import TarMember
from fishprep.places.zip_member import ZipMember
from fishprep.sources.layout import split_of
from fishprep.sources.tree import MemberTree

Members = Iterator[tuple[str, Place | Problem]]
"""Names as they stand in an archive, and what is there."""

M = TypeVar("M")

_UTF8, _ENCRYPTED = 0x800, 0x1
"""Flags of a member of a ZIP file."""

_LINK = Problem(Status.UNREADABLE, "a link in an archive, which is not followed")


def archive_tree(root: Path, archives: Sequence[Path], lists: Iterable[Path] = ()) -> MemberTree:
    """What lies in the archives, each seen as if it had been unpacked where it lies, below `root`; with the `lists` there.

    root: the folder that holds them, or the one archive itself. SourceError for an archive that is damaged.
    """
    members: dict[str, Place | Problem] = {path.relative_to(root).as_posix(): File.at(path) for path in lists}
    refused: dict[str, Problem] = {}
    repeated: Counter[str] = Counter()
    for where, name, place in _all_members(root, archives):
        if problem := _unsafe(name):
            refused[f"{where}{name}"] = problem
            continue
        whole = where + "/".join(part for part in name.split("/") if part not in ("", "."))
        if whole in members:
            repeated[whole] += 1
        else:
            members[whole] = place
    for name, times in repeated.items():
        reason = f"its name stands {times + 1} times in the archive: which one is meant nobody knows"
        members[name] = Problem(Status.UNREADABLE, reason)
    for name in _folders(members).intersection(members):
        del members[name]
        refused[name] = Problem(Status.UNREADABLE, "its name is that of a folder in the archive too")
    return MemberTree(root, members, refused)


def _folders(names: Iterable[str]) -> set[str]:
    """The folders of files, with those that they lie in."""
    found: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _all_members(root: Path, archives: Sequence[Path]) -> Iterator[tuple[str, str, Place | Problem]]:
    """Where an archive lies below the root, the name of a member in it, and the member."""
    tables = [path for path in archives if path.suffix.lower() == ".parquet"]
    for path in archives:
        if path not in tables:
            kind = _zip if path.suffix.lower() == ".zip" else _tar
            yield from ((_below(path, root), *member) for member in _listed(path, kind))
    yield from (("", *member) for member in _cells(tables))


def _below(path: Path, root: Path) -> str:
    """The folder of an archive below the root, with a / at its end; empty at the root."""
    where = "" if path == root else path.parent.relative_to(root).as_posix()
    return "" if where in ("", ".") else f"{where}/"


def _listed(path: Path, kind: Callable[[Archive, io.BufferedReader], Iterator[M]]) -> Iterator[M]:
    """SourceError where a library says that the archive is damaged, or anything else that hostile bytes make it raise."""
    try:
        with open_regular(path) as stream:
            yield from kind(Archive(path, stamp_of(os.fstat(stream.fileno()))), stream)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:
        raise SourceError(f"{path}: damaged, or no {path.suffix[1:].upper()} file: {error}") from error


def _zip(archive: Archive, stream: io.BufferedReader) -> Members:
    with zipfile.ZipFile(stream) as file:
        for info in file.infolist():
            if info.is_dir():
                continue
            yield (
                _zip_name(info),
                _zip_problem(info)
                or ZipMember(
                    archive,
                    info.orig_filename,
                    info.header_offset,
                    info.compress_size,
                    info.file_size,
                    info.compress_type,
                    info.CRC,
                ),
            )


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Bytes that are UTF-8 are read so, whether the file says it or not; others are what they were to DOS, as the format has it."""
    if info.flag_bits & _UTF8:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode()
    except ValueError:
        return info.orig_filename


def _zip_problem(info: zipfile.ZipInfo) -> Problem | None:
    if info.flag_bits & _ENCRYPTED:
        return Problem(Status.UNREADABLE, "encrypted in the ZIP file: unpack it with the password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Problem(
            Status.UNREADABLE, f"packed by method {info.compress_type} in the ZIP file, which is not read here"
        )
    return _LINK if stat.S_ISLNK(info.external_attr >> 16) else None


def _tar(archive: Archive, stream: io.BufferedReader) -> Members:
    with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="surrogateescape") as file:
        while (info := file.next()) is not None:
            file.members = []  # type: ignore[attr-defined]  # it would keep all of them
            if info.isdir():
                continue
            if info.issym() or info.islnk():
                yield info.name, _LINK
            elif not info.isreg() or info.issparse():
                yield info.name, Problem(Status.UNREADABLE, "no ordinary file in the TAR file")
            else:
                yield info.name, TarMember(archive, info.name, info.offset_data, info.size)


def _cells(tables: Sequence[Path]) -> Members:
    """By their paths in the file where these tell them apart, else by file and row; below a split where files are named by several."""
    found = [cell for path in tables for cell in _listed(path, _rows)]
    times = Counter(name for name, _, _ in found)
    splits = {path: split_of(re.split(r"[-_.]", path.stem)[0]) for path in tables}
    several = len(set(splits.values()) - {""}) > 1
    for name, number, cell in found:
        path = cell.archive.path
        if not name or times[name] > 1 or _unsafe(name):
            name = f"{path.stem}{SUFFIX_SEPARATOR}{number}"
        yield f"{splits[path]}/{name}" if several and splits[path] else name, replace(cell, name=name)


def _rows(archive: Archive, stream: io.BufferedReader) -> Iterator[tuple[str, int, ParquetCell]]:
    """Path of each picture, which may be empty, the number of its row in the file, and its cell."""
    with pq.ParquetFile(stream) as file:
        column, path = _image_column(file.schema_arrow)
        number = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            paths = _paths(file, group, path) if path else [None] * count
            for row, name in enumerate(paths):
                yield name or "", number, ParquetCell(archive, "", column, group, row)
                number += 1


def _paths(file: pq.ParquetFile, group: int, path: str) -> list[str | None]:
    values = file.read_row_group(group, columns=[path]).column(0)
    for part in path.split(".")[1:]:
        values = pc.struct_field(values, part)
    return values.to_pylist()


def _image_column(schema: pa.Schema) -> tuple[str, str]:
    """The column of the pictures' bytes, and that of their paths, empty where there is none. ValueError where it is not clear."""
    structs = {column.name: column.type for column in schema if pa.types.is_struct(column.type)}
    nested = {f"{name}.bytes": f"{name}.path" for name, kind in structs.items() if kind.get_field_index("bytes") >= 0}
    plain = {column.name: "" for column in schema if _is_binary(column.type)}
    found = nested or plain
    chosen = [
        name for name in found if len(found) == 1 or name.partition(".")[0].lower() in ("image", "img", "jpg", "png")
    ]
    if len(chosen) != 1:
        raise ValueError(
            f"its columns are {', '.join(schema.names)}; expected one `image` with bytes, or with bytes and path"
        )
    path = found[chosen[0]]
    has_path = path and structs[path.rpartition(".")[0]].get_field_index("path") >= 0
    return chosen[0], path if has_path else ""


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _unsafe(name: str) -> Problem | None:
    """Why a name could be that of no file below the root."""
    if name.startswith("/"):
        return Problem(Status.UNREADABLE, "an absolute name in an archive")
    if ".." in name.split("/"):
        return Problem(Status.UNREADABLE, "a name in an archive that leads out of it")
    if "\0" in name or not name.strip("./"):
        return Problem(Status.UNREADABLE, "a name in an archive that no file can have")
    return None
