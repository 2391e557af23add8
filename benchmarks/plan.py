"""What a build costs before its first shard and after its last: the process that plans and records, without any pixel.

    python benchmarks/plan.py start [--photos 200000] [--bytes 8000]    # to start and to go on, beside hashing all photos first
    python benchmarks/plan.py driver [--photos 1000000]                 # memory and CPU time of each step, on an invented plan

`start` writes so many small files, lists and plans them, and hashes them, as builds did before they were planned by sizes and
times. `driver` invents photos of CelebA's kind and rows of shards of 1,000; each step runs in a process of its own, so that its
peak of memory is its own. CPU time counts, as the wall clock does not on a busy machine. It prints tables and asserts nothing.
"""

import argparse
import multiprocessing
import pickle
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from fishprep.builds import inputs
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ROW_SCHEMA, ShardRecord
from fishprep.builds.networks import WeightsFrom
from fishprep.builds.plan import Plan, make_plan
from fishprep.builds.request import BuildRequest
from fishprep.builds.resolved import Resolved
from fishprep.builds.samples import write_end
from fishprep.builds.specs import NamedSpec, PlannedSpecs
from fishprep.builds.start import start
from fishprep.builds.stored import StoredPlan, digest
from fishprep.common.status import Status
from fishprep.decoding.decode import Limits
from fishprep.faces.photo import Photo
from fishprep.landmarks.base import Reference
from fishprep.landmarks.known_place import CELEBA_ALIGNED_EYES
from fishprep.places.file import File
from fishprep.places.records import Root
from fishprep.reports.columns import read_columns
from fishprep.shards.schema import ShardName
from fishprep.sources import SourceRequest, open_source

SHARD_SIZE = 1000
CELEBA = Path("/nowhere/celeba")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["start", "driver"])
    parser.add_argument("--photos", type=int)
    parser.add_argument("--bytes", type=int, default=8000)
    given = parser.parse_args()
    if given.what == "start":
        start_and_go_on(given.photos or 200_000, given.bytes)
    else:
        driver(given.photos or 1_000_000)


@contextmanager
def timed(spent: dict[str, float], name: str) -> Iterator[None]:
    """Adds the CPU seconds of a block, of all threads and in the system too."""
    before = time.process_time()
    yield
    spent[name] = time.process_time() - before


def start_and_go_on(photos: int, size: int) -> None:
    """Files in a temporary folder: listed, planned, gone on with, and hashed."""
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        root, out = Path(folder, "photos"), Path(folder, "out")
        write_files(root, photos, size)
        with timed(spent, "list"):
            plan = make_plan(open_source(SourceRequest(root)), BuildConfiguration())
        out.mkdir()
        with timed(spent, "write the plan"):
            begun(plan, out, root)
        with timed(spent, "compare with the plan"):
            begun(plan, out, root)
        with timed(spent, "hash all photos"):
            lines = list(inputs.plan_lines(plan.photos, lambda number: None))
            list(inputs.hashed(plan.photos, lines, Limits(), lambda number: None))
    now = spent["list"] + spent["write the plan"]
    again = spent["list"] + spent["compare with the plan"]
    table = Table(f"{photos:,} files of {size:,} bytes", "CPU s", "us a photo", box=None, header_style="bold")
    for name, seconds in spent.items():
        table.add_row(name, f"{seconds:.1f}", f"{seconds / photos * 1e6:.0f}")
    hashing = spent["hash all photos"]
    for name, seconds in (("to start", now), ("to go on", again)):
        table.add_row(name, f"{seconds:.1f}", f"{seconds / photos * 1e6:.0f}")
        table.add_row(f"{name}, hashing first", f"{seconds + hashing:.1f}", f"{(seconds + hashing) / photos * 1e6:.0f}")
    Console().print(table)


def write_files(root: Path, photos: int, size: int) -> None:
    """Files that begin like JPEGs, 1,000 in a folder."""
    data = b"\xff\xd8\xff" + np.random.default_rng(0).bytes(size - 3)
    for number in range(photos):
        folder = root / f"{number // 1000:06d}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:09d}.jpg").write_bytes(data)


def driver(photos: int) -> None:
    """Each step in a process of its own."""
    table = Table(f"{photos:,} photos", "CPU s", "peak GB", "bytes a photo", box=None, header_style="bold")
    base = measured(nothing, 0, "")[1]
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        write_rows(Path(folder, "out"), 1000)
        for step in (
            hold_photos,
            plan_them,
            divide_them,
            load_as_workers,
            merge_rows,
            merge_after_retries,
            report_them,
        ):
            seconds, peak = measured(step, photos, folder)
            told = (step.__doc__ or "").partition(".")[0]
            print(f"{told}: {seconds:.1f} s, {peak / 2**30:.2f} GB", file=sys.stderr)
            table.add_row(told, f"{seconds:.1f}", f"{peak / 2**30:.2f}", f"{(peak - base) / photos:.0f}")
    Console().print(table)


