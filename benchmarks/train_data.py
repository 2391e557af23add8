"""Does reading hold up training? Samples a second of the loader, beside a memory copy, the step's demand and the authors' way.

    python benchmarks/train_data.py [--samples 4000] [--workers 2] [--width 64] [--device cpu] [--memory]

One process reads batches of 8 and 64 at x8 (HR, LR and map) in shuffled order, warm in memory, as `fishfsr train` does, order and
mirroring drawn included. The authors' way: folders of PNG, Pillow, ToTensor for each image, a DataLoader with and without
workers. The demand: images a second of one training step of the network. `--memory` trains a small network on 500 and on 8,000 faces,
each in a process of its own, and shows its peak of private memory. Prints tables; asserts nothing.
"""

import argparse
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, Dataset

from fishfsr.data import Batch, ShardDataset, Share, Stream, to_faces
from fishfsr.registry import create_model
from fishfsr.training.config import SrSection, TrainingConfig, resolve_training
from fishfsr.training.optimiser import adam
from fishfsr.training.precision import amp
from fishfsr.training.request import TrainingRequest
from fishfsr.training.run import run_training
from fishprep.faces.pyramid import lr_pyramid
from fishprep.shards.schema import LR_SIZES
from fishprep.shards.writer import Samples, write_shard

SCALE, LR = 8, 16
PER_SHARD = 500
FACES = Path(__file__).resolve().parent.parent.parent / "shared" / "faces" / "celeba" / "img_align_celeba"


