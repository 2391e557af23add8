"""How the names of pictures are spelt: on disks, and in the lists that people keep."""

import posixpath
import re
import unicodedata

SUFFIXES = frozenset(".jpg .jpeg .jpe .jfif .png .webp .bmp .dib .ppm .pgm .pbm .pnm .tif .tiff".split())
"""Lower-case suffixes that promise a picture; what a file is in truth, only its content says."""

LISTED_SUFFIXES = SUFFIXES | frozenset(".gif .heic .heif .avif .jp2 .jxl .tga".split())
"""Suffixes that a name in a list may end in, whatever the file on the disk is."""


def spelled(name: str) -> str:
    r"""The one spelling of a path in a list: / between folders, no `.` and no `..` that can be gone back, composed letters.

    >>> spelled(".\\train\\a.jpg"), spelled("train//b/../a.jpg")
    ('train/a.jpg', 'train/a.jpg')
    """
    return posixpath.normpath(unicodedata.normalize("NFC", name.replace("\\", "/")))


def without_suffix(name: str) -> str:
    """A path without the suffix of a picture; one of another kind is a part of the name.

    >>> without_suffix("a/000001.PNG"), without_suffix("john.smith")
    ('a/000001', 'john.smith')
    """
    stem, suffix = posixpath.splitext(name)
    return stem if suffix.lower() in LISTED_SUFFIXES else name


def is_picture_name(name: str) -> bool:
    """Whether a name ends as those of pictures do."""
    return posixpath.splitext(name)[1].lower() in LISTED_SUFFIXES


ARCHIVES = (".zip", ".tar", ".parquet")
"""Suffixes of files that hold many photos and are read as they are."""

_PACKED = (
    (re.compile(r"\.(tar\.gz|tgz)$"), "tar -xzf"),
    (re.compile(r"\.(tar\.bz2|tbz2?)$"), "tar -xjf"),
    (re.compile(r"\.(tar\.xz|txz)$"), "tar -xJf"),
    (re.compile(r"\.(tar\.zst|tzst)$"), "tar --zstd -xf"),
    (re.compile(r"\.(7z|zip|rar)\.0*1$|\.7z$"), "7z x"),
    (re.compile(r"\.rar$"), "unrar x"),
)
"""Archives that cannot be read in parts, and what unpacks them."""


def is_archive_name(name: str) -> bool:
    """Whether a name ends as those of files do that hold many others, packed or not."""
    return name.lower().endswith(ARCHIVES) or bool(unpacked_by(name))


def unpacked_by(name: str) -> str:
    """The beginning of the command that unpacks an archive which cannot be read as it is; empty for all other names."""
    return next((command for pattern, command in _PACKED if pattern.search(name.lower())), "")


def composed(name: str) -> str:
    """A name with composed letters (NFC), as most systems write it."""
    return unicodedata.normalize("NFC", name)
