"""Files written whole or not at all, and hashes of files."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, flush it to disk and rename it to `path`.

    When the block fails the temporary file is removed and `path` is untouched. The temporary name starts with a dot and
    ends in `.tmp`, so that no reader takes it for a result. The file is as readable for others as any new one is.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.touch()
        ordinary = stat.S_IMODE(temporary.stat().st_mode)
        yield temporary
        temporary.chmod(ordinary)  # safetensors writes files that their owner alone can read
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 text atomically; bytes of a file name that are none as escapes, which JSON reads back (`\udcff`)."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def flush_folder(folder: Path) -> None:
    """Make renames in `folder` survive a loss of power (POSIX; elsewhere the system does it)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
