"""Which spec is worked on next, where workers and their machines come and go. Knows nothing of either."""

from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from fishprep.engines.attempt import Attempted, Lost, Returned
from fishprep.engines.base import Done, Failed, S, Tell, WorkNews
from fishprep.engines.pursuit import Pursuit

KNOWN = 3
"""Specs that must be done before their median says what is long."""


@dataclass(frozen=True)
class Patience:
    """When work takes too long, in seconds, or in times the median of what was done.

    silence: without an answer from a worker that is asked how it goes. least, times: a spec is given up after `times` the median,
    and not before `least`; at each further try it has twice as long. copy: a spec is worked on a second time after so many times
    the median, where nothing else is left.
    """

    silence: float = 120.0
    least: float = 600.0
    times: float = 10.0
    copy: float = 1.5


@dataclass(eq=False)
class Assignment(Generic[S]):
    """Work on `todo` that somebody has begun, since when, and what was told of it."""

    case: "_Case[S]"
    todo: S
    since: float
    told: list[WorkNews] = field(default_factory=list)


@dataclass(eq=False)
class _Case(Generic[S]):
    """A spec, and those who are at work on it: one, or a second one that may overtake the first. late: how often it was given up."""

    pursuit: Pursuit[S]
    at_work: list[Assignment[S]] = field(default_factory=list)
    late: int = 0


class Dispatch(Generic[S]):
    """Gives every spec to somebody until it has its one event.

    What was lost with a machine is given out again at once, and costs the spec nothing. What was lost by its own doing is set
    aside until all others were begun, and is given up where it happens again (`search.TRIES`). At the end of the queue those who
    are free work on what takes long, too; who is first counts.
    """

    def __init__(self, specs: Iterable[S], tell: Tell, patience: Patience) -> None:
        self._coming: Iterator[S] | None = iter(specs)
        self._first: deque[_Case[S]] = deque()
        self._aside: deque[_Case[S]] = deque()
        self._open: dict[_Case[S], None] = {}
        self._seconds: list[float] = []  # sorted
        self._tell, self._patience = tell, patience

    @property
    def is_done(self) -> bool:
        """Whether every spec has had its event."""
        return self._coming is None and not self._open

    def take(self, now: float) -> Assignment[S] | None:
        """The next work for somebody who is free; None where there is none now."""
        case = self._next() or self._straggler(now)
        if case is None:
            return None
        assignment = Assignment(case, case.pursuit.todo, now)
        case.at_work.append(assignment)
        return assignment

    def is_wanted(self, assignment: Assignment[S]) -> bool:
        """Whether anybody still waits for it: nobody does where another one was first."""
        return assignment in assignment.case.at_work

    def hear(self, assignment: Assignment[S], news: Sequence[WorkNews]) -> None:
        """What was told of work. Of two who do the same the first alone is passed on."""
        assignment.told += news
        if assignment in assignment.case.at_work[:1]:
            for each in news:
                assignment.case.pursuit.hear(each)

    def proceed(self, assignment: Assignment[S], attempted: Attempted, now: float) -> Done[S, Any] | Failed[S] | None:
        """What came of work; the spec's event where that ends it."""
        case = assignment.case
        if not self.is_wanted(assignment):
            return None
        if not isinstance(attempted, Returned) and len(case.at_work) > 1:
            self.put_back(assignment)
            return None
        self._lead(assignment)
        case.at_work.clear()
        case.pursuit.proceed(attempted)
        if case.pursuit.event is None:
            self._aside.append(case)
            return None
        if isinstance(attempted, Returned):
            insort(self._seconds, now - assignment.since)
        del self._open[case]
        return case.pursuit.event

    def put_back(self, assignment: Assignment[S]) -> None:
        """Work that came to nothing by no fault of the spec's."""
        case = assignment.case
        if not self.is_wanted(assignment):
            return
        if len(case.at_work) > 1:
            others = [each for each in case.at_work if each is not assignment]
            self._lead(others[0])
            case.at_work = others
            return
        case.at_work.clear()
        case.pursuit.begin_anew()
        self._first.append(case)

    def overdue(self, assignment: Assignment[S], now: float) -> Lost | None:
        """Where a spec takes far longer than others did, and is to be given up; who takes it up next has twice the time, as it may be
        long by itself."""
        usual, case = self._usual, assignment.case
        if usual is None:
            return None
        most = max(self._patience.least, self._patience.times * usual) * 2**case.late
        if now - assignment.since <= most:
            return None
        case.late += 1
        return Lost(f"no end after {most:.0f} s", (), certain=False)

    @property
    def _usual(self) -> float | None:
        """The median of what was done, as soon as that says something. Asked for each worker at each look: it costs nothing."""
        known, middle = len(self._seconds), len(self._seconds) // 2
        if known < KNOWN:
            return None
        return self._seconds[middle] if known % 2 else (self._seconds[middle - 1] + self._seconds[middle]) / 2

    def _next(self) -> _Case[S] | None:
        if self._first:
            return self._first.popleft()
        if self._coming is not None:
            for spec in self._coming:
                case = _Case(Pursuit(spec, self._tell))
                self._open[case] = None
                return case
            self._coming = None
        return self._aside.popleft() if self._aside else None

    def _straggler(self, now: float) -> _Case[S] | None:
        """What is worked on for longest by one alone, if that is long."""
        usual = self._usual
        if usual is None:
            return None
        long = self._patience.copy * usual
        alone = [case.at_work[0] for case in self._open if len(case.at_work) == 1]
        slow = [each for each in alone if now - each.since > long]
        return min(slow, key=lambda each: each.since).case if slow else None

    def _lead(self, assignment: Assignment[S]) -> None:
        """Pass on what was told of this work, in the place of what another one told."""
        case = assignment.case
        if case.at_work[0] is not assignment:
            case.pursuit.begin_anew()
            for news in assignment.told:
                case.pursuit.hear(news)
