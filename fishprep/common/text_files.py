"""Text files of any editor, read whole or line by line."""

import os
from collections.abc import Iterator
from pathlib import Path

from fishprep.common.errors import SourceError
from fishprep.common.files import open_regular

LARGEST = 256 * 2**20
"""Bytes of a list: some ten million names."""


def read_any_text(path: Path, largest: int = LARGEST) -> str:
    r"""A text file of any editor: UTF-8 or, with its mark, UTF-16; lines end in `\n`; bytes that are not UTF-8 stay as Python
    keeps them in file names. SourceError where it cannot be read, is larger than `largest` bytes or is no text."""
    try:
        with open_regular(path) as stream:
            data = stream.read(min(largest, os.fstat(stream.fileno()).st_size) + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > largest:
        raise SourceError(f"{path}: larger than {largest:,} bytes, which no such file is")
    return as_text(data, str(path))


def as_text(data: bytes, told: str) -> str:
    """The bytes of a text file of any editor as `read_any_text` says; told: what they are, for SourceError."""
    try:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = data.decode("utf-16") if wide else data.decode("utf-8", errors="surrogateescape")
    except UnicodeDecodeError as error:
        raise SourceError(f"{told}: not text: {error.reason} at byte {error.start}") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise SourceError(f"{told}, line {line}: not a text file")
    # A mark stands at the start of each part where files were joined, not only at the start of the whole.
    return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a list, stripped, empty ones left out. SourceError as `read_any_text`."""
    return lines_of(read_any_text(path))


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines of a text, stripped, empty ones left out."""
    for number, line in enumerate(text.split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped
