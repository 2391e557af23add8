"""Any folder of photos, and a list of some of them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fishprep import names
from fishprep.errors import SourceError
from fishprep.photo import Photo
from fishprep.shards.schema import SPLITS
from fishprep.sources.base import Listing, Walk, points_of, read_lines, relative_text
from fishprep.status import Problem, Status
from fishprep.words import counted

LIST_COLUMNS = ("path", "id", "split", "landmarks")


@dataclass(frozen=True)
class FolderSource:
    """All photos below `root`. Folders `train`, `val`, `test` at its top are its official split; else all is `train`."""

    root: Path
    licence: str = ""
    follow_links: bool = False
    exclude: Path | None = None
    points: Path | None = None
    kind: str = "folder"

    def listing(self) -> Listing:
        """Photos in the order of their paths."""
        found = walk_photos(self)
        tops = {photo.relative.partition("/")[0] for photo in found.photos}
        if "train" not in tops:
            notes = ("a plain folder: all photos go into `train`",)
            return replace(found, photos=tuple(replace(photo, split="train") for photo in found.photos), notes=notes)
        official = {split: split for split in SPLITS} | {"valid": "val", "validation": "val"}
        split = (replace(photo, split=official.get(photo.relative.partition("/")[0], "")) for photo in found.photos)
        return replace(found, photos=tuple(split))


@dataclass(frozen=True)
class ListSource:
    """The photos that a CSV file names: columns `path` (below `root`) and, where wanted, `id`, `split`, `landmarks` (a file)."""

    root: Path
    table: Path
    licence: str = ""
    follow_links: bool = False
    points: Path | None = None
    kind: str = "list"

    def listing(self) -> Listing:
        """Photos in the order of their paths. A named photo that is not there becomes a row with status `missing`."""
        rows = list(self._rows())
        rows.sort(key=lambda row: row[1]["path"])
        relatives = [names.text(row["path"]) for _, row in rows]
        self._refuse_repeated([number for number, _ in rows], relatives)
        ids = [
            names.text(row["id"]) or default for (_, row), default in zip(rows, names.photo_ids(relatives), strict=True)
        ]
        self._refuse_repeated([number for number, _ in rows], ids)
        has_splits = any(row["split"] for _, row in rows)
        photos = (
            self._photo(number, row, relative, photo_id, has_splits)
            for (number, row), relative, photo_id in zip(rows, relatives, ids, strict=True)
        )
        return Listing(tuple(photos))

    def _rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        lines = list(read_lines(self.table))
        if not lines:
            raise SourceError(f"{self.table}: empty; its first line names the columns: {','.join(LIST_COLUMNS)}")
        header = [column.strip().lower() for column in self._values(*lines[0])]
        unknown = [column for column in header if column not in LIST_COLUMNS]
        if unknown or "path" not in header:
            raise SourceError(
                f"{self.table}, line 1: columns {', '.join(header)}; expected path and any of id, split, landmarks"
            )
        for number, line in lines[1:]:
            values = self._values(number, line)
            if len(values) != len(header):
                raise SourceError(
                    f"{self.table}, line {number}: {counted(len(values), 'value')} for {counted(len(header), 'column')}"
                )
            yield (
                number,
                dict.fromkeys(LIST_COLUMNS, "")
                | {column: value.strip() for column, value in zip(header, values, strict=True)},
            )

    def _values(self, number: int, line: str) -> list[str]:
        try:
            return next(csv.reader([line]))
        except csv.Error as error:
            raise SourceError(f"{self.table}, line {number}: {error}") from error

    def _refuse_repeated(self, numbers: list[int], values: list[str]) -> None:
        first: dict[str, int] = {}
        for number, value in zip(numbers, values, strict=True):
            if value in first:
                raise SourceError(f"{self.table}, line {number}: {value!r} stands in line {first[value]} already")
            first[value] = number

    def _photo(self, number: int, row: dict[str, str], relative: str, photo_id: str, has_splits: bool) -> Photo:
        if row["split"] and row["split"] not in SPLITS:
            raise SourceError(
                f"{self.table}, line {number}: split {row['split']!r}; expected one of {', '.join(SPLITS)}"
            )
        path = self.root / row["path"]
        points = self.root / row["landmarks"] if row["landmarks"] else points_of(path, self.root, self.points)
        return Photo(
            id=photo_id,
            path=path,
            relative=relative,
            licence=self.licence,
            split=row["split"] if has_splits else "train",
            points_file=points,
            problem=self._problem(path),
        )

    def _problem(self, path: Path) -> Problem | None:
        if not path.exists():
            return Problem(Status.MISSING, "named in the list, not on the disk")
        if not self.follow_links and not path.resolve().is_relative_to(self.root.resolve()):
            return Problem(Status.LINK_OUTSIDE, "outside the source folder (--follow-links takes it)")
        return None


def walk_photos(source: FolderSource) -> Listing:
    """All photos below the root of a source, without a split; SourceError where there are none."""
    walk = Walk(source.root, source.follow_links, source.exclude)
    found = sorted(
        ((relative_text(path, source.root), path, problem) for path, problem in walk.files()), key=lambda f: f[0]
    )
    left_out = walk.left_out()
    if not found:
        there = f", but {left_out[0]}" if left_out else ""
        raise SourceError(
            f"{source.root}: no photos in it{there}; give a folder with JPEG, PNG, WebP, BMP, PPM or TIFF files"
        )
    ids = names.photo_ids([relative for relative, _, _ in found])
    photos = (
        Photo(
            id=photo_id,
            path=path,
            relative=relative,
            licence=source.licence,
            points_file=points_of(path, source.root, source.points),
            problem=problem,
        )
        for photo_id, (relative, path, problem) in zip(ids, found, strict=True)
    )
    return Listing(tuple(photos), left_out=left_out)
