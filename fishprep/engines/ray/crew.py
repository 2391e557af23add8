"""The actors of a run: hired, given work, looked after, replaced."""

import errno
import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayError, RayTaskError

from fishprep.common.errors import BuildError
from fishprep.engines.attempt import Attempted, Lost, Raised
from fishprep.engines.base import Done, Failed
from fishprep.engines.clock import Clock
from fishprep.engines.cluster import ClusterSettings
from fishprep.engines.dispatch import Assignment, Dispatch
from fishprep.engines.ray.connection import first_line, last_line
from fishprep.engines.station import Machine, Station

LOOK_EVERY = 1.0
"""Seconds between two looks at those who say nothing."""
ASK_EVERY = 5.0
"""Seconds between two questions to a worker for its news."""
SETTLE = 3.0
"""Seconds after the death of a worker in which that of its machine may become known."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
_LOG = logging.getLogger(__name__)

Event = Done[Any, Any] | Failed[Any]


class _Remote(Station):
    """A station that is an actor."""

    def __init__(self, *arguments: Any) -> None:
        vars(sys.modules["__main__"]).pop("__file__", None)  # Ray's program: the process below would load it as its own
        super().__init__(*arguments)

    def place(self) -> tuple[str, Machine]:
        """The node's id in the cluster, and the machine."""
        return ray.get_runtime_context().get_node_id(), self.machine()


