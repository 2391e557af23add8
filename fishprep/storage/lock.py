"""One command at a time writes into a folder; one that is refused leaves the folder as it found it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from fishprep.common.files import flush_folder
from fishprep.common.locks import file_lock
from fishprep.storage.base import InUseError

LOCK = ".lock"


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


def _flush_parents(made: list[Path]) -> None:
    """Else a loss of power could take a new folder, with all that was flushed in it."""
    for folder in made:
        with suppress(PermissionError):  # of one that we may write into and not read
            flush_folder(folder.parent)


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(lock, timeout=0))
        except Timeout as error:
            raise InUseError(f"{lock.parent}: another command is at work in it") from error
        yield


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
