"""Several processes under torchrun: one training, one end, whatever happens to one of them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import support
import torch
import training
from safetensors.torch import load_file
from training import losses, request

from fishfsr.checkpoint import read_metadata
from fishfsr.training.journal import Trained, read_metrics
from fishfsr.training.run import train

MODEL_8 = (
    "scale=8", "sr.multi_scale_refine=true", "sr.spatial_attention=true", "sr.channel_attention=true",
    "parsing.steps=2", "sr.steps=4", "sr.accumulate=2", "sr.clip=0.5", "sr.ema=0.9", "parsing.accumulate=1",
)  # fmt: skip
"""The whole network of Table III, at the paper's scale."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (9, 7), "val": (5,)})


@pytest.fixture(scope="module")
def whole(shards: Path) -> Path:
    """A run of Model 8 in one process, unbroken."""
    run = shards.parent / "whole"
    train(request(shards, run, *MODEL_8), lambda news: None)
    return run


def torchrun(program: list[str], processes: int = 2, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    around = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(training.__file__).parent), **environment}
    return subprocess.run([*command, *program], capture_output=True, text=True, env=around, timeout=120)


def words(shards: Path, run: Path, *assignments: str) -> list[str]:
    """`fishfsr train` with the settings of `request`."""
    sets = [word for assignment in assignments for word in ("--set", assignment)]
    return support.command("fishfsr", "train", shards, "--out", run, *training.QUICK, *sets)


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "last.safetensors")


def test_model_8_goes_on_to_the_bit(whole: Path, shards: Path, tmp_path: Path) -> None:
    def interrupt(news: object) -> None:
        if isinstance(news, Trained) and (news.stage, news.step) == ("sr", 2):
            os.kill(os.getpid(), signal.SIGINT)

    asked = request(shards, tmp_path, *MODEL_8)
    assert train(asked, interrupt).reason == "interrupted"
    assert train(asked, lambda news: None).reason is None
    assert losses(tmp_path) == losses(whole)
    assert read_metadata(tmp_path / "last.safetensors") == read_metadata(whole / "last.safetensors")
    one, other = weights_of(tmp_path), weights_of(whole)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_train_model_8_as_one(whole: Path, shards: Path, tmp_path: Path) -> None:
    ran = torchrun(words(shards, tmp_path, *MODEL_8))
    assert ran.returncode == 0, ran.stderr
    one, two = losses(whole), losses(tmp_path)
    assert one.keys() == two.keys()
    np.testing.assert_allclose(list(two.values()), list(one.values()), rtol=2e-5)
    for name, weight in weights_of(whole).items():
        torch.testing.assert_close(weights_of(tmp_path)[name], weight, rtol=1e-3, atol=1e-5)
    for name in ("accuracy", "psnr", "ssim", "bicubic_psnr"):
        values = [
            [line[name] for line in read_metrics(run / "metrics.jsonl") if name in line] for run in (whole, tmp_path)
        ]
        np.testing.assert_allclose(values[1], values[0], rtol=1e-5)
    details = [read_metadata(run / "last.safetensors").details for run in (whole, tmp_path)]
    assert details[0].training == details[1].training
