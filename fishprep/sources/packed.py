"""What is surveyed: a folder, an archive, or a folder in which nothing but archives hold photos."""

import shlex
from dataclasses import replace
from pathlib import Path

from fishprep.common.errors import SourceError
from fishprep.common.spelling import ARCHIVES, unpacked_by
from fishprep.sources.archives import archive_tree
from fishprep.sources.base import LeftOut, SourceRequest
from fishprep.sources.bucket import bucket_tree
from fishprep.sources.layout import LISTS, Layout, survey
from fishprep.sources.walk import Walk
from fishprep.storage.named import url_of

_ANNOTATIONS = ("anno", "eval")
"""Folders of CelebA's lists, beside the folder `Img` of its archives."""


def look(request: SourceRequest) -> Layout:
    """Survey what a request names: a folder, an archive, or a bucket, of which the root is the url as a path.

    SourceError where nothing is there, or nothing that can be read without unpacking it.
    """
    root = request.root
    if url := url_of(root):
        return survey(root, tree=bucket_tree(root, url, request.exclude))
    if root.is_dir():
        layout = survey(root, request.follow_links, request.exclude)
        return _opened(layout, request) if layout.archives and not _has_pictures(layout, request) else layout
    if not root.is_file():
        raise SourceError(f"{root}: no such folder")
    _refuse_packed(root)
    if root.suffix.lower() not in ARCHIVES:
        raise SourceError(f"{root}: is a file; give the folder that holds it, or a ZIP, TAR or Parquet file of photos")
    return replace(survey(root, tree=archive_tree(root, [root])), beside=tuple(_lists_beside(root)))


def _has_pictures(layout: Layout, request: SourceRequest) -> bool:
    walk = Walk(layout.root, request.follow_links, request.exclude)
    return layout.pictures > 0 or next(walk.files(), None) is not None


def _opened(layout: Layout, request: SourceRequest) -> Layout:
    """The folder as if each of its archives had been unpacked where it lies."""
    readable = [path for path in layout.archives if path.suffix.lower() in ARCHIVES]
    closed = [path for path in layout.archives if path not in readable]
    if not readable:
        _refuse_packed(closed[0])
    tree = archive_tree(layout.root, readable, layout.lists)
    left_out = LeftOut(len(closed), "archive", "that would have to be unpacked first")
    found = survey(layout.root, request.follow_links, request.exclude, tree)
    return replace(found, waste=(*found.waste, *([left_out] if closed else [])))


def _refuse_packed(path: Path) -> None:
    """SourceError for an archive of which no part can be read alone, with the command that unpacks it."""
    if command := unpacked_by(path.name):
        raise SourceError(
            f"{path}: cannot be read without unpacking it: run `{command} {shlex.quote(str(path))}` in a new folder, and give that"
        )


def _lists_beside(archive: Path) -> list[Path]:
    """Lists in the folder of an archive; those of CelebA in its own layout too."""
    folders = [archive.parent]
    if archive.resolve().parent.name.lower() == "img":
        above = archive.resolve().parent.parent
        folders += sorted(path for path in above.iterdir() if path.name.lower() in _ANNOTATIONS and path.is_dir())
    return [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in LISTS and path.is_file()
    ]
