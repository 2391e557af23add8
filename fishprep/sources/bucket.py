"""What lies below a prefix in a bucket as a tree of photos: listed once, nothing is read."""

from pathlib import Path

from fishprep.common.errors import SourceError
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
        raise SourceError(f"{url}: nothing lies there; give the bucket and the prefix of the photos")
    return MemberTree(root, dict(found))
