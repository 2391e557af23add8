"""Processes forked from one that has everything loaded: a start costs milliseconds, and no seconds.

They are processes all the same, with an end of their own: killed, stopped and outlived as others are. That workers and commands begin
with nothing loaded is seen where they do: in `engines/test_local.py`, `e2e/test_build.py` and `fishcli/test_screen.py`.
"""

import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

import pytest

HELPERS = Path(__file__).parent


class WarmProcess(ForkServerProcess):
    """With the environment of who starts it, as others have it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._around = dict(os.environ)

    def run(self) -> None:
        os.environ.clear()
        os.environ.update(self._around)
        super().run()


class WarmContext(ForkServerContext):
    """As `multiprocessing.get_context("forkserver")`."""

    Process = WarmProcess  # type: ignore[assignment]


def warm() -> WarmContext:
    """Where processes come from; that from which they are forked is begun with the first."""
    with pytest.MonkeyPatch.context() as patch:  # the folders of `sys.path` are not passed on to it
        patch.setenv("PYTHONPATH", str(HELPERS), prepend=os.pathsep)
        forkserver.set_forkserver_preload(["loaded"])
        forkserver.ensure_running()
    return WarmContext()


def begin() -> None:
    """Fork the process that others are forked from, from this one: what takes seconds to load is then loaded once for both. For a
    process that has no thread at work and has patched nothing yet; elsewhere it is begun by itself, with the first that is asked for."""
    import_module("loaded")
    resource_tracker.ensure_running()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(util, "spawnv_passfds", _forked)
        warm()


def _forked(python: bytes, words: list[str], passed: list[int]) -> int:
    """As `multiprocessing.util.spawnv_passfds`: the code that Python was to be started with, in a copy of this process."""
    child = os.fork()
    if child:
        return child
    try:
        faulthandler.disable()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
            if descriptor not in (0, 1, 2, *passed):
                with suppress(OSError):
                    os.close(descriptor)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
        exec(words[-1], {})
    finally:
        os._exit(0)


class Started:
    """A command in a process of its own, and what `subprocess.Popen` offers of it. `limit`: bytes of the largest file that it may
    write; `group`: it leads a group of processes, as with `start_new_session`."""

    def __init__(self, folder: Path, program: str, *arguments: object, limit: int | None = None, group: bool = False):
        self._said = [folder / f".{id(self)}.{name}" for name in ("out", "err")]
        words = [program, *map(str, arguments)]
        self._process = warm().Process(target=_command, args=(words, self._said, limit, group))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    poll = returncode.fget

    def send_signal(self, number: int) -> None:
        assert self.pid is not None
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise TimeoutExpired("a command", timeout or 0)
        return self.returncode

    def said(self) -> str:
        """What it said on stderr so far."""
        return self._said[1].read_text(errors="replace") if self._said[1].exists() else ""

    def printed(self) -> str:
        """What it printed on stdout so far."""
        return self._said[0].read_text(errors="replace") if self._said[0].exists() else ""

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it printed, and what it said on stderr."""
        self.wait(timeout)
        return self.printed(), self.said()


def _command(words: list[str], said: list[Path], limit: int | None, group: bool) -> None:
    from fishcli import fsr, prep

    from fishprep.engines.local import LocalEngine

    if group:
        os.setsid()
    for number, path in enumerate(said, 1):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    LocalEngine.context = multiprocessing.get_context("fork")  # who was forked himself has no such server
    tempfile.tempdir = None  # who was forked may have looked where it is, and a command is told anew
    sys.argv = words
    {"fishprep": prep.main, "fishfsr": fsr.main}[words[0]]()
