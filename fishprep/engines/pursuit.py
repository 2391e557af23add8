"""A spec on its way to its event, whatever becomes of those who work on it."""

from dataclasses import replace
from typing import Any, Generic

from fishprep.common.steps import Step
from fishprep.engines.attempt import Attempted, Lost
from fishprep.engines.base import Done, Failed, S, Tell, WorkNews
from fishprep.engines.search import search


class Pursuit(Generic[S]):
    """`todo` is to be worked on next; `event` is the spec's own once there is one.

    Where the parts at fault are not known, `todo` is a trial. News of an attempt that was lost are taken back.
    """

    def __init__(self, spec: S, tell: Tell) -> None:
        self.event: Done[S, Any] | Failed[S] | None = None
        self._search = search(spec)
        self.todo = next(self._search)
        self._tell = tell
        self._told: list[WorkNews] = []

    def hear(self, said: object) -> None:
        """What the work on `todo` tells: news are passed on, steps are for those who watch over its time."""
        if not isinstance(said, Step):
            self._tell(said)  # type: ignore[arg-type]
            self._told.append(said)  # type: ignore[arg-type]

    def begin_anew(self) -> None:
        """Work on `todo` came to nothing and begins anew: its news are taken back."""
        for news in self._told:
            self._tell(news.undone())
        self._told = []

    def proceed(self, attempted: Attempted) -> None:
        """What came of the work on `todo`."""
        if isinstance(attempted, Lost):
            chosen = set(attempted.parts)
            attempted = replace(attempted, parts=tuple(part for part in self.todo.parts if part in chosen))
            self.begin_anew()
        self._told = []
        try:
            self.todo = self._search.send(attempted)
        except StopIteration as end:
            self.event = end.value
