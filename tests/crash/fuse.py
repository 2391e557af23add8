"""A process that dies at a call, without dying: from then on nothing that it does reaches the disk, not even its cleaning up."""

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLS = ("open", "replace", "rename", "link", "unlink", "remove", "fsync", "mkdir", "rmdir", "chmod")
NO_MATTER = ("unlink", "remove", "rmdir", "mkdir")
"""Calls that may be refused and all is well: what was to be gone is swept by the next command, the folder was there already."""


class Killed(BaseException):
    """No handler is meant to see it: as SIGKILL, in one process."""


@contextmanager
def fused(out: Path, after: int | None, fault: str = "KILL", really: bool = False) -> Iterator[list[str]]:
    """While the block lasts, the call below `out` after so many others is the process's last, or is refused (EIO, ENOSPC).

    None lets all pass. The list that is given holds what was called. The lock is let go: the system does that. really: the process
    is killed by a signal; INT is the other one that it may get.
    """
    called: list[str] = []
    before = {name: getattr(os, name) for name in CALLS}
    plain = builtins.open
    dead = False

    def step(told: str, path: Any) -> None:
        nonlocal dead
        if not isinstance(path, int) and not _is_below(path, out):
            return
        if dead:
            raise Killed
        called.append(told)
        if after is not None and len(called) == after + 1:
            if really and fault in ("KILL", "INT"):
                os.kill(os.getpid(), signal.Signals[f"SIG{fault}"])
                return
            if fault == "KILL":
                dead = True
                raise Killed
            number = getattr(errno, fault)
            raise OSError(number, os.strerror(number), str(path))

    def hooked(name: str) -> Callable[..., Any]:
        call = before[name]

        def passing(*arguments: Any, **named: Any) -> Any:
            if name != "open" or arguments[1] & os.O_CREAT:
                step(f"{name} {arguments[0]}", arguments[0])
            return call(*arguments, **named)

        return passing

    def opening(path: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        """To write what is there already, or to go on with it: no call of `os` is told of that."""
        if set(mode) & set("wax+") and isinstance(path, str | os.PathLike):
            step(f"open {path}", path)
        return plain(path, mode, *arguments, **named)

    for name in CALLS:
        setattr(os, name, hooked(name))
    builtins.open = io.open = opening  # type: ignore[assignment]
    try:
        yield called
    finally:
        builtins.open = io.open = plain
        for name, call in before.items():
            setattr(os, name, call)


def was_believed(called: list[str], fault: tuple[int, str] | None) -> bool:
    """Whether a call was refused that matters to the end, of a command that ended well. called: what `fused` gave."""
    if fault is None or fault[1] == "KILL" or len(called) <= fault[0]:
        return False
    return called[fault[0]].split()[0] not in NO_MATTER


def _is_below(path: Any, out: Path) -> bool:
    name = os.fspath(path)
    return isinstance(name, str) and name.startswith(str(out)) and not name.endswith(".lock")
