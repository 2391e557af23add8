"""Where photos come from: a folder, a list, CelebA, Helen. A new source is one file here and one line in `open_source`."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.errors import SourceError
from fishprep.names import unicode_text
from fishprep.sources.base import LeftOut, Listing, Source
from fishprep.sources.celeba import ALIGNED, WILD, CelebASource
from fishprep.sources.folder import FolderSource, ListSource
from fishprep.sources.helen import LISTS, HelenSource

KINDS = ("auto", "folder", "celeba", "helen")

__all__ = ["KINDS", "LeftOut", "Listing", "Source", "SourceRequest", "open_source"]


@dataclass(frozen=True)
class SourceRequest:
    """What the user says of a source. `kind` is one of `KINDS`; `table` is a CSV list of photos; `exclude` the
    output folder; `points` a file or folder with 68 points for `--landmarks annotation`."""

    root: Path
    kind: str = "auto"
    table: Path | None = None
    wild: bool = False
    licence: str = ""
    follow_links: bool = False
    exclude: Path | None = None
    points: Path | None = None


def open_source(request: SourceRequest) -> Source:
    """The source that a request means; with `auto` told by what lies in the folder. SourceError where there is none."""
    root, licence = request.root, unicode_text(request.licence)
    if not root.is_dir():
        what = "is a file; give the folder that holds it" if root.is_file() else "no such folder"
        raise SourceError(f"{root}: {what}")
    if request.table is not None:
        return ListSource(root, request.table, licence, request.follow_links, request.points)
    kind = _recognise(root) if request.kind == "auto" else request.kind
    if kind == "celeba":
        return CelebASource(root, request.wild, request.follow_links, request.points)
    if kind == "helen":
        return HelenSource(root, request.follow_links, request.exclude, request.points)
    return FolderSource(root, licence, request.follow_links, request.exclude, request.points)


def _recognise(root: Path) -> str:
    marks = {ALIGNED: "celeba", WILD: "celeba", "list_eval_partition.txt": "celeba", **dict.fromkeys(LISTS, "helen")}
    for folder in (root, *(child for child in sorted(root.iterdir()) if child.is_dir())):
        for mark, kind in marks.items():
            if (folder / mark).exists():
                return kind
    return "folder"
