"""Helen, as its authors or as iBUG publish it: photos, 68 points in `.pts` files beside them, its own name lists."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fishprep.photo import Photo
from fishprep.sources.base import Listing, read_lines
from fishprep.sources.folder import FolderSource, walk_photos

LICENCE = "Helen / iBUG 300-W: non-commercial research only"
LISTS = {"trainnames.txt": "train", "testnames.txt": "test"}
FOLDERS = {"trainset": "train", "testset": "test"}


@dataclass(frozen=True)
class HelenSource:
    """Photos below `root`; the official split by `trainnames.txt` and `testnames.txt`, else by folders `trainset`, `testset`."""

    root: Path
    follow_links: bool = False
    exclude: Path | None = None
    points: Path | None = None
    kind: str = "helen"

    def listing(self) -> Listing:
        """Photos in the order of their paths. Without lists and folders all are `train`, which a note says."""
        found = walk_photos(FolderSource(self.root, LICENCE, self.follow_links, self.exclude, self.points))
        by_name = self._names()
        if by_name:
            split = (replace(photo, split=by_name.get(_stem(photo), "")) for photo in found.photos)
            return replace(found, photos=tuple(split))
        if any(_folder_split(photo) for photo in found.photos):
            return replace(found, photos=tuple(replace(photo, split=_folder_split(photo)) for photo in found.photos))
        note = "neither trainnames.txt / testnames.txt nor folders trainset / testset: all photos are in `train`"
        return replace(found, photos=tuple(replace(photo, split="train") for photo in found.photos), notes=(note,))

    def _names(self) -> dict[str, str]:
        listed: dict[str, str] = {}
        for file, split in LISTS.items():
            for path in sorted(self.root.rglob(file)):
                listed |= {line.removesuffix(".jpg"): split for line in _values(read_lines(path))}
        return listed


def _values(lines: Iterable[tuple[int, str]]) -> Iterable[str]:
    return (line for _, line in lines)


def _stem(photo: Photo) -> str:
    return photo.path.stem


def _folder_split(photo: Photo) -> str:
    return next((FOLDERS[part] for part in photo.relative.split("/")[:-1] if part in FOLDERS), "")