class _Hand:
    """An actor, where it is, and what it is at. `answer` is what it is waited for."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.node, self.host = "", ""
        self.assignment: Assignment[Any] | None = None
        self.answer: Any = actor.place.remote()
        self.news: Any = None
        self.asked = 0.0
        self.doubted: float | None = None
        self.died: tuple[float, str] | None = None

    @property
    def is_free(self) -> bool:
        return self.answer is None and self.died is None

    def give(self, assignment: Assignment[Any], now: float) -> None:
        self.assignment = assignment
        self.answer, self.asked = self.actor.work.remote(assignment.todo), now

    def ask(self, now: float) -> None:
        """How it goes, now and then."""
        if self.assignment is not None and self.doubted is None and self.news is None and now - self.asked >= ASK_EVERY:
            self.news, self.asked = self.actor.news.remote(), now


class RayCrew:
    """The actors of a run. hire: makes one, of a class with its options."""

    def __init__(self, settings: ClusterSettings, hire: Callable[[Callable[..., Any]], Any], size: int) -> None:
        self._settings, self._hire, self._size = settings, hire, size
        self._hands: list[_Hand] = []
        self._left_out: dict[str, str] = {}
        self._cpu = ""
        self._stillborn = 0
        self._alone_since: float | None = 0.0
        self._full: Counter[int] = Counter()

    def through(self, dispatch: Dispatch[Any]) -> Iterator[Event]:
        """Every event of the specs."""
        clock = Clock(LOOK_EVERY)
        while True:
            now = clock.look()
            while len(self._hands) < self._size:
                self._hands.append(_Hand(self._hire(self._options().remote)))
            for hand in filter(lambda hand: hand.is_free, self._hands):
                assignment = dispatch.take(now)
                if assignment is None:
                    break  # nor is there anything for the others now
                hand.give(assignment, now)
            if dispatch.is_done:
                return
            self._say_if_alone(now)
            for hand in self._spoken(now):
                yield from self._act(dispatch, hand, now)
            for hand in self._hands.copy():
                yield from self._look_after(dispatch, hand, now)

    def dismiss(self) -> None:
        """End all work."""
        for hand in self._hands:
            self._kill(hand)

    def _options(self) -> Any:
        others = f"!in({','.join(self._left_out)})"
        actor: Any = ray.remote(_Remote)
        return actor.options(
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=2,  # it tells its news while it works
            num_cpus=self._settings.cpus,
            num_gpus=self._settings.gpus,
            memory=self._settings.memory,
            scheduling_strategy="SPREAD",
            label_selector={"ray.io/node-id": others} if self._left_out else None,
        )

    def _spoken(self, now: float) -> list[_Hand]:
        """Those who have answered, after a moment at most."""
        waited: dict[Any, _Hand] = {}
        for hand in self._hands:
            hand.ask(now)
            waited |= {answer: hand for answer in (hand.answer, hand.news) if answer is not None and hand.died is None}
        if not waited:
            threading.Event().wait(LOOK_EVERY)
            return []
        ready, _ = ray.wait(list(waited), num_returns=1, timeout=LOOK_EVERY)
        if ready:
            ready, _ = ray.wait(list(waited), num_returns=len(waited), timeout=0)
        return list(dict.fromkeys(waited[answer] for answer in ready))

    def _act(self, dispatch: Dispatch[Any], hand: _Hand, now: float) -> Iterator[Event]:
        """Take what an actor has said."""
        for answer in [hand.news, hand.answer]:
            if answer is None or not ray.wait([answer], timeout=0)[0] or hand not in self._hands:
                continue
            is_news = answer is hand.news
            try:
                said = ray.get(answer)
            except RayError as error:
                hand.news = None if is_news else hand.news
                if not is_news:
                    yield from self._fail(dispatch, hand, error, now)
                continue
            if is_news:
                hand.news = None
                if hand.assignment is not None:
                    dispatch.hear(hand.assignment, said)
            elif hand.doubted is not None:  # it lives, but whether it got its spec nobody knows
                self._part(dispatch, hand)
            elif hand.assignment is None:
                self._welcome(dispatch, hand, *said)
            else:
                attempted, news = said
                yield from self._finish(dispatch, hand, attempted, news, now)

    def _finish(
        self, dispatch: Dispatch[Any], hand: _Hand, attempted: Attempted, news: list[Any], now: float
    ) -> Iterator[Event]:
        assignment = hand.assignment
        assert assignment is not None
        if isinstance(attempted, Raised) and attempted.system_error in _FULL:
            self._full[id(assignment.case)] += 1
            if self._full[id(assignment.case)] == 1 and len(self._usable()) > 1:  # its own disk, perhaps
                self._leave_out(dispatch, hand, attempted.reason)
                return
        hand.assignment = hand.answer = None
        dispatch.hear(assignment, news)
        if event := dispatch.proceed(assignment, attempted, now):
            yield event

    def _welcome(self, dispatch: Dispatch[Any], hand: _Hand, node: str, machine: Machine) -> None:
        """An actor is ready; the first one's kind of CPU is everybody's."""
        hand.node, hand.host, hand.answer = node, machine.host, None
        self._stillborn, self._alone_since = 0, None
        self._cpu = self._cpu or machine.cpu
        if node in self._left_out:
            self._part(dispatch, hand)
        elif machine.cpu != self._cpu:
            self._leave_out(
                dispatch, hand, f"its CPU is {machine.cpu}, that of the others {self._cpu}: bytes would differ"
            )

    def _fail(self, dispatch: Dispatch[Any], hand: _Hand, error: RayError, now: float) -> Iterator[Event]:
        """What an actor was waited for does not come."""
        if isinstance(error, RayTaskError) and isinstance(error.cause, BuildError):
            self._leave_out(dispatch, hand, str(error.cause))
        elif isinstance(error, RayTaskError) and hand.assignment is not None:
            raised = Raised(f"{type(error.cause).__name__}: {error.cause}")
            yield from self._finish(dispatch, hand, raised, [], now)
        elif hand.assignment is None:
            self._part(dispatch, hand)
            self._stillborn += 1
            if self._stillborn > 5 + self._size:
                raise BuildError(f"no worker of the Ray cluster begins: {last_line(error)}")
        elif isinstance(error, ActorUnavailableError):
            hand.doubted = now if hand.doubted is None else hand.doubted
            hand.answer = None
        else:
            hand.died, hand.answer = (now, first_line(error)), None

    def _look_after(self, dispatch: Dispatch[Any], hand: _Hand, now: float) -> Iterator[Event]:
        """Who died, who hangs, and whom nobody can reach."""
        if hand not in self._hands or hand.assignment is None:
            return
        if hand.died is not None:
            if hand.node not in self._alive():
                self._part(dispatch, hand)
            elif now - hand.died[0] >= SETTLE:
                yield from self._lose(
                    dispatch, hand, Lost(f"the worker on {hand.host} died ({hand.died[1]})", (), False), now
                )
            return
        silent = now - hand.asked if hand.news is not None else 0.0
        if hand.doubted is not None:
            silent = now - hand.doubted
            if hand.node not in self._alive():
                self._part(dispatch, hand)
                return
            if hand.answer is None:
                hand.answer = hand.actor.place.remote()
        if silent > self._settings.patience.silence:
            yield from self._lose(
                dispatch, hand, Lost(f"no word from the worker on {hand.host} for {silent:.0f} s", (), False), now
            )
        elif late := dispatch.overdue(hand.assignment, now):
            yield from self._lose(dispatch, hand, late, now)

    def _lose(self, dispatch: Dispatch[Any], hand: _Hand, lost: Lost, now: float) -> Iterator[Event]:
        """A worker is given up, and its spec has lost a try."""
        assignment, hand.assignment = hand.assignment, None
        self._part(dispatch, hand)
        if assignment is not None and (event := dispatch.proceed(assignment, lost, now)):
            yield event

    def _leave_out(self, dispatch: Dispatch[Any], hand: _Hand, reason: str) -> None:
        """Nobody works on this machine any more. BuildError where no other is left."""
        self._left_out[hand.node] = f"{hand.host}: {reason}"
        _LOG.warning("left out of the build is %s", self._left_out[hand.node])
        for other in [other for other in self._hands if other.node == hand.node]:
            self._part(dispatch, other)
        if not self._usable():
            raise BuildError(
                "no machine of the Ray cluster can do the work:\n  " + "\n  ".join(self._left_out.values())
            )

    def _part(self, dispatch: Dispatch[Any], hand: _Hand) -> None:
        """Without blame: what it was at is given to another one."""
        self._hands.remove(hand)
        self._kill(hand)
        if hand.assignment is not None:
            dispatch.put_back(hand.assignment)

    def _kill(self, hand: _Hand) -> None:
        with suppress(RayError):
            ray.kill(hand.actor)

    def _alive(self) -> dict[str, dict[str, float]]:
        """Resources of the nodes that live, by their ids."""
        return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}

    def _usable(self) -> list[str]:
        """Nodes that have what a worker is given, and are not left out."""
        settings = self._settings
        return [
            node
            for node, has in self._alive().items()
            if node not in self._left_out and has.get("CPU", 0) >= settings.cpus and has.get("GPU", 0) >= settings.gpus
        ]

    def _say_if_alone(self, now: float) -> None:
        if self._alone_since is not None and now - self._alone_since >= 60:
            self._alone_since = now
            asked = f"{self._settings.cpus:g} CPU and {self._settings.gpus:g} GPU"
            _LOG.warning("the Ray cluster has no room for a worker (%s) yet; waiting", asked)