def make_shards(folder: Path, count: int) -> None:
    """Real faces, where they are at hand, repeated; else noise: `count` to train on, 8 to validate on."""
    rng = np.random.default_rng(0)
    files = sorted(FACES.iterdir())[:256] if FACES.is_dir() else []
    faces = [np.asarray(Image.open(path).crop((17, 37, 161, 181)).resize((128, 128))) for path in files]
    some = np.stack(faces) if faces else rng.integers(0, 256, (256, 128, 128, 3), np.uint8)
    small, skin = lr_pyramid(some, "torch-bicubic"), (some[..., 0] > 128).astype(np.uint8)
    folder.mkdir(parents=True)
    attributes = dict.fromkeys(("configuration", "versions", "weights"), "{}") | {"producer": "benchmark"}
    starts = [("train", number, min(PER_SHARD, count - number * PER_SHARD)) for number in range(-(-count // PER_SHARD))]
    for split, number, size in [*starts, ("val", 0, 8)]:
        chosen = rng.integers(0, len(some), size)
        samples = Samples(
            images={128: some[chosen]} | {s: small[s][chosen] for s in LR_SIZES},
            skin={s: np.ascontiguousarray(skin[:, :: 128 // s, :: 128 // s])[chosen] for s in (128, *LR_SIZES)},
            classes=None,
            landmarks=np.zeros((size, 68, 2), np.float32),
            boxes=np.tile(np.array([0, 0, 1, 1], np.float32), (size, 1)),
            ids=[str(i) for i in range(size)],
            split=split,
        )
        write_shard(
            folder / f"{split}-{number:05d}.h5", samples, attributes | {"recipe": "b" * 64, "inputs": str(number)}
        )


class Pngs(Dataset[tuple[torch.Tensor, ...]]):
    """The authors' way: a file for each image, Pillow, and torchvision's ToTensor written out."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        images = (Image.open(self.folder / kind / f"{index}.png") for kind in ("hr", "lr", "skin"))
        return tuple(_to_tensor(image) for image in images)


def _to_tensor(image: Image.Image) -> torch.Tensor:
    array = np.array(image, np.uint8, copy=True)
    return (
        torch.from_numpy(array.reshape(*array.shape[:2], -1)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    )


def write_pngs(folder: Path, dataset: ShardDataset, count: int) -> Pngs:
    batch = dataset.__getitems__(np.arange(count))
    for kind, images in (("hr", batch.hr), ("lr", batch.lr), ("skin", batch.skin * 255)):
        (folder / kind).mkdir(parents=True)
        for index, image in enumerate(images.numpy()):
            Image.fromarray(image).save(folder / kind / f"{index}.png")
    return Pngs(folder, count)


def rate(items: Iterator[Any], size: int, seconds: float) -> float:
    """Samples a second of wall time, after a warm-up."""
    for _ in range(max(2, 512 // size)):
        next(items)
    start, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds:
        next(items)
        done += size
    return done / spent


def endless(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def copies(dataset: ShardDataset, size: int) -> Iterator[None]:
    """The limit of the machine: the same bytes from memory to memory, in places that are not in the cache."""
    whole = dataset.__getitems__(np.arange(len(dataset)))
    sources = [part.numpy() for part in whole[:3]]
    outs = [np.empty((size, *part.shape[1:]), np.uint8) for part in sources]
    rng = np.random.default_rng(0)
    while True:
        start = int(rng.integers(0, len(dataset) - size))
        for source, out in zip(sources, outs, strict=True):
            np.copyto(out, source[start : start + size])
        yield


def demand(dataset: ShardDataset, width: int, device: torch.device, seconds: float) -> float:
    """Images a second of the training step at batch 8, on a batch that is there already."""
    network = create_model("fishfsrnet_x8", width=width).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer, precision = adam(network, SrSection(width=width)), amp("auto", device)
    faces = to_faces(Stream(dataset, Share(8), 0).read(0).batch, device)

    def steps() -> Iterator[None]:
        while True:
            with precision.autocast():
                loss = (network(faces.lr, faces.skin).float() - faces.hr).abs().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            loss.item()
            yield

    items = steps()
    next(items)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds or not done:
        next(items)
        done += 8
    return done / (time.perf_counter() - start)


def speed(arguments: argparse.Namespace, console: Console) -> None:
    device = torch.device(arguments.device)
    table = Table(title=f"x8, {arguments.samples:,} faces, warm; samples a second of one process")
    for heading in ("", "batch 8", "batch 64"):
        table.add_column(heading, justify="right" if heading else "left")
    with tempfile.TemporaryDirectory() as folder:
        make_shards(Path(folder) / "shards", arguments.samples)
        dataset = ShardDataset(Path(folder) / "shards", scale=SCALE)
        pngs = write_pngs(Path(folder) / "png", dataset, min(1000, len(dataset)))

        def stream(size: int) -> Iterator[Any]:
            return Stream(dataset, Share(size), 0).parts(0)

        def placed(size: int) -> Iterator[Any]:
            reads = Stream(dataset, Share(size), 0).parts(0, pinned=device.type == "cuda")
            return (to_faces(read.batch, device, read.flip) for read in reads)

        def own_loop(size: int) -> Iterator[Batch]:
            return endless(DataLoader(dataset, size, shuffle=True, collate_fn=ShardDataset.collate, drop_last=True))

        def authors(workers: int) -> Callable[[int], Iterator[Any]]:
            return lambda size: endless(
                DataLoader(
                    pngs, size, shuffle=True, num_workers=workers, persistent_workers=workers > 0, drop_last=True
                )
            )

        ways: dict[str, Callable[[int], Iterator[Any]]] = {
            "memory copy": lambda size: copies(dataset, size),
            "fishfsr train: order, read": stream,
            f"  and converted and mirrored on {device}": placed,
            "ShardDataset in a DataLoader": own_loop,
            "PNG, Pillow, ToTensor": authors(0),
            f"  with {arguments.workers} workers": authors(arguments.workers),
        }
        for name, way in ways.items():
            table.add_row(name, *(f"{rate(way(size), size, arguments.seconds):,.0f}" for size in (8, 64)))
        wanted = demand(dataset, arguments.width, device, arguments.seconds)
        table.add_row(f"demand: a step of FishFSRNet x8, width {arguments.width}, {device}", f"{wanted:,.1f}", "")
        console.print(table)


def private_peak(shards: Path, run: Path, result: Any) -> None:
    """Train some steps over all shards; the most private (not file-backed) memory seen, in bytes."""
    torch.set_num_threads(1)
    peak = 0

    def look(news: object) -> None:
        nonlocal peak
        status = Path("/proc/self/status").read_text()
        peak = max(peak, int(re.search(r"RssAnon:\s+(\d+)", status)[1]) * 1024)  # type: ignore[index]

    settings = {"parsing": {"width": 8, "blocks": 1, "steps": 400, "batch_size": 64}, "log_every": 5, "save_every": 200}
    config: TrainingConfig = resolve_training("paper", settings, {"validation": {"every": 200}, "scale": SCALE})
    run_training(TrainingRequest((shards,), run, config, stage="parsing", device="cpu"), look)
    result.put(peak)


def memory(console: Console) -> None:
    table = Table(title="Private memory of a training process, 400 steps of 64 faces")
    for heading in ("faces", "peak, MB"):
        table.add_column(heading, justify="right")
    context = multiprocessing.get_context("spawn")
    for count in (500, 8000):
        with tempfile.TemporaryDirectory() as folder:
            make_shards(Path(folder) / "shards", count)
            result = context.Queue()
            child = context.Process(target=private_peak, args=(Path(folder) / "shards", Path(folder) / "run", result))
            child.start()
            peak = result.get()
            child.join()
        table.add_row(f"{count:,}", f"{peak / 1e6:,.0f}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    if arguments.memory:
        memory(Console())
    else:
        speed(arguments, Console())


if __name__ == "__main__":
    main()
