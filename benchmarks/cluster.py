"""How far does a build spread? Measured on this machine, and from that simulated for 8 to 1,024 workers.

    python benchmarks/cluster.py [--shards OUT ...] [--photos 240] [--actors 4] [--seed 0]

1. measured: real shards of small portraits by the local engine with 1 and 2 workers: the seconds of each, the loading of models, the whole.
   `--shards` takes times from builds that one worker made (when their rows were stored), of real shards of 1,000 photos.
2. a real control plane, with work that sleeps: the Ray engine with `--actors` workers; the driver's CPU seconds for each shard.
3. discrete events: the engine's rule (who is free takes the next; at the end a copy of what takes long) fed with these. It must meet
   Graham's bounds, and predict what was measured with 1 and 2 workers within 5 %: else it ends with an error.

It prints tables. What it says of more workers than there are here is simulated from measured times; it was not run on N machines.
"""

import argparse
import heapq
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from rich.console import Console
from rich.table import Table

import fishprep
from fishprep.builds.build import build
from fishprep.engines import create_engine
from fishprep.engines.base import Done
from fishprep.engines.cluster import ClusterSettings
from fishprep.engines.local import LocalEngine
from fishprep.public.planning import prepare

PER_NODE = 8
"""Workers of one machine, which are lost together."""
WORKERS = (8, 32, 128, 512, 1024)


@dataclass(frozen=True)
class Took:
    """When a worker had its models, and when it began and ended each shard, in seconds of one clock."""

    ready: float
    began: float
    ended: float


@dataclass(frozen=True)
class Timed:
    """Makes work that says when it worked."""

    make_work: Callable[[], Any]

    def __call__(self) -> Callable[[Any, Any], tuple[Took, Any]]:
        work = self.make_work()
        ready = time.time()

        def timed(spec: Any, tell: Any) -> tuple[Took, Any]:
            began = time.time()
            result = work(spec, tell)
            return Took(ready, began, time.time()), result

        return timed


class Noting:
    """Worker processes here, and when they worked."""

    repeats = False

    def __init__(self) -> None:
        self.began, self.taken = 0.0, list[Took]()

    def run(self, make_work: Any, specs: Any, workers: int, tell: Any, seconds: float | None = None) -> Iterator[Any]:
        self.began = time.time()
        for event in LocalEngine().run(Timed(make_work), specs, workers, tell, seconds):
            assert isinstance(event, Done)
            took, result = event.result
            self.taken.append(took)
            yield Done(event.spec, result)


@dataclass(frozen=True)
class Measured:
    """A build: the seconds of its shards in the order in which they were begun, those until each worker was ready, the whole."""

    seconds: list[float]
    starts: list[float]
    whole: float


def measure(photos: Path, out: Path, workers: int, shard_size: int) -> Measured:
    """A real build by worker processes."""
    settings = fishprep.BuildSettings(
        parser="landmark-skin", device="cpu", workers=workers, shard_size=shard_size, detector="hog"
    )
    prepared = prepare(photos, out, settings, lambda news: None)
    request = prepared.request(out)
    engine = Noting()
    build(request, workers, lambda news: None, engine=engine)
    taken = sorted(engine.taken, key=lambda each: each.began)
    return Measured(
        [each.ended - each.began for each in taken],
        sorted({each.ready - engine.began for each in taken}),
        max(each.ended for each in taken) - engine.began,
    )


def portraits(folder: Path, count: int) -> None:
    """Pictures of one face, moved, of sizes from 200 to 700 px: some take longer than others."""
    chance = np.random.default_rng(0)
    for number in range(count):
        left, top = chance.integers(0, 60, 2)
        side = int(chance.integers(200, 700))
        face = cv2.resize(skimage.data.astronaut()[top : top + 260, 90 + left : 350 + left], (side, side))
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), face[:, :, ::-1])


def stored(out: Path) -> list[float]:
    """Seconds between the rows of one worker's shards, without those where the build stood still for long."""
    times = sorted(path.stat().st_mtime for path in out.glob("*-[0-9][0-9][0-9][0-9][0-9].parquet"))
    return [after - before for before, after in pairwise(times) if after - before < 3600]


# A real control plane, and work that sleeps


@dataclass(frozen=True)
class Nap:
    """A spec that does nothing."""

    number: int

    @property
    def parts(self) -> tuple[str, ...]:
        return ()

    def trial(self, parts: Sequence[str]) -> "Nap":
        return self

    def without(self, blamed: Any) -> "Nap":
        return self


