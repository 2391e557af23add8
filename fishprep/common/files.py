"""Files written whole or not at all, read without surprises, and hashes of files."""

import errno
import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed
    fcntl = None  # type: ignore[assignment]

LONGEST_NAME = 255
"""Bytes of a file's name, on every system of today."""

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.\d+\.tmp", re.DOTALL)
_NO_HARD_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK}
"""What the system answers on drives without hard links (FAT, some network drives)."""


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file that somebody gave us, for reading: every photo, points file, list and JSON is opened by this.

    OSError where it is not a regular file: a pipe would keep us waiting for ever, a device never ends.
    """
    # Without waiting for a writer, where it is a pipe; what it is can be asked only of what is open.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def check_regular(path: Path) -> None:
    """OSError where `open_regular` raises it: before a library opens the file that would wait for a pipe's writer."""
    open_regular(path).close()


def read_text(path: Path) -> str:
    """The UTF-8 text of a regular file, without a byte order mark; OSError, and ValueError where it is no text."""
    with open_regular(path) as stream:
        return stream.read().decode("utf-8-sig")


def is_file(path: Path) -> bool:
    """Whether a regular file is there, by a name that we may have made up: one that no system could hold is not there."""
    return os.path.isfile(path)  # noqa: PTH113 (Path.is_file raises for a name that is too long)


@contextmanager
def atomic(path: Path, replace: bool = True, flushed: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, flush it to disk and rename it to `path`.

    Without `replace`, a file that stands at `path` by then stays, and FileExistsError is raised. Without `flushed` it is whole or not
    there for whoever looks, and after a kill; the caller flushes it with others, against a loss of power.

    When the block fails the temporary file is removed and `path` is untouched. The temporary name starts with a dot and
    ends in `.tmp`, so that no reader takes it for a result. The file is as readable for others as any new one is.
    """
    temporary = path.with_name(_temporary_name(path.name))
    try:
        temporary.touch()
        ordinary = stat.S_IMODE(temporary.stat().st_mode)
        with _at_work(temporary):
            yield temporary
            temporary.chmod(ordinary)  # safetensors writes files that their owner alone can read
            if flushed:
                flush(temporary)
            if replace:
                temporary.replace(path)
            else:
                _rename_new(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if flushed:
        flush_folder(path.parent)


def _rename_new(temporary: Path, path: Path) -> None:
    """Rename to a name that nobody has. On a drive without hard links only a lock keeps two apart who do it at once."""
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        temporary.replace(path)
    else:
        temporary.unlink()


@contextmanager
def _at_work(temporary: Path) -> Iterator[None]:
    """Hold the lock of a file that is being written, where the drive has locks; it goes with the process."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(temporary, os.O_RDWR | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def sweep_abandoned(path: Path) -> None:
    """Remove what writers of `path` that were killed have left beside it; nothing where a drive cannot tell whether they live."""
    if path.parent.is_dir():
        for left in [each for each in path.parent.iterdir() if meant_for(each.name) == path.name]:
            remove_abandoned(left)


def remove_abandoned(temporary: Path) -> None:
    """Remove a file that `atomic` made, unless its writer lives; nothing where a drive cannot tell."""
    if fcntl is None:
        return
    with suppress(OSError):
        descriptor = os.open(temporary, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            temporary.unlink()
        finally:
            os.close(descriptor)


def sweep_below(folder: Path, suffix: str) -> None:
    """Remove what a killed run left half written of files with a suffix in a folder that it keeps for them, and below it."""
    for path in folder.rglob(f".*{suffix}.*.tmp"):
        if meant_for(path.name) is not None:
            path.unlink(missing_ok=True)


def meant_for(name: str) -> str | None:
    """The name that a file which `atomic` was writing would have got, by its temporary name; None where it is no such name."""
    match = _TEMPORARY.fullmatch(name)
    return match["name"] if match else None


def _temporary_name(name: str) -> str:
    """`.NAME.NUMBER.tmp`, the number drawn, as other machines may write here; a name that leaves no room for the rest loses its start."""
    end = f".{secrets.randbelow(10**12)}.tmp"
    while len(os.fsencode(name)) > LONGEST_NAME - 1 - len(end):
        name = name[1:]
    return f".{name}{end}"


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 text atomically; bytes of a file name that are none as escapes, which JSON reads back (`\udcff`)."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def flush(path: Path) -> None:
    """Make the bytes of a file, or the names in a folder, survive a loss of power. OSError, which names it, where that is refused."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Make renames in `folder` survive a loss of power (POSIX; elsewhere the system does it)."""
    if os.name == "posix":
        flush(folder)


def remove_in_turn(files: Iterable[Path]) -> None:
    """Remove those of `files` that are there, each for good before the next: what is meant to outlast another does."""
    for path in files:
        if path.is_symlink() or path.exists():
            path.unlink()
            flush_folder(path.parent)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
