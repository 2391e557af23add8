"""Names of samples: file names of any bytes as text that any table, shard and page can hold."""

import os
import re
from collections import Counter
from pathlib import PurePath

SUFFIX_SEPARATOR = "#"


def text(path: str | PurePath) -> str:
    r"""A path as UTF-8 text: bytes that are not UTF-8 are written `\xff`, a backslash is doubled.

    >>> text(os.fsdecode(b"caf\xe9/a\\b.jpg"))
    'caf\\xe9/a\\\\b.jpg'
    """
    doubled = os.fsencode(str(path)).replace(b"\\", b"\\\\")
    return doubled.decode("utf-8", errors="backslashreplace")


def path_of(written: str) -> str:
    r"""The path that `text` wrote as `written`.

    >>> os.fsencode(path_of(r"caf\xe9/a\\b.jpg"))
    b'caf\xe9/a\\b.jpg'
    """
    parts = re.split(rb"(\\\\|\\x[0-9a-f]{2})", written.encode())
    return os.fsdecode(b"".join(_byte(part) if i % 2 else part for i, part in enumerate(parts)))


def _byte(escape: bytes) -> bytes:
    return b"\\" if escape == b"\\\\" else bytes([int(escape[2:], 16)])


def unicode_text(words: str) -> str:
    r"""Words from a command line or a list as text that is UTF-8: bytes that are not are written `\xff`."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def printable(name: str) -> str:
    """A name on one line of a terminal: control characters (newlines too) escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def photo_ids(relative_paths: list[str]) -> list[str]:
    """An id for each relative path (text, with /): the path without its suffix, or with it where two would be the same."""
    ids = [_without_suffix(path) for path in relative_paths]
    while True:
        counts = Counter(ids)
        clashing = [i for i, name in enumerate(ids) if counts[name] > 1 and name != relative_paths[i]]
        if not clashing:
            return ids
        for i in clashing:
            ids[i] = relative_paths[i]


def face_id(photo_id: str, number: int | None) -> str:
    """The id of the `number`-th kept face from the left of a photo; None where only one can be kept.

    A `#` of the photo's own name is doubled, so that no name of a photo can be that of a face of another.

    >>> face_id("a#0", None), face_id("a", 0)
    ('a##0', 'a#0')
    """
    own = photo_id.replace(SUFFIX_SEPARATOR, 2 * SUFFIX_SEPARATOR)
    return own if number is None else f"{own}{SUFFIX_SEPARATOR}{number}"


def _without_suffix(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return folder + slash + (stem if dot and stem else name)
