"""Locks of files, which go with the process that holds them."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows: every drive has locks
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What the system answers on network drives that are mounted without locks."""


@contextmanager
def file_lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock of a file, which goes with the process; `filelock.Timeout` where another process holds it for too long.

    On a drive without locks that is said, in the log, and the block runs without one.
    """
    if has_locks(path):
        with FileLock(path, timeout=timeout):
            yield
        return
    logging.getLogger(__name__).warning(
        "%s: this drive has no locks; see to it that no other command writes into the folder now", path.parent
    )
    yield


@contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file together with others who share it; `filelock.Timeout` where a process holds it for itself alone.

    It is made if it is not there, and stays. Where there are no shared locks, the block runs without one.
    """
    if fcntl is None or not has_locks(path):
        yield
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Timeout(str(path)) from error
    finally:
        os.close(descriptor)  # and with it the lock


def has_locks(path: Path) -> bool:
    """Whether a file can be locked where it lies; it is made if it is not there."""
    if fcntl is None:
        return True
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:  # held by another process: BlockingIOError
        return error.errno not in _NO_LOCKS
    finally:
        os.close(descriptor)  # and with it the lock
    return True