def sleeper() -> Callable[[Nap, Any], int]:
    """Work for naps."""

    def work(nap: Nap, tell: Any) -> int:
        time.sleep(0.02)
        return nap.number

    return work


def control_plane(actors: int, naps: int = 600) -> tuple[float, float]:
    """CPU seconds of the driver for each spec, and specs a second of `actors` workers that sleep 20 ms each."""
    import ray

    ray.init("local", num_cpus=actors, log_to_driver=False, include_dashboard=False, object_store_memory=80 << 20)
    engine = create_engine("ray", ClusterSettings())
    run = engine.run(sleeper, map(Nap, range(naps)), actors)
    for _ in range(actors):
        next(run)
    cpu, began = time.process_time(), time.perf_counter()
    rest = sum(1 for _ in run)
    spent = (time.process_time() - cpu) / rest, rest / (time.perf_counter() - began)
    ray.shutdown()
    return spent


# Discrete events


@dataclass(frozen=True)
class World:
    """What a simulation knows: start of a worker and the driver's time for a shard in seconds; hours between losses of a machine;
    the share of machines at half speed; after how many medians a copy is made (None: never); what a copy takes of each shard (None:
    as long as the first one: what is long is long by itself, and not by where it is worked on)."""

    start: float
    driver: float
    hours: float | None = None
    slow: float = 0.0
    copy: float | None = None
    elsewhere: Sequence[float] | None = None
    seed: int = 0


