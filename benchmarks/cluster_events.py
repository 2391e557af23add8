"""Discrete events for `cluster.py`: workers that take time, and who gives them what is the very `Dispatch` of the Ray engine."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from fishprep.builds.specs import large_first
from fishprep.engines.attempt import Returned
from fishprep.engines.dispatch import Assignment, Dispatch, Patience

PER_NODE = 8
"""Workers of one machine, which have its speed."""
LOOK_EVERY = 1.0
"""Seconds between two looks of the driver at those who are free, as `ray.crew` has it."""
ALONE = Patience(least=math.inf, copy=math.inf)
"""Nothing is given up, and nothing copied."""


@dataclass(frozen=True)
class Nap:
    """A spec that takes its time. size: the bytes of its photos, by which the builds go. elsewhere: seconds that a copy of it takes."""

    number: int
    seconds: float
    size: int = 0
    elsewhere: float = 0.0

    @property
    def parts(self) -> tuple[str, ...]:
        return ()

    def trial(self, parts: Sequence[str]) -> "Nap":
        return self

    def without(self, blamed: object) -> "Nap":
        return self


@dataclass(frozen=True)
class Drawn:
    """So many shards, each as one that was measured, and one of a hundred four times as long.

    told: four times as many bytes there, too, as where photos are larger; else nothing tells of it before it is begun.
    """

    measured: Sequence[Nap]
    told: bool
    seed: int

    def naps(self, count: int) -> list[Nap]:
        """In the order of a plan."""
        chance = np.random.default_rng(self.seed)
        chosen = chance.choice(len(self.measured), count)
        longer = np.where(chance.random(count) < 0.01, 4.0, 1.0)
        return [
            Nap(number, was.seconds * by, int(was.size * (by if self.told else 1)), was.seconds)
            for number, (was, by) in enumerate(zip((self.measured[index] for index in chosen), longer, strict=True))
        ]


def by_size(naps: Sequence[Nap]) -> list[Nap]:
    """As builds are ordered."""
    return [naps[place] for place in large_first([nap.size for nap in naps])]


def alike(naps: Sequence[Nap]) -> list[Nap]:
    """A copy takes as long: what is long is so by itself."""
    return [replace(nap, elsewhere=0.0) for nap in naps]


@dataclass(frozen=True)
class World:
    """What a simulation knows: start of a worker and the driver's time for a shard in seconds; hours between losses of a worker by that
    of its machine; the share of machines at half speed; the engine's patience."""

    start: float
    driver: float
    hours: float | None = None
    slow: float = 0.0
    patience: Patience = ALONE
    seed: int = 0


class Simulation:
    """Who is free is given what `Dispatch` says, by a driver that serves one at a time."""

    def __init__(self, naps: Sequence[Nap], starts: Sequence[float], world: World) -> None:
        self.world, self.chance = world, np.random.default_rng(world.seed)
        slow = self.chance.random(-(-len(starts) // PER_NODE)) < world.slow
        self.times = [2.0 if slow[worker // PER_NODE] else 1.0 for worker in range(len(starts))]
        self.dispatch = Dispatch(naps, lambda news: None, world.patience)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order, self._free, self._served = itertools.count(), deque[int](), 0.0
        self._is_looking = False
        for worker, start in enumerate(starts):
            self._at(start * self.times[worker], partial(self._begin, worker))

    def run(self) -> float:
        """The whole, in seconds."""
        now = 0.0
        while not self.dispatch.is_done:
            now, _, happen = heapq.heappop(self._events)
            happen(now)
            self._give(now)
        return now

    def _at(self, time: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), happen))

    def _give(self, now: float) -> None:
        while self._free:
            at = max(now, self._served) + self.world.driver
            assignment = self.dispatch.take(at)
            if assignment is None:
                if not self._is_looking:  # what takes long may be copied later
                    self._is_looking = True
                    self._at(now + LOOK_EVERY, self._look)
                return
            self._served = at
            self._work(self._free.popleft(), assignment, at)

    def _work(self, worker: int, assignment: Assignment[Nap], now: float) -> None:
        """Losses have no memory, so that the life of a machine may be drawn anew for each shard."""
        nap = assignment.todo
        seconds = nap.elsewhere if nap.elsewhere and len(assignment.case.at_work) > 1 else nap.seconds
        whole = seconds * self.times[worker]
        life = math.inf if self.world.hours is None else float(self.chance.exponential(self.world.hours * 3600))
        if life < whole:
            self._at(now + life, partial(self._lose, worker, assignment))
        else:
            self._at(now + whole, partial(self._end, worker, assignment))

    def _begin(self, worker: int, now: float) -> None:
        self._free.append(worker)

    def _look(self, now: float) -> None:
        self._is_looking = False

    def _lose(self, worker: int, assignment: Assignment[Nap], now: float) -> None:
        self.dispatch.put_back(assignment)
        self._at(now + self.world.start, partial(self._begin, worker))

    def _end(self, worker: int, assignment: Assignment[Nap], now: float) -> None:
        self.dispatch.proceed(assignment, Returned(None), now)
        self._free.append(worker)


def simulate(naps: Sequence[Nap], workers: int, world: World) -> float:
    """The whole, in seconds. That the engine gives up what takes ten times the median is left out."""
    return Simulation(naps, [world.start] * workers, world).run()


def bounded(naps: Sequence[Nap], starts: Sequence[float], world: World) -> float:
    """The whole, where Graham's bounds hold: AssertionError where they do not."""
    whole = Simulation(naps, starts, replace(world, patience=ALONE)).run()
    seconds = [nap.seconds for nap in naps]
    total, longest, workers = sum(seconds), max(seconds), len(starts)
    assert max(total / workers, longest) <= whole * (1 + 1e-9)
    served = world.driver * len(seconds)
    assert whole <= max(starts) + total / workers + longest * (1 - 1 / workers) + served + 1e-6
    return whole


def efficiency(naps: Sequence[Nap], workers: int, whole: float) -> str:
    """Share of the workers' time that is spent on shards."""
    return f"{sum(nap.seconds for nap in naps) / workers / whole:.1%}"
