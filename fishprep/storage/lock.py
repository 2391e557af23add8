"""One command at a time writes into a folder; one that is refused leaves the folder as it found it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fishprep.common.files import flush_folder
from fishprep.common.locks import file_lock

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and hold its lock, which goes with the process. `filelock.Timeout` where another process holds it.

    Where the block fails before it has written anything, the lock's file is removed if it was not there before, and so are the
    folders that were made: a command that is refused leaves nothing among somebody's files.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        with suppress(PermissionError):  # of a folder that we may write into and not read
            flush_folder(
                path.parent
            )  # else a loss of power could take the whole folder, with all that was flushed in it
    lock = folder / LOCK
    before = None if lock.exists() else _names(folder)
    try:
        with file_lock(lock, timeout=0):
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


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