class Simulation:
    """Who is free takes the next shard from the driver, which serves one at a time."""

    def __init__(self, seconds: Sequence[float], starts: Sequence[float], world: World) -> None:
        self.chance = np.random.default_rng(world.seed)
        self.seconds, self.world, self.usual = seconds, world, statistics.median(seconds)
        slow = self.chance.random(-(-len(starts) // PER_NODE)) < world.slow
        self.times = [2.0 if slow[worker // PER_NODE] else 1.0 for worker in range(len(starts))]
        self.queue = [(0.0, shard) for shard in reversed(range(len(seconds)))]
        self.free = [(start * self.times[worker], worker) for worker, start in enumerate(starts)]
        heapq.heapify(self.free)
        self.running: list[
            tuple[float, float, int, int, bool]
        ] = []  # when it ends, begin, shard, worker, whether by a loss
        self.ended: dict[int, float] = {}
        self.copied: set[int] = set()
        self.served = 0.0

    def run(self) -> float:
        """The whole, in seconds."""
        while len(self.ended) < len(self.seconds):
            while self.free and self.queue and (not self.running or self.free[0][0] <= self.running[0][0]):
                self._give(*self.queue.pop(), *heapq.heappop(self.free))
            end, _, shard, worker, is_lost = heapq.heappop(self.running)
            if is_lost:  # the machine is replaced, and starts anew; its shard is next
                if shard not in self.ended:
                    self.queue.append((end, shard))
                heapq.heappush(self.free, (end + self.world.start, worker))
                continue
            self.ended.setdefault(shard, end)
            heapq.heappush(self.free, (end, worker))
            if self.world.copy is not None and not self.queue:
                self._copy(self.world.copy * self.usual)
        return max(self.ended.values())

    def _give(self, after: float, shard: int, now: float, worker: int) -> None:
        self.served = max(now, after, self.served) + self.world.driver
        self._begin(self.served, shard, worker)

    def _begin(self, begin: float, shard: int, worker: int, is_copy: bool = False) -> None:
        """Losses have no memory, so that the life of a machine may be drawn anew for each shard."""
        seconds = self.world.elsewhere if is_copy and self.world.elsewhere is not None else self.seconds
        whole = seconds[shard] * self.times[worker]
        life = float("inf") if self.world.hours is None else float(self.chance.exponential(self.world.hours * 3600))
        heapq.heappush(self.running, (begin + min(whole, life), begin, shard, worker, life < whole))

    def _copy(self, long: float) -> None:
        """Those who are free begin anew what takes long; the earlier end counts."""
        slow = sorted(
            (begin, shard)
            for _, begin, shard, _, _ in self.running
            if shard not in self.copied and shard not in self.ended
        )
        while slow and self.free:
            begin, shard = slow.pop(0)
            now, worker = heapq.heappop(self.free)
            self.copied.add(shard)
            self._begin(max(now, begin + long), shard, worker, is_copy=True)


def simulate(seconds: Sequence[float], workers: int, world: World) -> float:
    """The whole, in seconds."""
    return Simulation(seconds, [world.start] * workers, world).run()


def bounded(seconds: Sequence[float], starts: Sequence[float], world: World) -> float:
    """The whole, where Graham's bounds hold: AssertionError where they do not."""
    whole = Simulation(seconds, starts, world).run()
    total, longest, workers = sum(seconds), max(seconds), len(starts)
    assert max(total / workers, longest) <= whole * (1 + 1e-9)
    served = world.driver * len(seconds)
    assert whole <= max(starts) + total / workers + longest * (1 - 1 / workers) + served + 1e-6
    return whole


def drawn(seconds: Sequence[float], count: int, seed: int) -> tuple[list[float], list[float]]:
    """So many shards, each as long as one that was measured, and one of a hundred four times as long; and the same without that."""
    chance = np.random.default_rng(seed)
    usual = chance.choice(seconds, count)
    return list(usual * np.where(chance.random(count) < 0.01, 4.0, 1.0)), list(usual)


def efficiency(seconds: Sequence[float], workers: int, whole: float) -> str:
    return f"{sum(seconds) / workers / whole:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, nargs="*", default=[])
    parser.add_argument("--photos", type=int, default=240)
    parser.add_argument("--actors", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        photos.mkdir()
        portraits(photos, asked.photos)
        runs = [measure(photos, Path(folder, f"out{n}"), n, max(1, asked.photos // 40)) for n in (1, 2)]
    table = Table(title="measured, and what the simulation makes of the same shards")
    for column in ("workers", "shards", "start, s", "median, s", "longest, s", "whole, s", "simulated, s", "off"):
        table.add_column(column, justify="right")
    for run in runs:
        whole = bounded(run.seconds, run.starts, World(0.0, 0.0))
        off = whole / run.whole - 1
        facts = (max(run.starts), statistics.median(run.seconds), max(run.seconds), run.whole, whole)
        cells = [f"{value:.2f}" for value in facts]
        table.add_row(str(len(run.starts)), str(len(run.seconds)), *cells, f"{off:+.1%}")
        assert abs(off) <= 0.05, f"{len(run.starts)} workers: {whole:.1f} s simulated, {run.whole:.1f} s measured"
    console.print(table)
    driver, rate = control_plane(asked.actors)
    console.print(
        f"driver: {driver * 1e3:.2f} ms of CPU a shard, so {1 / driver:,.0f} shards a second at most; {asked.actors} workers that sleep "
        f"20 ms got {rate:.0f} a second"
    )
    real = [each for out in asked.shards for each in stored(out)]
    seconds = real or [each * 60 / statistics.median(runs[0].seconds) for each in runs[0].seconds]
    source = f"{len(real)} real shards" if real else "the shards above, brought to a median of 60 s"
    start = runs[0].starts[0]
    console.print(
        f"shards of {statistics.median(seconds):.0f} s (median; {source}); one of a hundred takes 4 times as long; seed {asked.seed}"
    )
    plain = World(start, driver, seed=asked.seed)
    table = Table(title="simulated from measured times; not run on N machines: efficiency by shards a worker")
    for column in ("workers", *(f"{k} a worker" for k in (10, 20, 60, 120))):
        table.add_column(column, justify="right")
    for workers in WORKERS:
        cells = []
        for each in (10, 20, 60, 120):
            shards, _ = drawn(seconds, workers * each, asked.seed)
            cells.append(efficiency(shards, workers, bounded(shards, [start] * workers, plain)))
        table.add_row(str(workers), *cells)
    console.print(table)
    worlds = {
        "plain": plain,
        "+ copies": replace(plain, copy=1.5),
        "+ copies, what is long is so by its machine": plain,
        "+ a machine lost every 4 h": replace(plain, hours=4.0),
        "+ 5 % of machines at half speed": replace(plain, slow=0.05),
        "both, with copies": replace(plain, hours=4.0, slow=0.05, copy=1.5),
        "driver 2 s a shard": replace(plain, driver=2.0),
    }
    table = Table(title="simulated from measured times; not run on N machines: efficiency at 60 shards a worker")
    for column in ("workers", *worlds, "none four times as long"):
        table.add_column(column, justify="right")
    for workers in WORKERS:
        shards, usual = drawn(seconds, workers * 60, asked.seed)
        worlds["+ copies, what is long is so by its machine"] = replace(plain, copy=1.5, elsewhere=usual)
        wholes = [simulate(shards, workers, world) for world in worlds.values()]
        table.add_row(
            str(workers),
            *(efficiency(shards, workers, whole) for whole in wholes),
            efficiency(usual, workers, simulate(usual, workers, plain)),
        )
    console.print(table)


if __name__ == "__main__":
    main()
