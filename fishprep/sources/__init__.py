"""Where photos come from: a folder, a list, CelebA, Helen. A new source is one file here and one entry in `SOURCES`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import SourceError
from fishprep.sources import celeba, folder, helen
from fishprep.sources.base import LeftOut, Listing, Source, SourceRequest
from fishprep.sources.layout import Layout
from fishprep.sources.masked import with_masks
from fishprep.sources.packed import look
from fishprep.sources.walk import relative_text

__all__ = ["KINDS", "SOURCES", "LeftOut", "Listing", "Source", "SourceKind", "SourceRequest", "open_source"]


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    title: how people call it. open: makes the source of a request, given the folders and lists below its root. marks: folders and
    lists by which it is told from a plain folder of photos; without any it is taken only where the user names it.
    """

    title: str
    open: Callable[[SourceRequest, Layout], Source]
    marks: Callable[[Layout], list[Path]] = lambda layout: []


SOURCES = {
    "folder": SourceKind("a folder", folder.open_folder),
    "celeba": SourceKind("CelebA", celeba.open_celeba, celeba.marks),
    "helen": SourceKind("Helen", helen.open_helen, helen.marks),
}
"""What `--source` may name."""

KINDS = ("auto", *SOURCES)


def open_source(request: SourceRequest) -> Source:
    """The source that a request means; with `auto` told by what lies in the folder. SourceError where there is none."""
    source = _open(request)
    return source if request.masks is None else with_masks(source, request.root, request.masks, request.follow_links)


def _open(request: SourceRequest) -> Source:
    root = request.root
    if request.table is not None and root.is_dir():
        return folder.open_list(request)
    layout = look(request)
    if request.table is not None:
        raise SourceError(f"{root}: a --list goes with a folder")
    kind = request.kind if request.is_asked else recognise(layout)
    if kind not in SOURCES:
        raise SourceError(f"no source is called {kind!r}: there are auto, {', '.join(SOURCES)}")
    return SOURCES[kind].open(request, layout)


def recognise(layout: Layout) -> str:
    """The kind of a source by its folders and lists, looked for as deep as the source reads.

    SourceError where there are marks of two: which of them is meant is the user's to say.
    """
    found = {name: marks for name, kind in SOURCES.items() if (marks := kind.marks(layout))}
    if len(found) > 1:
        titles = " and ".join(SOURCES[name].title for name in found)
        shown = " and ".join(repr(relative_text(marks[0], layout.root)) for marks in found.values())
        raise SourceError(
            f"{layout.root}: holds {titles} ({shown}): build each from its own folder, or say which with --source"
        )
    return next(iter(found), "folder")
