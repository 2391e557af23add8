"""Any folder of photos, and a list of some of them."""

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fishprep.common import names
from fishprep.common.errors import SourceError
from fishprep.common.locator import Locator
from fishprep.common.spelling import is_picture_name, spelled
from fishprep.common.status import Problem, Status
from fishprep.common.tables import DELIMITERS, Table, read_parquet_table, read_table
from fishprep.common.text_files import read_lines
from fishprep.faces.photo import Photo
from fishprep.places.file import File
from fishprep.shards.schema import SPLITS
from fishprep.sources.base import Listing, SourceRequest
from fishprep.sources.layout import Layout, by_folders, split_of, survey
from fishprep.sources.links import file_identity, link_problem
from fishprep.sources.points import PointsFiles
from fishprep.sources.tree import FolderTree, Tree, refused_photos
from fishprep.sources.walk import Walk, relative_text

LIST_COLUMNS = ("path", "id", "split", "landmarks")


@dataclass(frozen=True)
class FolderSource:
    """All photos below `root`. Folders named as splits, at any depth, are its official split; without any all is `train`.

    asked: the user has said that this is a folder; otherwise what may be a test set and is not known as one is refused.
    """

    root: Path
    licence: str = ""
    follow_links: bool = False
    exclude: Path | None = None
    points: Path | None = None
    asked: bool = False
    layout: Layout | None = None
    kind: str = "folder"

    def listing(self) -> Listing:
        """Photos in the order of their paths."""
        layout = self.layout or survey(self.root, self.follow_links, self.exclude)
        return by_folders(walk_photos(replace(self, layout=layout)), layout, self.asked)


@dataclass(frozen=True)
class ListSource:
    """The photos that a CSV or Parquet file names: columns `path` (below `root`) and, where wanted, `id`, `split`, `landmarks` (a
    file); or a text file of nothing but paths, one a line."""

    root: Path
    table: Path
    licence: str = ""
    follow_links: bool = False
    points: Path | None = None
    kind: str = "list"

    def listing(self) -> Listing:
        """Photos in the order of their paths. A named photo that is not there becomes a row with status `missing`.

        SourceError where the list cannot be read, or names a photo twice, by whatever spelling or link.
        """
        table = _table(self.table)
        if table is None:
            raise SourceError(f"{self.table}: empty; its first line names the columns: {','.join(LIST_COLUMNS)}")
        rows = sorted(self._rows(table), key=lambda row: row.relative)
        self._refuse_repeated([(row.line, row.relative) for row in rows])
        self._refuse_one_file(rows)
        ids = [row.id or own for row, own in zip(rows, names.photo_ids([row.relative for row in rows]), strict=True)]
        self._refuse_repeated([(row.line, photo_id) for row, photo_id in zip(rows, ids, strict=True)])
        has_splits = any(row.split for row in rows)
        finder = PointsFiles(self.root, self.points, self.follow_links)
        photos = tuple(self._photo(row, photo_id, finder, has_splits) for row, photo_id in zip(rows, ids, strict=True))
        others = table.others(LIST_COLUMNS)
        notes = (f"{self.table.name}: columns passed over: {names.printable(', '.join(others))}",) if others else ()
        return Listing(photos, notes)

    def _rows(self, table: Table) -> Iterator["_Row"]:
        if table.column("path") is None:
            raise SourceError(
                f"{self.table}, line {table.line}: columns {', '.join(filter(None, table.columns))}; expected path and any of"
                " id, split, landmarks"
            )
        locator = Locator(self.root)
        for line, values in table.rows:
            row = dict(zip(table.columns, values, strict=True))
            name = row["path"]
            if not name:
                raise SourceError(f"{self.table}, line {line}: no path")
            split = row.get("split", "")
            if split and not split_of(split):
                raise SourceError(f"{self.table}, line {line}: split {split!r}; expected one of {', '.join(SPLITS)}")
            path = locator.find(name, self.table)
            relative = _below(spelled(name) if path is None else path.as_posix(), self.root)
            yield _Row(line, relative, path, names.text(row.get("id", "")), split_of(split), row.get("landmarks", ""))

    def _refuse_repeated(self, found: list[tuple[int, str]]) -> None:
        first: dict[str, int] = {}
        for line, value in sorted(found):
            if value in first:
                raise SourceError(f"{self.table}, line {line}: {value!r} stands in line {first[value]} already")
            first[value] = line

    def _refuse_one_file(self, rows: list["_Row"]) -> None:
        first: dict[tuple[int, int], _Row] = {}
        for row in sorted(rows, key=lambda row: row.line):
            if row.path is None or (file := file_identity(row.path)) is None:
                continue
            if file in first:
                raise SourceError(
                    f"{self.table}, line {row.line}: {row.relative!r} is the same file as {first[file].relative!r} in line"
                    f" {first[file].line} already"
                )
            first[file] = row

    def _photo(self, row: "_Row", photo_id: str, finder: PointsFiles, has_splits: bool) -> Photo:
        path = row.path or self.root / row.relative
        points = finder.named(row.landmarks) if row.landmarks else finder.of(path)
        return Photo(
            id=photo_id,
            place=File.at(path),
            relative=row.relative,
            licence=self.licence,
            split=row.split if has_splits else "train",
            points_file=points.path,
            points_problem=points.problem,
            problem=self._problem(path),
        )

    def _problem(self, path: Path) -> Problem | None:
        if not os.path.lexists(path):
            return Problem(Status.MISSING, "named in the list, not on the disk")
        return link_problem(path, self.root, self.follow_links)


