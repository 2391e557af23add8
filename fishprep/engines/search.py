"""Work on a spec was lost: find the part that did it, leave it out, go on. Knows nothing of processes."""

from collections.abc import Generator
from typing import Any

from fishprep.engines.attempt import Attempted, Lost, Raised
from fishprep.engines.base import Done, Failed, S

TRIES = 3
"""Losses of a spec for which no part is found to blame, before it is given up."""


def search(spec: S) -> Generator[S, Attempted, Done[S, Any] | Failed[S]]:
    """Yields what to work on next, is sent what came of it (the parts of a loss in the spec's order), and returns the spec's event.

    After a loss the rest of the spec, from the part on that was at work, is gone through in trials, so that the cost of many bad
    parts grows with their number and not with its square. Then the whole is done again without the parts that were found.
    """
    case = _Case(spec)
    attempt, fruitless = spec, 0
    while True:
        event = yield attempt
        if isinstance(event, Raised):
            return Failed(spec, event.reason, event.system_error)
        if not isinstance(event, Lost):
            return Done(spec, event.value)
        known = len(case.blamed)
        yield from case.look_on(event)
        if len(case.blamed) == known:
            fruitless += 1
            if fruitless == TRIES:
                return Failed(spec, event.reason)
            if fruitless > 1:  # the second time at one part, which lives on its own
                yield from case.look_back(event)
        attempt = spec.without(case.blamed)


class _Case:
    """What is known against the parts of a spec."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.blamed: dict[str, str] = {}

    def look_on(self, event: Attempted) -> Generator[Any, Attempted, None]:
        """From the part of a loss to the end of the spec. To blame is a part of which a process dies that had done nothing before,
        or whose doing it is for certain."""
        rest: tuple[str, ...] = ()
        while isinstance(event, Lost) and event.parts:
            part = event.parts[0]
            if len(event.parts) == 1 and (event.certain or rest[:1] == event.parts):
                self.blamed[part] = event.reason
            parts = self.spec.parts
            rest = self._open(parts[parts.index(part) :])
            if not rest:
                return
            event = yield self.spec.trial(rest)

    def look_back(self, loss: Lost) -> Generator[Any, Attempted, None]:
        """By bisection, the last part such that a process which begins with it dies at the part of the loss."""
        if len(loss.parts) != 1:
            return
        run = self._open(self.spec.parts[: self.spec.parts.index(loss.parts[0]) + 1])
        dies, lives = 0, len(run) - 1
        if not isinstance((yield self.spec.trial(run)), Lost):
            return
        while lives - dies > 1:
            middle = (dies + lives) // 2
            event = yield self.spec.trial(run[middle:])
            dies, lives = (middle, lives) if isinstance(event, Lost) else (dies, middle)
        self.blamed[run[dies]] = f"{loss.reason}, later, at {loss.parts[0]}, which is harmless without it"

    def _open(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(part for part in parts if part not in self.blamed)
