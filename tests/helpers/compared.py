"""Small shards with landmarks and classes, and the words of a comparison that takes seconds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import training

from fishprep.shards import schema
from fishprep.shards.writer import write_shard

COUNTS = {"train": 8, "val": 2, "test": 4}
QUICK = (
    "--device",
    "cpu",
    "--identity",
    "none",
    "--recipe",
    "common",
    "--width",
    8,
    "--width",
    "parsingnet=8",
    "--show",
    1,
)
FACES = (
    "--scale",
    4,
    "--budget",
    "12faces",
    "--set",
    "sr.batch_size=4",
    "--set",
    "parsing.batch_size=4",
    "--set",
    "parsing.blocks=1",
    "--set",
    "log_every=1",
)


def write(folder: Path, classes: bool = True) -> Path:
    for split, count in COUNTS.items():
        samples = training.drawn(count, split)
        landmarks = np.random.default_rng(1).uniform(30, 100, (count, 68, 2)).astype(np.float32)
        attributes = {
            "producer": "test",
            "configuration": "{}",
            "recipe": "r" * 64,
            "inputs": split,
            "versions": "{}",
            "weights": "{}",
        }
        made = replace(samples, landmarks=landmarks, classes=samples.skin[128].copy() if classes else None)
        write_shard(folder / schema.ShardName(split, 0).file, made, attributes)
    return folder
