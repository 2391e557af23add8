"""Small shards of drawn faces, and the settings of a training that takes a second."""

import os
import signal
from pathlib import Path

import numpy as np
import torch

from fishfsr.training.config import parse_assignments, resolve_training
from fishfsr.training.journal import Trained, TrainingNews, read_metrics
from fishfsr.training.request import TrainingRequest
from fishfsr.training.run import run_training
from fishprep.common.files import write_text
from fishprep.faces.pyramid import lr_pyramid
from fishprep.shards import schema
from fishprep.shards.schema import LR_SIZES
from fishprep.shards.writer import Samples, write_shard

SCALE = 2
QUICK = (
    *("--device", "cpu", "--scale", SCALE, "--quiet"),
    *("--set", "parsing.width=8", "--set", "parsing.blocks=1", "--set", "parsing.batch_size=4"),
    *("--set", "sr.width=8", "--set", "sr.batch_size=4", "--set", "sr.multi_scale_refine=false"),
    *("--set", "sr.spatial_attention=false", "--set", "sr.channel_attention=false"),
    *("--set", "log_every=1", "--set", "save_every=3", "--set", "validation.every=4", "--set", "validation.faces=4"),
)
"""Of both networks; the numbers of steps are left to the test."""


def steps(parsing: int, sr: int) -> tuple[str, ...]:
    return ("--set", f"parsing.steps={parsing}", "--set", f"sr.steps={sr}")


def drawn(count: int, split: str, seed: int = 0) -> Samples:
    """Faces of a kind: an ellipse of skin on a coloured ground, with its true map."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:128, :128]
    centre, radii = rng.uniform(48, 80, (count, 2, 1, 1)), rng.uniform(25, 45, (count, 2, 1, 1))
    inside = ((x - centre[:, 0]) / radii[:, 0]) ** 2 + ((y - centre[:, 1]) / radii[:, 1]) ** 2 < 1
    ground, skin = rng.integers(0, 140, (count, 1, 1, 3)), rng.integers(150, 256, (count, 1, 1, 3))
    hr = np.where(inside[..., None], skin, ground).astype(np.uint8)
    return Samples(
        images={128: hr, **lr_pyramid(hr, "torch-bicubic")},
        skin={
            s: np.ascontiguousarray(inside[:, 64 // s :: 128 // s, 64 // s :: 128 // s].astype(np.uint8))
            for s in (128, *LR_SIZES)
        },
        classes=None,
        landmarks=np.zeros((count, 68, 2), np.float32),
        boxes=np.tile(np.array([0, 0, 128, 128], np.float32), (count, 1)),
        ids=[f"{split}/{seed}/{number}" for number in range(count)],
        split=split,
    )


def write(folder: Path, counts: dict[str, tuple[int, ...]], recipe: str = "r" * 64, crop: str = "square") -> Path:
    """Shards of the given numbers of samples, by split."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, sizes in counts.items():
        for number, count in enumerate(sizes):
            attributes = {
                "producer": "test",
                "configuration": f'{{"crop": "{crop}"}}',
                "recipe": recipe,
                "inputs": f"{split}{number}",
                "versions": "{}",
                "weights": "{}",
            }
            write_shard(folder / schema.ShardName(split, number).file, drawn(count, split, number), attributes)
    return folder


def losses(run: Path) -> dict[tuple[str, int], float]:
    """Every logged loss by stage and step."""
    return {
        (line["stage"], line["step"]): line["loss"] for line in read_metrics(run / "metrics.jsonl") if "loss" in line
    }


def curves_in_words(metrics: Path, picture: Path) -> None:
    """In the place of `draw_curves`, which takes more than the rest of such a training: the log under the picture's name."""
    write_text(picture, metrics.read_text())


def request(shards: Path, run: Path, *assignments: str, **others: object) -> TrainingRequest:
    """What `fishfsr train` would ask for with QUICK and these settings."""
    asked = [word for word in QUICK if "=" in str(word)] + list(assignments)
    config = resolve_training("paper", parse_assignments([str(word) for word in asked]), {"scale": SCALE})
    return TrainingRequest((shards,), run, config, device="cpu", **others)  # type: ignore[arg-type]


def train_and_die(request: TrainingRequest, stage: str, step: int) -> None:
    """Train until `step` of `stage` is logged, then end as a loss of power would."""

    def listen(news: TrainingNews) -> None:
        if isinstance(news, Trained) and (news.stage, news.step) == (stage, step):
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    run_training(request, listen)
