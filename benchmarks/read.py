"""How fast are samples read from shards, beside the limit of the machine and the ways of the field?

    python benchmarks/read.py [--samples 20000] [--folder DIR]

Reads batches of 64 random samples (HR face, its 16² LR and its map: what training at x8 takes) that are warm in memory, from
a shard, from one memory array (the limit: a copy of the same bytes), through plain h5py, and from folders of PNG. Prints a
table; asserts nothing.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from fishprep.faces.pyramid import lr_pyramid
from fishprep.shards.reader import Shard
from fishprep.shards.schema import LR_SIZES
from fishprep.shards.writer import Samples, write_shard

BATCH = 64
WANTED = ("image/128", "image/16", "skin/16")
FACES = Path(__file__).resolve().parent.parent.parent / "shared" / "faces" / "celeba" / "img_align_celeba"


def make_samples(count: int) -> Samples:
    """Real faces, where they are at hand, repeated; else noise."""
    rng = np.random.default_rng(0)
    files = sorted(FACES.iterdir())[:256] if FACES.is_dir() else []
    faces = [np.asarray(Image.open(path).crop((17, 37, 161, 181)).resize((128, 128))) for path in files]
    some = np.stack(faces) if faces else rng.integers(0, 256, (256, 128, 128, 3), np.uint8)
    chosen = rng.integers(0, len(some), count)
    small = lr_pyramid(some, "torch-bicubic")
    skin = (some[..., 0] > 128).astype(np.uint8)
    return Samples(
        images={128: some[chosen]} | {s: small[s][chosen] for s in LR_SIZES},
        skin={s: np.ascontiguousarray(skin[:, :: 128 // s, :: 128 // s])[chosen] for s in (128, *LR_SIZES)},
        classes=None,
        landmarks=np.zeros((count, 68, 2), np.float32),
        boxes=np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1)),
        ids=[str(i) for i in range(count)],
        split="train",
    )


def rate(read: Callable[[np.ndarray], None], count: int, seconds: float = 3.0) -> float:
    """Samples a second, in random order, after a warm-up."""
    rng = np.random.default_rng(1)
    read(rng.integers(0, count, BATCH))
    start, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds:
        read(rng.integers(0, count, BATCH))
        done += BATCH
    return done / spent


def readers(folder: Path, samples: Samples) -> dict[str, Callable[[np.ndarray], None]]:
    shard = Shard(folder / "train-00000.h5")
    sizes = {name: shard[name].shape[1:] for name in WANTED}
    arrays = {name: np.array(shard[name]) for name in WANTED}
    outs = {name: np.empty((BATCH, *shape), np.uint8) for name, shape in sizes.items()}
    file = h5py.File(folder / "train-00000.h5")
    handles = {name: file[name] for name in WANTED}

    def copy(indices: np.ndarray) -> None:
        start = min(int(indices[0]), len(samples) - BATCH)  # a place that is not in the processor's cache
        for name in WANTED:
            np.copyto(outs[name], arrays[name][start : start + BATCH])

    def gather_array(indices: np.ndarray) -> None:
        for name in WANTED:
            np.take(arrays[name], indices, axis=0, out=outs[name], mode="clip")

    def gather_shard(indices: np.ndarray) -> None:
        for name in WANTED:
            shard.gather(name, indices, outs[name])

    def plain_h5py(indices: np.ndarray) -> None:
        for name in WANTED:
            for row, index in enumerate(indices):
                outs[name][row] = handles[name][index]

    def png(indices: np.ndarray) -> None:
        for index in indices % 512:
            for name in WANTED:
                np.asarray(Image.open(folder / name.replace("/", "_") / f"{index}.png"))

    for name in WANTED:
        (folder / name.replace("/", "_")).mkdir()
        for index in range(min(512, len(samples))):
            Image.fromarray(arrays[name][index]).save(folder / name.replace("/", "_") / f"{index}.png")
    return {
        "memory copy of 64 samples in a row": copy,
        "gather from one memory array": gather_array,
        "shard, mapped, `gather`": gather_shard,
        "shard through h5py, sample by sample": plain_h5py,
        "folders of PNG, Pillow": png,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--samples", type=int, default=20_000)
    arguments.add_argument("--folder", type=Path, help="Where the temporary shard goes.")
    given = arguments.parse_args()
    attributes = dict.fromkeys(("producer", "recipe", "inputs"), "benchmark")
    attributes |= dict.fromkeys(("configuration", "versions", "weights"), "{}")
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        samples = make_samples(given.samples)
        write_shard(folder / "train-00000.h5", samples, attributes)
        ways = readers(folder, samples)
        rounds = [{way: rate(read, given.samples) for way, read in ways.items()} for _ in range(3)]
    rates = {way: float(np.median([measured[way] for measured in rounds])) for way in ways}
    gathered = rates["gather from one memory array"]
    table = Table(title=f"{given.samples:,} samples, batches of {BATCH} in random order, one process")
    for column in ("way", "samples/s", "of the gather in memory", "of the memory copy"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for way, measured in rates.items():
        copied = measured / rates["memory copy of 64 samples in a row"]
        table.add_row(way, f"{measured:,.0f}", f"{measured / gathered:.1%}", f"{copied:.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
