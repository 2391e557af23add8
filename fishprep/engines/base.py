"""What engines and their users share: specs made of parts, the one event that each spec comes to, and the engine itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar


class Spec(Protocol):
    """A unit of work, made of parts that can be left out where a process dies of them."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order in which they are worked on."""
        ...

    def trial(self, parts: Sequence[str]) -> Self:
        """These parts alone, one at a time; nothing comes of it but whether the process lives."""
        ...

    def without(self, blamed: Mapping[str, str]) -> Self:
        """The same work, one part at a time, with a reason instead of those parts that cannot be done."""
        ...


class WorkNews(Protocol):
    """What work tells of its progress."""

    def undone(self) -> "WorkNews":
        """The news that takes this one back, as the process died and its work begins anew."""
        ...


S = TypeVar("S", bound=Spec)
R = TypeVar("R")
Tell = Callable[[WorkNews], None]
Work = Callable[[S, Callable[[object], None]], R]
"""Takes a spec and tells of `WorkNews` and of every `Step`; what it raises while it is at a step is a PartError."""


@dataclass(frozen=True)
class Done(Generic[S, R]):
    """A spec and what came of it."""

    spec: S
    result: R


@dataclass(frozen=True)
class Failed(Generic[S]):
    """A spec that raised, or over which processes died for no part's sake. `system_error` is the errno where the system refused
    something."""

    spec: S
    reason: str
    system_error: int | None = None


def nobody(news: WorkNews) -> None:
    """Nobody is told."""


class Engine(Protocol):
    """Runs a function over many specs.

    repeats: whether a spec may be worked on twice at a time: by a second worker that is to overtake the first, or by one that was
    given up and lives. What work writes must bear that.
    """

    @property
    def repeats(self) -> bool: ...

    def run(
        self,
        make_work: Callable[[], Work[S, R]],
        specs: Iterable[S],
        workers: int,
        tell: Tell = nobody,
        seconds: float | None = None,
    ) -> Iterator[Done[S, R] | Failed[S]]:
        """The one event of each spec, in the order in which they are ready.

        make_work: called once by every worker (it must be picklable); gives the function for specs, which may tell news of its
            progress. News arrive at `tell`, in the process of the caller.
        specs: drawn one by one, as workers become free.
        workers: specs that are worked on at a time, at most.
        seconds: what a step may take for each of its parts, where the engine can end it.

        A spec whose part raises, or ends the worker where that does not end the engine, is done without that part
        (`pursuit.Pursuit`). BuildError where a worker cannot even make its work. When the caller stops iterating, or is
        interrupted, all work ends.
        """
        ...
