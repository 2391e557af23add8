"""How fast is a build, beside the loop that people write, and how much memory does it take?

    python benchmarks/build.py [--photos 200] [--memory]
    python benchmarks/build.py --against CHECKOUT [--photos 60] [--runs 3] [-- FLAGS OF BUILD]

Speed, in one process and one torch thread each, on the same photos:
  plain loop   one photo at a time: Pillow, dlib, crop, Pillow resizes, facexlib's BiSeNet (all three heads, full-size
               upsampling, argmax) with the weights of `bisenet-fishfsr`, at their 256² and at facexlib's own 512², then ten
               PNG files a face
  pipeline     what a worker of `fishprep build` does, shard written and checked, by stage: with the default parser, and with
               the BiSeNet of the loop

`--memory` runs whole builds of 500 and of 8,000 photos and prints the peak memory of the largest process and of all
together. `--against` runs whole builds of this checkout and of another one in turn, with the same libraries, and prints the CPU
seconds of each, children included, and their ratio: what counts on a busy machine. It prints tables and asserts nothing.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import dlib
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from rich.console import Console
from rich.table import Table

from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.builder import ShardBuilder
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.networks import WeightsFrom, load_networks
from fishprep.builds.plan import ShardSpec
from fishprep.builds.resolved import resolve
from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightStore, find
from fishprep.faces.photo import Photo
from fishprep.landmarks.weights import DLIB_68
from fishprep.parsing.base import DEFAULT_PARSER, TEACHER
from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.parsing.networks.bisenet import empty_network
from fishprep.parsing.weights import RECORDS
from fishprep.places.file import File
from fishprep.shards.reader import Shard
from fishprep.shards.schema import ShardName

FACES = Path(__file__).resolve().parent.parent.parent / "shared" / "faces" / "celeba"
LR_SIZES = (64, 32, 16, 8)
NETWORKS = ("landmarks", "parse")


@dataclass(frozen=True)
class Timed:
    """Seconds by stage, CPU seconds in all, and the skin maps at 128 by photo."""

    seconds: dict[str, float]
    cpu: float
    skin: dict[str, np.ndarray]

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    @property
    def rest(self) -> float:
        return sum(spent for stage, spent in self.seconds.items() if stage not in NETWORKS)


class PlainLoop:
    """The script that people write: everything for one photo, then the next."""

    def __init__(self, size: int) -> None:
        self.size = size
        weights = WeightStore.from_environment().locate(find(TEACHER, RECORDS))
        self.detector = dlib.get_frontal_face_detector()
        self.predictor = dlib.shape_predictor(str(WeightStore.from_environment().locate(DLIB_68)))
        self.network = empty_network().to_empty(device="cpu")
        self.network.load_state_dict({name: tensor.float() for name, tensor in load_state_dict(weights).items()})
        self.network.eval()
        self.skin_class = number(FaceClass.SKIN, ClassOrder.FACEXLIB)

    def run(self, photos: list[Photo], out: Path) -> Timed:
        seconds = dict.fromkeys(("decode", "landmarks", "crop", "parse", "pyramid", "write"), 0.0)
        skin: dict[str, np.ndarray] = {}
        start = time.process_time()
        for folder in ("HR", "mask_HR", *(f"{kind}_{s}" for kind in ("LR", "mask") for s in LR_SIZES)):
            (out / folder).mkdir(parents=True, exist_ok=True)
        for photo in photos:
            clock = Clock(seconds)
            image = np.asarray(Image.open(photo.place.path).convert("RGB"))
            clock.stage("decode")
            boxes = self.detector(image, 1)
            if not boxes:
                clock.stage("landmarks")
                continue
            points = np.array([(p.x, p.y) for p in self.predictor(image, boxes[0]).parts()])
            clock.stage("landmarks")
            hr = self.crop(image, points)
            clock.stage("crop")
            with torch.no_grad():
                mask = self.parse(hr)
            clock.stage("parse")
            images, masks = self.pyramid(hr, mask)
            clock.stage("pyramid")
            name = Path(photo.id).name
            for size, small in images.items():
                small.save(out / ("HR" if size == 128 else f"LR_{size}") / f"{name}.png")
            for size, small in masks.items():
                small.save(out / ("mask_HR" if size == 128 else f"mask_{size}") / f"{name}.png")
            clock.stage("write")
            skin[photo.id] = mask
        return Timed(seconds, time.process_time() - start, skin)

    def crop(self, image: np.ndarray, points: np.ndarray) -> Image.Image:
        low, high = points.min(0), points.max(0)
        side = round(1.5 * float((high - low).max()))
        x0, y0 = np.round((low + high - side) / 2).astype(int)
        padded = np.pad(image, ((200, 200), (200, 200), (0, 0)), mode="edge")
        cut = padded[y0 + 200 : y0 + 200 + side, x0 + 200 : x0 + 200 + side]
        return Image.fromarray(cut).resize((128, 128), Image.Resampling.BICUBIC)

    def parse(self, hr: Image.Image) -> np.ndarray:
        face = np.asarray(hr.resize((self.size, self.size), Image.Resampling.BILINEAR), np.float32) / 255
        face = (face - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        batch = torch.from_numpy(face.astype(np.float32)).permute(2, 0, 1)[None]
        classes = self.network(batch)[0].argmax(1, keepdim=True)
        skin = (classes == self.skin_class).float()
        return F.interpolate(skin, (128, 128), mode="nearest")[0, 0].numpy().astype(np.uint8)

    def pyramid(self, hr: Image.Image, mask: np.ndarray) -> tuple[dict[int, Image.Image], dict[int, Image.Image]]:
        whole = Image.fromarray(mask * 255)
        images = {128: hr} | {s: hr.resize((s, s), Image.Resampling.BICUBIC) for s in LR_SIZES}
        return images, {128: whole} | {s: whole.resize((s, s), Image.Resampling.NEAREST) for s in LR_SIZES}


class Clock:
    """Adds the time since the last call to a stage."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def stage(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] += now - self.last
        self.last = now


