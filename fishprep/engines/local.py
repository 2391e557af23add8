"""Worker processes on this machine: a function over many specs, one spec at a time in each process."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.connection import wait
from typing import Any, Generic

from fishprep.common.errors import BuildError
from fishprep.engines.attempt import Lost, Raised, Returned
from fishprep.engines.base import Done, Failed, R, S, Tell, Work, nobody
from fishprep.engines.clock import Clock
from fishprep.engines.pursuit import Pursuit
from fishprep.engines.worker import Unfit, Worker

LOOK_EVERY = 0.5
"""Seconds between two looks at the time that workers have taken."""


class LocalEngine:
    """Worker processes on this machine."""

    repeats = False
    context = multiprocessing.get_context("spawn")
    """How processes begin: with nothing loaded, and nothing of this one's."""

    def run(
        self,
        make_work: Callable[[], Work[S, R]],
        specs: Iterable[S],
        workers: int,
        tell: Tell = nobody,
        seconds: float | None = None,
    ) -> Iterator[Done[S, R] | Failed[S]]:
        """As `Engine.run`. A process that dies, takes longer than `seconds` or raises at a part is replaced.

        When the caller stops iterating, or is interrupted, the processes are killed; when the caller dies they end themselves.
        """
        crew: list[_Post[S]] = [
            _Post(partial(Worker, self.context, make_work, number), tell) for number in range(max(1, workers))
        ]
        queue = iter(specs)
        clock = Clock(LOOK_EVERY)
        try:
            for post in crew:
                post.take_up(queue)
            while busy := [post for post in crew if post.pursuit is not None]:
                ready = wait([post.worker.pipe for post in busy], None if seconds is None else LOOK_EVERY)
                now = clock.look()
                for post in busy:
                    said = post.worker.receive(now) if post.worker.pipe in ready else None
                    said = said or post.worker.overdue(now, seconds)
                    if said is not None and (event := post.proceed(said)):
                        yield event
                        post.take_up(queue)
        finally:
            for post in crew:
                post.worker.kill()


class _Post(Generic[S]):
    """A place for a worker, and the spec that is pursued there, whatever becomes of the worker."""

    def __init__(self, hire: Callable[[], Worker], tell: Tell) -> None:
        self._hire, self._tell = hire, tell
        self.worker = hire()
        self.pursuit: Pursuit[S] | None = None

    def take_up(self, queue: Iterator[S]) -> None:
        """The next spec, if there is one."""
        spec = next(queue, None)
        self.pursuit = None if spec is None else Pursuit(spec, self._tell)
        if self.pursuit is not None:
            self.worker.give(self.pursuit.todo)

    def proceed(self, said: object) -> Done[S, Any] | Failed[S] | None:
        """Act on what the worker said; the spec's event where that ends it. BuildError where no worker can be had."""
        assert self.pursuit is not None
        if isinstance(said, Unfit):
            raise BuildError(said.reason)
        if not isinstance(said, Returned | Raised | Lost):
            self.pursuit.hear(said)
            return None
        if isinstance(said, Lost):
            self.worker.kill()
            self.worker = self._hire()
        self.pursuit.proceed(said)
        if self.pursuit.event is None:
            self.worker.give(self.pursuit.todo)
        return self.pursuit.event
