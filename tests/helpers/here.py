"""An engine that runs everything in this process: as fast as it gets, but a part that kills kills all, and none is ever late."""

from collections.abc import Callable, Iterable, Iterator

from fishprep.engines.attempt import attempt, made
from fishprep.engines.base import Done, Failed, R, S, Tell, Work, nobody
from fishprep.engines.pursuit import Pursuit


class Here:
    """As `fishprep.engines.base.Engine` says."""

    repeats = False

    def run(
        self,
        make_work: Callable[[], Work[S, R]],
        specs: Iterable[S],
        workers: int,
        tell: Tell = nobody,
        seconds: float | None = None,
    ) -> Iterator[Done[S, R] | Failed[S]]:
        work = made(make_work)
        for spec in specs:
            pursuit = Pursuit(spec, tell)
            while pursuit.event is None:
                pursuit.proceed(attempt(work, pursuit.todo, pursuit.hear))
            yield pursuit.event
