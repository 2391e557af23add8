"""Small shards of known pictures, and small pairs, for the tests of evaluation."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_up_shards import RECIPE, attributes, samples
from torch import nn

from fishfsr.checkpoint import Checkpoint, Details, save_checkpoint
from fishfsr.evaluation import EvaluationSettings, evaluate
from fishfsr.evaluation.evaluate import Evaluation
from fishfsr.registry import create_model
from fishprep.shards.writer import write_shard

SMALL = {"width": 8, "blocks": 1, "blocks_above": 1}
"""Of TaperNet, which reads the map and computes nothing at the HR size."""


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """7 test faces in two shards, and 2 for validation."""
    folder = tmp_path_factory.mktemp("shards")
    write_shard(folder / "test-00000.h5", samples(4), attributes())
    write_shard(folder / "test-00001.h5", samples(3, seed=1), attributes())
    write_shard(folder / "val-00000.h5", samples(2, "val"), attributes())
    return folder


@pytest.fixture
def save(tmp_path: Path, lively: Callable[..., nn.Module]) -> Callable[..., Path]:
    """A function that saves a small pair at x8 near to bicubic, with changes, and gives the path."""
    numbers = itertools.count()

    def write(recipe: str | None = RECIPE, sr_only: bool = False, **options: Any) -> Path:
        path = tmp_path / f"run{next(numbers)}" / "best.safetensors"
        sr = create_model("tapernet_x8", **SMALL | options)
        parsing = create_model("parsingnet_x8", width=4, blocks=1)
        pair = Checkpoint(lively(parsing, 3), lively(sr, 4), Details(recipe=recipe, training={"steps": 5}))
        assert pair.sr_net is not None
        with torch.no_grad():  # a lively network is far from any face: bring its part of the sum down
            pair.sr_net.last.weight.mul_(0.05)
        save_checkpoint(path, replace(pair, parsing_net=None) if sr_only else pair)
        return path

    return write


@pytest.fixture
def evaluated(shards: Path) -> Callable[..., Evaluation]:
    """A function that evaluates a checkpoint without identity, unless told otherwise."""

    def run(path: Path, folder: Path = shards, **settings: Any) -> Evaluation:
        small = {"identity": "none", "shown": 1, "batch": 3, "resamples": 200, "device": "cpu"}
        chosen = EvaluationSettings(**small | settings)
        return evaluate(path, folder, chosen, lambda *news: None)

    return run
