"""Does every method overfit eight faces? Trained on nothing else, by its own loss, until those faces come back far better than by bicubic.

    python benchmarks/overfit.py SHARDS [--scale 8] [--width 16] [--gain 2] [--minutes 5] [--methods srcnn vdsr ...]

A method that is wired wrongly (a loss that does not reach a layer, faces and targets that are not of each other) cannot. PSNR is of
all channels, the mean over the faces; normalisation goes by the batch, as while training. Prints a table and asserts nothing.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from fishfsr.data import ShardDataset, to_faces
from fishfsr.data.batch import Faces
from fishfsr.methods.base import Objective
from fishfsr.methods.every import METHODS

FACES = 8
LOOK_EVERY = 10  # steps
ALONE = {"urdgn": {"discriminator": False}}
"""Options of methods: a discriminator works against a fit."""


@dataclass(frozen=True)
class Trial:
    """How long a method may take to come so many dB above bicubic."""

    shards: Path
    scale: int
    width: int
    rate: float
    gain: float
    minutes: float


def psnr(made: Tensor, wanted: Tensor) -> float:
    """dB, the mean over the faces (N, 3, H, W) in [0, 1]."""
    errors = ((made.clamp(0, 1) - wanted) ** 2).mean(dim=(1, 2, 3))
    return float((-10 * errors.log10()).mean())


def row(name: str, trial: Trial) -> str:
    """Train one method and say what came of it."""
    torch.manual_seed(0)
    method = METHODS[name]
    config = method.config(width=trial.width, scale=trial.scale, **ALONE.get(name, {}))
    aligner = METHODS["dic"].network(METHODS["dic"].config(width=trial.width)).aligner if method.needs_aligner else None
    objective = method.objective(method.network(config), aligner)
    dataset = ShardDataset(trial.shards, "train", trial.scale, method.objective.beside(config))
    faces = to_faces(dataset.__getitems__(range(FACES)), torch.device("cpu"))
    bicubic = psnr(F.interpolate(faces.lr, faces.hr.shape[-2:], mode="bicubic"), faces.hr)
    start = time.process_time()
    best, steps = -1.0, 0
    for steps, best in training(objective, faces, trial.rate):  # noqa: B007
        if best >= bicubic + trial.gain or time.process_time() - start > 60 * trial.minutes:
            break
    reached = "yes" if best >= bicubic + trial.gain else "no"
    return (
        f"| {name} | {best:.2f} | {best - bicubic:+.2f} | {steps:,} | {time.process_time() - start:.0f} | {reached} |"
    )


def training(objective: Objective, faces: Faces, rate: float) -> Iterator[tuple[int, float]]:
    """Steps done, and the best PSNR of the faces so far, at every look."""
    optimiser = torch.optim.Adam(objective.trained.parameters(), rate)
    best = -1.0
    for step in count(1):
        loss = objective.loss(objective.trained, faces, None, F.mse_loss, step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(objective.trained.parameters(), 1.0)
        optimiser.step()
        if step % LOOK_EVERY == 0:
            with torch.no_grad():
                best = max(best, psnr(objective.network(faces.lr, None).float(), faces.hr))
            yield step, best


def main() -> None:
    """Print a line a method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rivals = [name for name, method in METHODS.items() if method.rival]
    parser.add_argument("shards", type=Path)
    parser.add_argument("--scale", type=int, default=8)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--gain", type=float, default=2.0)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--methods", nargs="+", choices=rivals, default=rivals)
    given = vars(parser.parse_args())
    methods = given.pop("methods")
    trial = Trial(**given)
    torch.set_num_threads(1)
    print(
        f"{FACES} faces, x{trial.scale}, width {trial.width}\n| method | PSNR | over bicubic | steps | CPU s | reached |",
        flush=True,
    )
    print("|---|---|---|---|---|---|", flush=True)
    for name in methods:
        print(row(name, trial), flush=True)


if __name__ == "__main__":
    main()
