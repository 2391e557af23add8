"""One command at a time writes into a folder; one that is refused leaves the folder as it found it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from fishprep.common.files import flush_folder
from fishprep.common.locks import file_lock, shared_lock
from fishprep.storage.base import InUseError

LOCK = ".lock"
SETTLING = ".lock-settling"
"""Held for a moment by one of several who share a folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and hold its lock, which goes with the process. InUseError where another process holds it.

    Where the block fails before it has written anything, the lock's file is removed if it was not there before, and so are the
    folders that were made: a command that is refused leaves nothing among somebody's files.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    _flush_parents(made)
    lock = folder / LOCK
    before = None if lock.exists() else _names(folder)
    try:
        with _held(lock):
            try:
                yield
            except BaseException:
                if before is not None and _names(folder) - {LOCK} == before:
                    lock.unlink(missing_ok=True)
                raise
    except BaseException:
        with suppress(OSError):  # the first that is not empty
            for path in made:
                path.rmdir()
        raise


@contextmanager
def beside_others(folder: Path) -> Iterator[None]:
    """Make a folder and be at work in it beside others who are there by this, too. InUseError where somebody has it `locked`."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    _flush_parents(made)
    with _refused(folder), shared_lock(folder / LOCK):
        yield


@contextmanager
def settling(folder: Path) -> Iterator[None]:
    """One at a time, of those who are at work together."""
    with file_lock(folder / SETTLING, timeout=-1):
        yield


def _flush_parents(made: list[Path]) -> None:
    """Else a loss of power could take a new folder, with all that was flushed in it."""
    for folder in made:
        with suppress(PermissionError):  # of one that we may write into and not read
            flush_folder(folder.parent)


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    with _refused(lock.parent), file_lock(lock, timeout=0):
        yield


@contextmanager
def _refused(folder: Path) -> Iterator[None]:
    try:
        yield
    except Timeout as error:
        raise InUseError(f"{folder}: another command is at work in it") from error


def _names(folder: Path) -> set[str]:
    """None where somebody has taken the folder away: the error that ends the command is not this one."""
    with suppress(FileNotFoundError):
        return {path.name for path in folder.iterdir()}
    return set()
