"""Where photos come from: a folder, a list, CelebA, Helen. A new source is one file here and one line in `open_source`."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import SourceError
from fishprep.common.names import unicode_text
from fishprep.sources.base import LeftOut, Listing, Source
from fishprep.sources.celeba import PARTITION_LIST, CelebASource, image_folders
from fishprep.sources.folder import FolderSource, ListSource
from fishprep.sources.helen import LISTS, HelenSource
from fishprep.sources.layout import Layout, split_of, survey
from fishprep.sources.walk import relative_text

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
    asked = request.kind != "auto"
    layout = survey(root, request.follow_links, request.exclude)
    kind = request.kind if asked else recognise(layout)
    if kind == "celeba":
        return CelebASource(root, request.wild, request.follow_links, request.points, request.exclude, layout)
    if kind == "helen":
        return HelenSource(root, request.follow_links, request.exclude, request.points, asked, layout)
    return FolderSource(root, licence, request.follow_links, request.exclude, request.points, asked, layout)


def recognise(layout: Layout) -> str:
    """The kind of a source by its folders and lists, looked for as deep as the source reads.

    SourceError where there are marks of two: which of them is meant is the user's to say.
    """
    celeba = [*image_folders(layout), *layout.lists_named([PARTITION_LIST])]
    splits = [folder for folder in layout.folders if split_of(folder.name)]
    of_helen = [folder for folder in splits if folder.parent.name.lower() == "helen"]
    helen = [*layout.lists_named(LISTS), *(of_helen if of_helen == splits else [])]
    if celeba and helen:
        both = " and ".join(repr(relative_text(found[0], layout.root)) for found in (celeba, helen))
        raise SourceError(
            f"{layout.root}: holds CelebA and Helen ({both}): build each from its own folder, or say which with --source"
        )
    return "celeba" if celeba else "helen" if helen else "folder"
