"""Parquet files by paths of any bytes: Arrow by itself opens only names that are UTF-8."""

import os
from pathlib import Path

import pyarrow as pa

from fishprep.common.files import check_regular

_BUFFER = 1 << 16
"""Arrow writes a few bytes at a time."""


def readable(path: Path) -> pa.NativeFile:
    """The file, for `pyarrow.parquet` to read from. Raises OSError."""
    check_regular(path)
    return pa.OSFile(os.fsencode(path), "rb")


def writable(path: Path) -> pa.NativeFile:
    """The file, emptied, for `pyarrow.parquet` to write into. Raises OSError."""
    return pa.BufferedOutputStream(pa.OSFile(os.fsencode(path), "wb"), _BUFFER)