def pipeline(photos: list[Photo], parser: str, out: Path) -> Timed:
    out.mkdir()
    source = WeightsFrom()
    resolved = resolve(BuildConfiguration(parser=parser), source)
    attributes = BuildAttributes(resolved.configuration, resolved.recipe, "", {})
    builder = ShardBuilder(BuildFolder.at(out), attributes, load_networks(resolved.configuration, source))
    builder(ShardSpec(ShardName("val", 0), tuple(photos[:4])), lambda news: None)  # what is loaded once a process
    start = time.process_time()
    result = builder(ShardSpec(ShardName("train", 0), tuple(photos)), lambda news: None)
    spent = time.process_time() - start
    with Shard(out / "train-00000.h5") as shard:
        skin = dict(zip(shard.ids, np.array(shard.skin(128)), strict=True))
    return Timed(result.seconds, spent, skin)


def agreement(ours: Timed, plain: Timed) -> str:
    both = sorted(ours.skin.keys() & plain.skin.keys())
    pairs = [(ours.skin[name].astype(bool), plain.skin[name].astype(bool)) for name in both]
    pixels = np.mean([(a == b).mean() for a, b in pairs])
    overlap = np.mean([(a & b).sum() / max(1, (a | b).sum()) for a, b in pairs])
    return f"{len(both)} faces in both, {pixels:.2%} of pixels agree, IoU of the skin maps {overlap:.3f}"


