"""How far does a build spread? Measured on this machine, and from that simulated for 8 to 1,024 workers.

    python benchmarks/cluster.py [--source PHOTOS] [--shards OUT ...] [--photos 240] [--actors 4] [--seed 0]

1. measured: real shards of small portraits (`--source`: of the photos of a folder) by the local engine with 1 and 2 workers: the seconds
   of each, the loading of models, the whole; and whether the bytes of its photos, by which builds are ordered, tell how long a shard takes.
   `--shards` takes times from builds that one worker made (when their rows were stored), of real shards of 1,000 photos.
2. a real control plane, with work that sleeps: the Ray engine with `--actors` workers; the driver's CPU seconds for each shard.
3. discrete events (`cluster_events.py`): the engine's own `Dispatch`, fed with these. It must meet Graham's bounds, and predict what was
   measured with 1 and 2 workers within 5 %: else it ends with an error.

It prints tables. What it says of more workers than there are here is simulated from measured times; it was not run on N machines.
"""

import argparse
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
from cluster_events import ALONE, Drawn, Nap, World, alike, bounded, by_size, efficiency, simulate
from rich.console import Console
from rich.table import Table

import fishprep
from fishprep.builds.build import build
from fishprep.builds.folder import BuildFolder
from fishprep.builds.plan import numbered
from fishprep.builds.specs import bytes_of
from fishprep.engines import create_engine
from fishprep.engines.base import Done
from fishprep.engines.cluster import ClusterSettings
from fishprep.engines.dispatch import Patience
from fishprep.engines.local import LocalEngine
from fishprep.public.planning import prepare
from fishprep.shards.schema import ShardName

WORKERS = (8, 32, 128, 512, 1024)
EACH = (10, 20, 60, 120)
SIMULATED = "simulated from measured times; not run on N machines: efficiency"


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
        self.began, self.taken = 0.0, list[tuple[ShardName, Took]]()

    def run(self, make_work: Any, specs: Any, workers: int, tell: Any, seconds: float | None = None) -> Iterator[Any]:
        self.began = time.time()
        for event in LocalEngine().run(Timed(make_work), specs, workers, tell, seconds):
            assert isinstance(event, Done)
            took, result = event.result
            self.taken.append((event.spec.name, took))
            yield Done(event.spec, result)


@dataclass(frozen=True)
class Measured:
    """A build: its shards in the order in which they were begun, the seconds until each worker was ready, the whole."""

    naps: list[Nap]
    starts: list[float]
    whole: float

    @property
    def seconds(self) -> list[float]:
        """Of each shard."""
        return [nap.seconds for nap in self.naps]


def measure(photos: Path, out: Path, workers: int, shard_size: int) -> Measured:
    """A real build by worker processes."""
    settings = fishprep.BuildSettings(
        parser="landmark-skin", device="cpu", workers=workers, shard_size=shard_size, detector="hog"
    )
    request = prepare(photos, out, settings, lambda news: None).request(out)
    engine = Noting()
    build(request, workers, lambda news: None, engine=engine)
    taken = sorted(engine.taken, key=lambda each: each[1].began)
    sizes = sizes_of(out)
    return Measured(
        [Nap(number, took.ended - took.began, sizes[name]) for number, (name, took) in enumerate(taken)],
        sorted({took.ready - engine.began for _, took in taken}),
        max(took.ended for _, took in taken) - engine.began,
    )


def sizes_of(out: Path) -> dict[ShardName, int]:
    """The bytes of the photos of each shard, by its plan."""
    folder = BuildFolder.at(out)
    shards = numbered(folder.plan(), folder.start()["configuration"]["shard_size"])
    return {name: bytes_of(lines) for name, lines in shards}


def rank_correlation(naps: Sequence[Nap]) -> float:
    """Spearman's, of bytes and seconds; ties in the order in which they come."""
    ranks = [np.argsort(np.argsort(values)) for values in ([n.size for n in naps], [n.seconds for n in naps])]
    return float(np.corrcoef(*ranks)[0, 1])


def portraits(folder: Path, count: int) -> None:
    """Pictures of one face, moved, of sizes from 200 to 700 px: some take longer than others."""
    chance = np.random.default_rng(0)
    for number in range(count):
        left, top = chance.integers(0, 60, 2)
        side = int(chance.integers(200, 700))
        face = cv2.resize(skimage.data.astronaut()[top : top + 260, 90 + left : 350 + left], (side, side))
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), face[:, :, ::-1])


def stored(out: Path) -> list[Nap]:
    """Seconds between the rows of one worker's shards, without those where the build stood still for long."""
    sizes = sizes_of(out)
    rows = [(path.stat().st_mtime, name) for name in sizes if (path := out / name.rows_file).exists()]
    pairs = pairwise(sorted(rows))
    return [Nap(0, after - before, sizes[name]) for (before, _), (after, name) in pairs if after - before < 3600]


# A real control plane, and work that sleeps


def sleeper() -> Callable[[Nap, Any], int]:
    """Work for naps."""

    def work(nap: Nap, tell: Any) -> int:
        time.sleep(nap.seconds)
        return nap.number

    return work


