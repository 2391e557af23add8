"""Worker processes on this machine: a function over many specs, one spec at a time in each process."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from fishprep.errors import BuildError, FishPrepError

S = TypeVar("S")
R = TypeVar("R")
Tell = Callable[[object], None]
Work = Callable[[S, Tell], R]


@dataclass(frozen=True)
class Done(Generic[S, R]):
    """A spec and what came of it."""

    spec: S
    result: R


@dataclass(frozen=True)
class Failed(Generic[S]):
    """A spec that raised, or whose process died. `system_error` is the errno where the system refused something."""

    spec: S
    reason: str
    system_error: int | None = None


def run(
    make_work: Callable[[], Work[S, R]],
    specs: Iterable[S],
    workers: int,
    tell: Tell = lambda news: None,
) -> Iterator[Done[S, R] | Failed[S]]:
    """Results in the order in which they are ready.

    make_work: called once in every process (it must be picklable); gives the function for specs, which may tell news of its
        progress. News arrive at `tell`, in this process.
    specs: drawn one by one, as processes become free.

    Raises BuildError where a process cannot even make its work. When the caller stops iterating, or is interrupted, the
    processes are killed; when the caller dies they end themselves.
    """
    context = multiprocessing.get_context("spawn")
    crew = [_Worker(context, make_work) for _ in range(max(1, workers))]
    queue = iter(specs)
    try:
        for worker in crew:
            _feed(worker, queue)
        while busy := [worker for worker in crew if worker.spec is not None]:
            for worker in _ready(busy):
                spec, event = worker.spec, worker.receive()
                assert spec is not None
                if isinstance(event, _News):
                    tell(event.value)
                    continue
                if isinstance(event, _Unfit):
                    raise BuildError(event.reason)
                if isinstance(event, _Death):
                    crew[crew.index(worker)] = worker = _Worker(context, make_work)
                    yield Failed(spec, event.reason)
                elif isinstance(event, _Raised):
                    yield Failed(spec, event.reason, event.system_error)
                else:
                    yield Done(spec, event)  # type: ignore[arg-type]
                _feed(worker, queue)
    finally:
        for worker in crew:
            worker.kill()


@dataclass(frozen=True)
class _News:
    value: object


@dataclass(frozen=True)
class _Raised:
    reason: str
    system_error: int | None


@dataclass(frozen=True)
class _Unfit:
    reason: str


@dataclass(frozen=True)
class _Death:
    reason: str


class _Worker(Generic[S]):
    """One process and the pipe to it; `spec` is what it works on."""

    def __init__(self, context: multiprocessing.context.SpawnContext, make_work: Callable[[], Work[S, R]]) -> None:
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, make_work), daemon=True)
        self.process.start()
        theirs.close()
        self.spec: S | None = None

    def give(self, spec: S) -> None:
        self.spec = spec
        with contextlib.suppress(OSError):  # a process that has died is noticed when its answer is read
            self.pipe.send(spec)

    def receive(self) -> object:
        try:
            event = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            event = _Death(f"the worker process died ({_how(self.process.exitcode)})")
        if not isinstance(event, _News):
            self.spec = None
        return event

    def kill(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


def _feed(worker: _Worker[S], queue: Iterator[S]) -> None:
    for spec in queue:
        worker.give(spec)
        return


def _ready(busy: list[_Worker[S]]) -> list[_Worker[S]]:
    pipes = wait([worker.pipe for worker in busy])
    return [worker for worker in busy if worker.pipe in pipes]


def _serve(pipe: Connection, make_work: Callable[[], Work[S, R]]) -> None:
    """What a worker process does from start to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work: Work[S, R] | None = None
    while True:
        try:
            spec = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            work = work or make_work()
        except FishPrepError as error:
            pipe.send(_Unfit(str(error)))
            return
        try:
            pipe.send(work(spec, lambda news: pipe.send(_News(news))))
        except FishPrepError as error:
            pipe.send(_Raised(str(error), None))
        except OSError as error:
            pipe.send(_Raised(str(error), error.errno))
        except Exception as error:  # reported with the spec that it belongs to, where the run goes on
            traceback.print_exc(file=sys.stderr)
            pipe.send(_Raised(f"{type(error).__name__}: {error}", None))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}; out of memory, perhaps: try fewer workers"
    return f"exit code {exit_code}"
