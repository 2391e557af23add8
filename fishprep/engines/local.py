"""Worker processes on this machine: a function over many specs, one spec at a time in each process."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic

from fishprep.common.errors import BuildError, FishPrepError, PartError
from fishprep.common.steps import Step
from fishprep.engines.base import Done, Failed, Lost, News, R, Raised, S, Tell, Work
from fishprep.engines.search import pursue

LOOK_EVERY = 0.5
"""Seconds between two looks at the time that workers have taken."""


def run(
    make_work: Callable[[], Work[S, R]],
    specs: Iterable[S],
    workers: int,
    tell: Tell = lambda news: None,
    seconds: float | None = None,
) -> Iterator[Done[S, R] | Failed[S]]:
    """Results in the order in which they are ready.

    make_work: called once in every process (it must be picklable); gives the function for specs, which may tell news of its
        progress. News arrive at `tell`, in this process.
    specs: drawn one by one, as processes become free.
    seconds: what a step may take for each of its parts; a process that takes longer is killed.

    A process that dies, is killed or raises at a part of its spec is replaced, and the spec done without that part (`search`).

    Raises BuildError where a process cannot even make its work. When the caller stops iterating, or is interrupted, the
    processes are killed; when the caller dies they end themselves.
    """
    context = multiprocessing.get_context("spawn")
    crew: list[_Post[S]] = [_Post(lambda: _Worker(context, make_work), tell) for _ in range(max(1, workers))]
    queue = iter(specs)
    clock = _Clock()
    try:
        for post in crew:
            post.take_up(queue)
        while busy := [post for post in crew if post.spec is not None]:
            ready = wait([post.worker.pipe for post in busy], None if seconds is None else LOOK_EVERY)
            now = clock.look()
            for post in busy:
                event = post.worker.receive(now) if post.worker.pipe in ready else None
                event = event or post.worker.overdue(now, seconds)
                if event is not None and (outcome := post.proceed(event)):
                    yield outcome
                    post.take_up(queue)
    finally:
        for post in crew:
            post.worker.kill()


class _Clock:
    """Seconds in which this process looked on: when the machine slept, or all was stopped, nobody was late."""

    def __init__(self) -> None:
        self._seconds, self._last = 0.0, time.monotonic()

    def look(self) -> float:
        now = time.monotonic()
        self._seconds += min(now - self._last, 2 * LOOK_EVERY)
        self._last = now
        return self._seconds


@dataclass(frozen=True)
class _Ready:
    """The work is made."""


@dataclass(frozen=True)
class _Unfit:
    reason: str


@dataclass(frozen=True)
class _Result:
    value: object


class _Post(Generic[S]):
    """A place for a worker, and the spec that is pursued there, whatever becomes of the worker."""

    def __init__(self, hire: "Callable[[], _Worker]", tell: Tell) -> None:
        self._hire, self._tell = hire, tell
        self.worker = hire()
        self.spec: S | None = None
        self._pursuit: Generator[S, object, Done[S, Any] | Failed[S]]
        self._told: list[News] = []

    def take_up(self, queue: Iterator[S]) -> None:
        """The next spec, if there is one."""
        self.spec = next(queue, None)
        if self.spec is not None:
            self._pursuit = pursue(self.spec)
            self._give(next(self._pursuit))

    def proceed(self, event: object) -> Done[S, Any] | Failed[S] | None:
        """Act on an event of the worker; the spec's own event where that ends it. BuildError where no worker can be had."""
        if isinstance(event, _Unfit):
            raise BuildError(event.reason)
        if not isinstance(event, Lost | Raised | _Result):
            self._tell(event)  # type: ignore[arg-type]
            self._told.append(event)  # type: ignore[arg-type]
            return None
        if isinstance(event, Lost):
            self.worker.kill()
            self.worker = self._hire()
            for news in self._told:
                self._tell(news.undone())
        try:
            self._give(self._pursuit.send(event.value if isinstance(event, _Result) else event))
        except StopIteration as end:
            self.spec = None
            return end.value
        return None

    def _give(self, spec: S) -> None:
        self._told = []
        self.worker.give(spec)


class _Worker:
    """One process and the pipe to it, what it works on, and the steps that it is at, with the time of their beginning."""

    def __init__(self, context: multiprocessing.context.SpawnContext, make_work: Callable[[], Work[S, R]]) -> None:
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, make_work), daemon=True)
        self.process.start()
        theirs.close()
        self._ready = False
        self._waiting: object = None
        self._parts: tuple[str, ...] = ()
        self._steps: dict[str, tuple[Step, float]] = {}

    def give(self, spec: S) -> None:
        """A spec, sent as soon as the process can read it: a pipe that is full would keep all others waiting."""
        self._parts = spec.parts
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
            self._steps[event.lane] = event, now
            return None
        if isinstance(event, _Ready):
            self._ready = True
            self._send(self._waiting)
            return None
        if isinstance(event, Lost):
            return replace(event, parts=self._of_spec(event.parts))
        return event

    def overdue(self, now: float, seconds: float | None) -> Lost | None:
        """The step that takes longer than its parts may."""
        for step, since in self._steps.values():
            if seconds is not None and step.parts and now - since > seconds * len(step.parts):
                return Lost(f"{step.lane}: no end after {seconds:g} s (--max-seconds)", step.parts, certain=True)
        return None

    def kill(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()

    def _death(self) -> Lost | _Unfit:
        how = _how(self.process.exitcode)
        if not self._ready:
            return _Unfit(f"a worker process died while it loaded the models ({how})")
        at = [part for step, _ in self._steps.values() for part in step.parts]
        return Lost(f"the worker process died ({how})", self._of_spec(at), certain=False)

    def _of_spec(self, parts: Iterable[str]) -> tuple[str, ...]:
        chosen = set(parts)
        return tuple(part for part in self._parts if part in chosen)


def _serve(pipe: Connection, make_work: Callable[[], Work[S, R]]) -> None:
    """What a worker process does from start to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _offer_to_memory_guard()
    send = _Sender(pipe)
    try:
        work = make_work()
    except Exception as error:
        send(_Unfit(str(error) if isinstance(error, FishPrepError) else f"cannot start: {_named(error)}"))
        return
    send(_Ready())
    while True:
        try:
            spec = pipe.recv()
        except (EOFError, OSError):
            return
        event = _event(work, spec, send)
        send(event)
        if isinstance(event, Lost):  # a device that has failed once fails ever after: the next process starts anew
            return


def _event(work: Work[S, R], spec: S, send: Callable[[object], None]) -> object:
    try:
        return _Result(work(spec, send))
    except PartError as error:
        return Lost(error.reason, error.parts, certain=True)
    except FishPrepError as error:
        return Raised(str(error))
    except OSError as error:
        return Raised(str(error), error.errno)
    except Exception as error:  # reported with the spec that it belongs to, where the run goes on
        traceback.print_exc(file=sys.stderr)
        return Raised(_named(error))


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


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _how(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "signal SIGKILL; out of memory, perhaps: try fewer workers"
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