def control_plane(actors: int, naps: int = 600) -> tuple[float, float]:
    """CPU seconds of the driver for each spec, and specs a second of `actors` workers that sleep 20 ms each."""
    import ray

    ray.init("local", num_cpus=actors, log_to_driver=False, include_dashboard=False, object_store_memory=80 << 20)
    engine = create_engine("ray", ClusterSettings())
    run = engine.run(sleeper, (Nap(number, 0.02) for number in range(naps)), actors)
    for _ in range(actors):
        next(run)
    cpu, began = time.process_time(), time.perf_counter()
    rest = sum(1 for _ in run)
    spent = (time.process_time() - cpu) / rest, rest / (time.perf_counter() - began)
    ray.shutdown()
    return spent


# What is simulated


def measured_table(runs: Sequence[Measured]) -> Table:
    """AssertionError where the simulation is off."""
    table = Table(title="measured, and what the simulation makes of the same shards")
    columns = (
        "workers",
        "shards",
        "start, s",
        "median, s",
        "longest, s",
        "whole, s",
        "simulated, s",
        "off",
        "bytes tell",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for run in runs:
        whole = bounded(run.naps, run.starts, World(0.0, 0.0))
        off = whole / run.whole - 1
        facts = (max(run.starts), statistics.median(run.seconds), max(run.seconds), run.whole, whole)
        cells = [f"{value:.2f}" for value in facts]
        told = f"{rank_correlation(run.naps):.2f}"
        table.add_row(str(len(run.starts)), str(len(run.naps)), *cells, f"{off:+.1%}", told)
        assert abs(off) <= 0.05, f"{len(run.starts)} workers: {whole:.1f} s simulated, {run.whole:.1f} s measured"
    return table


def by_shards_table(measured: Sequence[Nap], plain: World) -> Table:
    """By shards a worker, in the order of the plan and as builds do it."""
    table = Table(title=f"{SIMULATED} by shards a worker: by the plan / large first, told / not told by bytes")
    for column in ("workers", *(f"{each} a worker" for each in EACH)):
        table.add_column(column, justify="right")
    for workers in WORKERS:
        cells = []
        for each in EACH:
            told, untold = (
                alike(Drawn(measured, is_told, plain.seed).naps(workers * each)) for is_told in (True, False)
            )
            orders = (told, by_size(told), by_size(untold))
            wholes = [bounded(naps, [plain.start] * workers, plain) for naps in orders]
            cells.append(" / ".join(efficiency(told, workers, whole) for whole in wholes))
        table.add_row(str(workers), *cells)
    return table


def worlds_table(measured: Sequence[Nap], plain: World) -> Table:
    """At 60 shards a worker, large first, of what bytes tell."""
    copies = replace(plain, patience=replace(ALONE, copy=Patience().copy))
    worlds = {
        "plain": plain,
        "+ copies": copies,
        "+ a machine lost every 4 h": replace(copies, hours=4.0),
        "+ 5 % of machines at half speed": replace(copies, slow=0.05),
        "driver 2 s a shard": replace(plain, driver=2.0),
    }
    by_machine = "long by its machine, copies"
    table = Table(title=f"{SIMULATED} at 60 shards a worker, large first")
    for column in ("workers", *worlds, by_machine, "none four times as long"):
        table.add_column(column, justify="right")
    for workers in WORKERS:
        naps = by_size(Drawn(measured, True, plain.seed).naps(workers * 60))
        untold = by_size(Drawn(measured, False, plain.seed).naps(workers * 60))
        usual = [replace(nap, seconds=nap.elsewhere) for nap in untold]
        runs = [(alike(naps), world) for world in worlds.values()] + [(untold, copies), (usual, plain)]
        cells = [efficiency(some, workers, simulate(some, workers, world)) for some, world in runs]
        table.add_row(str(workers), *cells)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--shards", type=Path, nargs="*", default=[])
    parser.add_argument("--photos", type=int, default=240)
    parser.add_argument("--actors", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    console = Console(width=200)
    with tempfile.TemporaryDirectory() as folder:
        photos = asked.source or Path(folder, "photos")
        if asked.source is None:
            photos.mkdir()
            portraits(photos, asked.photos)
        runs = [measure(photos, Path(folder, f"out{n}"), n, max(1, asked.photos // 40)) for n in (1, 2)]
    console.print(measured_table(runs))
    driver, rate = control_plane(asked.actors)
    console.print(
        f"driver: {driver * 1e3:.2f} ms of CPU a shard, so {1 / driver:,.0f} shards a second at most; {asked.actors} workers that sleep "
        f"20 ms got {rate:.0f} a second"
    )
    real = [each for out in asked.shards for each in stored(out)]
    by = 60 / statistics.median(runs[0].seconds)
    measured = real or [
        replace(nap, seconds=nap.seconds * by) for nap in runs[0].naps[1:]
    ]  # the first one loads libraries
    source = f"{len(real)} real shards" if real else "the shards above, brought to a median of 60 s"
    median = statistics.median(nap.seconds for nap in measured)
    console.print(
        f"shards of {median:.0f} s (median; {source}); one of a hundred takes 4 times as long; seed {asked.seed}"
    )
    plain = World(runs[0].starts[0], driver, seed=asked.seed)
    console.print(by_shards_table(measured, plain))
    console.print(worlds_table(measured, plain))


if __name__ == "__main__":
    main()
