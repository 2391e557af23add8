"""A process that dies at a call, without dying: from then on nothing that it does reaches the disk, not even its cleaning up."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLS = ("open", "replace", "rename", "link", "unlink", "remove", "fsync", "mkdir", "rmdir", "chmod")


class Killed(BaseException):
    """No handler is meant to see it: as SIGKILL, in one process."""


@contextmanager
def fused(out: Path, after: int | None, fault: str = "KILL") -> Iterator[list[str]]:
    """While the block lasts, the call below `out` after so many others is the process's last, or is refused (EIO, ENOSPC).

    None lets all pass. The list that is given holds what was called. The lock is let go: the system does that.
    """
    called: list[str] = []
    before = {name: getattr(os, name) for name in CALLS}
    dead = False

    def hooked(name: str) -> Callable[..., Any]:
        call = before[name]

        def passing(*arguments: Any, **named: Any) -> Any:
            nonlocal dead
            if not _changes(name, arguments, out):
                return call(*arguments, **named)
            if dead:
                raise Killed
            called.append(f"{name} {arguments[0]}")
            if after is not None and len(called) == after + 1:
                if fault == "KILL":
                    dead = True
                    raise Killed
                number = getattr(errno, fault)
                raise OSError(number, os.strerror(number), str(arguments[0]))
            return call(*arguments, **named)

        return passing

    for name in CALLS:
        setattr(os, name, hooked(name))
    try:
        yield called
    finally:
        for name, call in before.items():
            setattr(os, name, call)


def _changes(name: str, arguments: tuple[Any, ...], out: Path) -> bool:
    if name == "fsync":
        return True
    if name == "open" and not arguments[1] & os.O_CREAT:
        return False
    path = os.fspath(arguments[0])
    return isinstance(path, str) and path.startswith(str(out)) and not path.endswith(".lock")