def speed(console: Console, count: int) -> None:
    files = sorted((FACES / "img_align_celeba").iterdir())
    photos = [
        Photo(path.stem, File.at(path), path.name, split="train")
        for path in files[:: max(1, len(files) // count)][:count]
    ]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        ours = {parser: pipeline(photos, parser, out / parser) for parser in (DEFAULT_PARSER, TEACHER)}
        plain = {s: PlainLoop(s).run(photos, out / f"png{s}") for s in (256, 512)}
    columns = {f"pipeline, {parser}": timed for parser, timed in ours.items()}
    columns |= {f"plain loop, BiSeNet {s}²": timed for s, timed in plain.items()}
    table = Table(title=f"{len(photos)} photos, one process, one thread: ms a photo")
    table.add_column("stage")
    for name in columns:
        table.add_column(name, justify="right")
    for stage in dict.fromkeys(stage for timed in columns.values() for stage in timed.seconds):
        table.add_row(stage, *(f"{timed.seconds.get(stage, 0) / len(photos) * 1e3:.2f}" for timed in columns.values()))
    table.add_section()
    table.add_row("all but the networks", *(f"{timed.rest / len(photos) * 1e3:.2f}" for timed in columns.values()))
    table.add_row("in all", *(f"{timed.total / len(photos) * 1e3:.2f}" for timed in columns.values()))
    table.add_row("CPU in all", *(f"{timed.cpu / len(photos) * 1e3:.2f}" for timed in columns.values()))
    table.add_row("photos a second", *(f"{len(photos) / timed.total:.2f}" for timed in columns.values()))
    console.print(table)
    for parser, timed in ours.items():
        times = " and ".join(f"{loop.cpu / timed.cpu:.2f}x that at {s}²" for s, loop in plain.items())
        console.print(
            f"{parser}: as fast as the plain loop, by CPU time: {times}; the parser takes {timed.seconds['parse'] / timed.total:.0%}"
        )
    equal = plain[256]
    console.print(f"all but the networks: {equal.rest / ours[TEACHER].rest:.2f}x the plain loop")
    for parser, timed in ours.items():
        console.print(f"maps of {parser} and of the loop at 256²: {agreement(timed, equal)}")


def memory(console: Console) -> None:
    table = Table(title="Peak memory of a build, 2 workers, shards of 500")
    for column in ("photos", "parent", "largest worker", "together", "seconds"):
        table.add_column(column, justify="right")
    names = sorted(path.name for path in (FACES / "img_align_celeba").iterdir())
    for count in (500, 8_000):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "photos" / "img_align_celeba"
            source.mkdir(parents=True)
            for name in names[:count]:
                shutil.copyfile(FACES / "img_align_celeba" / name, source / name)
            start = time.perf_counter()
            command = [Path(sys.executable).parent / "fishprep", "build", source.parent, Path(folder) / "out"]
            options = ["--workers", "2", "--shard-size", "500", "--quiet"]
            process = subprocess.Popen([*map(str, command), *map(str, options)], stdout=subprocess.DEVNULL)
            parent, worker, together = watch(process)
            spent = time.perf_counter() - start
        table.add_row(f"{count:,}", *(f"{value / 1024:.0f} MB" for value in (parent, worker, together)), f"{spent:.0f}")
    console.print(table)


def against(console: Console, checkout: Path, count: int, runs: int, flags: list[str]) -> None:
    """Builds of both in turn, each pair with an order of its own."""
    here = Path(__file__).resolve().parent.parent
    spent: dict[Path, list[float]] = {checkout: [], here: []}
    files = sorted((FACES / "img_align_celeba").iterdir())
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        photos.mkdir()
        for path in files[:: max(1, len(files) // count)][:count]:
            shutil.copyfile(path, photos / path.name)
        for number in range(runs):
            for of in list(spent)[:: 1 if number % 2 else -1]:
                spent[of].append(cpu_of_build(of, photos, Path(folder, "out"), flags))
    table = Table(title=f"{count} photos, one worker, {' '.join(flags) or 'no flags'}: CPU seconds of whole builds")
    for column in ("", *(f"run {number + 1}" for number in range(runs)), "median"):
        table.add_column(column, justify="right")
    for name, of in (("before", checkout), ("now", here)):
        table.add_row(name, *(f"{seconds:.1f}" for seconds in spent[of]), f"{statistics.median(spent[of]):.1f}")
    ratios = [now / before for before, now in zip(spent[checkout], spent[here], strict=True)]
    table.add_row("ratio", *(f"{ratio:.2f}" for ratio in ratios), f"{statistics.median(ratios):.2f}")
    console.print(table)


def cpu_of_build(checkout: Path, photos: Path, out: Path, flags: list[str]) -> float:
    """User and system, of the command and of its workers."""
    command = [
        Path(sys.executable).parent / "fishprep",
        "build",
        photos,
        out,
        "--workers",
        1,
        "--quiet",
        "--overwrite",
        *flags,
    ]
    paths = os.pathsep.join(map(str, (checkout, checkout / "cli")))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": paths})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def watch(process: subprocess.Popen[bytes]) -> tuple[int, int, int]:
    """Peak resident KiB of a process, of its largest child, and of all at one moment (Linux)."""
    parent = worker = together = 0
    while process.poll() is None:
        mine = resident(process.pid)
        children = [resident(int(pid)) for pid in children_of(process.pid)]
        parent, worker = max(parent, mine), max([worker, *children])
        together = max(together, mine + sum(children))
        time.sleep(0.1)
    return parent, worker, together


def children_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--against", type=Path)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--photos", type=int, default=200)
    arguments.add_argument("--memory", action="store_true")
    arguments.add_argument("flags", nargs="*")
    given = arguments.parse_args()
    console = Console()
    if given.against is not None:
        against(console, given.against.resolve(), given.photos, given.runs, given.flags)
        return
    if given.memory:
        memory(console)
    else:
        speed(console, given.photos)


if __name__ == "__main__":
    main()