def measured(step: Callable[[int, str], None], photos: int, folder: str) -> tuple[float, int]:
    """CPU seconds and the peak of memory, in bytes, of a step."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(step, photos, folder, theirs))
    process.start()
    theirs.close()
    found: tuple[float, int] = ours.recv()
    process.join()
    return found


def _run(
    step: Callable[[int, str], None], photos: int, folder: str, pipe: "multiprocessing.connection.Connection"
) -> None:
    before = time.process_time()
    step(photos, folder)
    pipe.send((time.process_time() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


def nothing(photos: int, folder: str) -> None:
    """The libraries."""


def invented(photos: int) -> tuple[Photo, ...]:
    """Photos as CelebA's source lists them, of no pixels."""
    eyes = CELEBA_ALIGNED_EYES
    five = np.zeros((5, 2), np.float32)
    return tuple(
        Photo(
            f"img_align_celeba/{number:09d}",
            File.at(CELEBA / f"img_align_celeba/{number:09d}.jpg"),
            f"img_align_celeba/{number:09d}.jpg",
            "CelebA: non-commercial research only",
            "train",
            str(number // 20),
            Reference(five=five.copy(), eyes=eyes),
        )
        for number in range(photos)
    )


def hold_photos(photos: int, folder: str) -> None:
    """the list of photos."""
    invented(photos)


def plan_them(photos: int, folder: str) -> None:
    """the list, and the plan written."""
    out = Path(folder, "planned")
    out.mkdir()
    specs = begun(plan_of(photos), out, CELEBA)
    assert len(pickle.dumps(specs[0])) < 2000


def divide_them(photos: int, folder: str) -> None:
    """the list, the plan compared, and the specs of all shards."""
    specs = begun(plan_of(photos), Path(folder, "planned"), CELEBA)
    assert sum(1 for spec in specs if isinstance(spec, NamedSpec)) == -(-photos // SHARD_SIZE)


def plan_of(photos: int) -> Plan:
    """Of invented photos."""
    return Plan(invented(photos), (), (), "official")


def begun(plan: Plan, out: Path, root: Path) -> PlannedSpecs:
    """As a build starts, or goes on: the specs that are sent to workers."""
    resolved, origin = (
        Resolved(BuildConfiguration(shard_size=SHARD_SIZE), "none"),
        {"root": str(root), "kind": "celeba"},
    )
    request = BuildRequest(out, plan, resolved, WeightsFrom(), origin, Root(str(root)))
    return start(BuildFolder.at(out), request, True, lambda number: None).specs


def load_as_workers(photos: int, folder: str) -> None:
    """ten shards loaded by their names, as workers do."""
    folder_of_plan = BuildFolder.at(Path(folder, "planned"))
    plan = StoredPlan(folder_of_plan, Root(str(CELEBA)))
    for group in range(10):
        spec = NamedSpec(ShardName("train", group), plan, group, digest(folder_of_plan.planned_of(group)))
        assert len(spec.loaded().photos) == SHARD_SIZE


def write_rows(out: Path, shards: int) -> None:
    """Rows of finished shards, without the shards."""
    out.mkdir()
    folder = BuildFolder.at(out)
    for number in range(shards):
        name = ShardName("train", number)
        photos = [f"img_align_celeba/{number * SHARD_SIZE + index:09d}" for index in range(SHARD_SIZE)]
        said = {
            "id": photos,
            "photo": photos,
            "path": [f"{photo}.jpg" for photo in photos],
            "sha256": [f"{number * SHARD_SIZE + index:064x}" for index in range(SHARD_SIZE)],
            "split": ["train"] * SHARD_SIZE,
            "status": [str(Status.OK)] * SHARD_SIZE,
            "reason": [""] * SHARD_SIZE,
            "licence": ["CelebA: non-commercial research only"] * SHARD_SIZE,
            "shard": [str(name)] * SHARD_SIZE,
            "index": list(range(SHARD_SIZE)),
            "landmark_backend": ["dlib-hog"] * SHARD_SIZE,
            "fingerprint": [number] * SHARD_SIZE,
        }
        table = pa.table(
            {field.name: pa.array(said.get(field.name, [None] * SHARD_SIZE), field.type) for field in ROW_SCHEMA}
        )
        folder.restore(name, table, ShardRecord(str(name), None, None, 0, SHARD_SIZE, SHARD_SIZE))


def merge_rows(photos: int, folder: str) -> None:
    """rows of a million photos merged."""
    write_end(BuildFolder.at(Path(folder, "out")), BuildConfiguration(), {})


def merge_after_retries(photos: int, folder: str) -> None:
    """the same, half of them tried again."""
    tried = [["train", number] for number in range(500, 1000)]
    write_end(BuildFolder.at(Path(folder, "out")), BuildConfiguration(), {"retries": [{"specs": tried}]})


def report_them(photos: int, folder: str) -> None:
    """the columns of the report."""
    read_columns(BuildFolder.at(Path(folder, "out")))


if __name__ == "__main__":
    main()
