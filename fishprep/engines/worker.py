"""One process that works on specs, seen from both ends of the pipe to it."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from fishprep.common.errors import BuildError
from fishprep.common.steps import Step
from fishprep.common.turns import WORKER
from fishprep.engines.attempt import Lost, attempt, made
from fishprep.engines.base import R, S, Work


@dataclass(frozen=True)
class Ready:
    """The work is made."""


@dataclass(frozen=True)
class Unfit:
    """The work cannot be made."""

    reason: str


class Worker:
    """One process and the pipe to it, its number among all, what it works on, and the steps that it is at with their beginnings."""

    def __init__(
        self, context: multiprocessing.context.SpawnContext, make_work: Callable[[], Work[S, R]], number: int = 0
    ) -> None:
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, make_work, number), daemon=True)
        self.process.start()
        theirs.close()
        self._ready = False
        self._waiting: object = None
        self._steps: dict[tuple[str, int], tuple[Step, float]] = {}

    def give(self, spec: S) -> None:
        """A spec, sent as soon as the process can read it: a pipe that is full would keep all others waiting."""
        self._steps = {}
        if self._ready:
            self._send(spec)
        else:
            self._waiting = spec

    def _send(self, spec: object) -> None:
        with contextlib.suppress(OSError):  # a process that has died is noticed when its answer is read
            self.pipe.send(spec)

    def receive(self, now: float) -> object:
        """An event, or None where the worker only said what it is at."""
        try:
            event = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return self._death()
        if isinstance(event, Step):
            self._steps[event.lane, event.thread] = event, now
            return None
        if isinstance(event, Ready):
            self._ready = True
            self._send(self._waiting)
            return None
        return event

    def overdue(self, now: float, seconds: float | None) -> Lost | None:
        """The step that takes longer than its parts may."""
        for step, since in self._steps.values():
            if seconds is not None and step.parts and now - since > seconds * len(step.parts):
                return Lost(f"{step.lane}: no end after {seconds:g} s (--max-seconds)", step.parts, certain=True)
        return None

    def kill(self) -> None:
        """End the process, whatever it is at."""
        self.pipe.close()
        self.process.kill()
        self.process.join()

    def _death(self) -> Lost | Unfit:
        how = _how(self.process.exitcode)
        if not self._ready:
            return Unfit(f"a worker process died while it loaded the models ({how})")
        at = tuple(part for step, _ in self._steps.values() for part in step.parts)
        return Lost(f"the worker process died ({how})", at, certain=False)


def serve(pipe: Connection, make_work: Callable[[], Work[S, R]], number: int) -> None:
    """What a worker process does from start to end."""
    os.environ[WORKER] = str(number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _offer_to_memory_guard()
    send = _Sender(pipe)
    try:
        work = made(make_work)
    except BuildError as error:
        send(Unfit(str(error)))
        return
    send(Ready())
    while True:
        try:
            spec = pipe.recv()
        except (EOFError, OSError):
            return
        attempted = attempt(work, spec, send)
        send(attempted)
        if isinstance(attempted, Lost):  # a device that has failed once fails ever after: the next process starts anew
            return


class _Sender:
    """Sends from any thread."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def __call__(self, event: object) -> None:
        with self._lock:
            self._pipe.send(event)


def _offer_to_memory_guard() -> None:
    """Where memory runs out Linux is to kill a worker, which is replaced, and not the parent, which cannot be."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("200")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _how(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "signal SIGKILL; out of memory, perhaps: try fewer workers"
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
