"""What lies below a prefix in a bucket as a tree of photos: listed once, nothing is read."""

from pathlib import Path, PurePosixPath

from fishprep.common.errors import SourceError
from fishprep.common.spelling import is_archive_name, is_picture_name
from fishprep.places.object import objects_below
from fishprep.sources.tree import MemberTree
from fishprep.storage.objects import ObjectStorage


def bucket_tree(root: Path, url: str, exclude: Path | None = None) -> MemberTree:
    """The objects below a url; `root`: the url as a path, below which they are. exclude: one that lies below it, the output.

    SourceError where there are none, or they cannot be listed: a key that is no path is named.
    """
    try:
        found = objects_below(ObjectStorage(url))
    except OSError as error:
        raise SourceError(f"{url}: cannot be listed: {error.strerror}") from error
    if exclude is not None and exclude.is_relative_to(root) and exclude != root:
        output = f"{exclude.relative_to(root).as_posix()}/"
        found = {name: place for name, place in found.items() if not name.startswith(output)}
    if not found:
        _refuse_archive(url, PurePosixPath(url).name)
        raise SourceError(f"{url}: nothing lies there; give the bucket and the prefix of the photos")
    packed = sorted(name for name in found if is_archive_name(name))
    if packed and not any(is_picture_name(name) for name in found):
        _refuse_archive(f"{url}/{packed[0]}", packed[0])
    return MemberTree(root, dict(found))


def _refuse_archive(url: str, name: str) -> None:
    if is_archive_name(name):
        raise SourceError(
            f"{url}: archives are not read where they lie in a bucket: fetch it and give the file, which is read without "
            "unpacking it, or unpack it into the bucket and give the prefix of the photos"
        )