def _table(path: Path) -> Table | None:
    if path.suffix.lower() == ".parquet":
        return read_parquet_table(path, LIST_COLUMNS)
    lines = list(read_lines(path))
    if lines and is_picture_name(lines[0][1]) and not any(mark in lines[0][1] for mark in DELIMITERS):
        return Table(0, ("path",), tuple((number, (line,)) for number, line in lines))
    return read_table(path)


@dataclass(frozen=True)
class _Row:
    """A line of a list: its photo as text below the root, and as a file where one is there."""

    line: int
    relative: str
    path: Path | None
    id: str
    split: str
    landmarks: str


def _below(path: str, root: Path) -> str:
    """A path of a list, below the root where it can be, as text."""
    for top in (root.as_posix(), root.resolve().as_posix()):
        if path.startswith(f"{top}/"):
            path = path[len(top) + 1 :]
    return names.text(posixpath.normpath(path))


def open_folder(request: SourceRequest, layout: Layout) -> FolderSource:
    """The photos below a folder."""
    licence = names.unicode_text(request.licence)
    return FolderSource(
        request.root, licence, request.follow_links, request.exclude, request.points, request.is_asked, layout
    )


def open_list(request: SourceRequest) -> ListSource:
    """The photos of the request's table."""
    assert request.table is not None
    licence = names.unicode_text(request.licence)
    return ListSource(request.root, request.table, licence, request.follow_links, request.points)


def walk_photos(source: FolderSource) -> Listing:
    """All photos below the root of a source, without a split; SourceError where there are none."""
    tree: Tree = source.layout.tree if source.layout else FolderTree()
    walk = Walk(source.root, source.follow_links, source.exclude, tree=tree)
    found = sorted(
        ((relative_text(path, source.root), path, problem) for path, problem in walk.files()), key=lambda f: f[0]
    )
    finder = PointsFiles(source.root, source.points, source.follow_links)
    left_out = walk.left_out()
    refused = refused_photos(tree, source.licence)
    if not found and not refused:
        there = f", but {' and '.join(map(str, left_out))}" if left_out else ""
        raise SourceError(
            f"{source.root}: no photos in it{there}; give a folder with JPEG, PNG, WebP, BMP, PPM or TIFF files"
        )
    ids = names.photo_ids([relative for relative, _, _ in found])
    photos = []
    for photo_id, (relative, path, problem) in zip(ids, found, strict=True):
        points = finder.of(path)
        photos.append(
            Photo(
                id=photo_id,
                place=tree.place(path),
                relative=relative,
                licence=source.licence,
                points_file=points.path,
                points_problem=points.problem,
                problem=problem,
            )
        )
    return Listing((*photos, *refused), left_out=left_out)
