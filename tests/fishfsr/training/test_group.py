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
from failing_rank import fail_at
from safetensors.torch import load_file
from sittings import Sitting, grouped, left_behind, sit
from training import losses, request

from fishfsr.checkpoint import read_metadata
from fishfsr.errors import ConfigurationError, DeviceError
from fishfsr.training.journal import Trained, read_metrics
from fishfsr.training.ranks import process_group
from fishfsr.training.run import run_training
from fishfsr.training.state import TrainingState

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
    run_training(request(shards, run, *MODEL_8), lambda news: None)
    return run


def torchrun(program: list[str], processes: int = 2, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    paths = os.pathsep.join([str(Path(training.__file__).parent), os.environ.get("PYTHONPATH", "")])
    around = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, **environment}
    return subprocess.run([*command, *program], capture_output=True, text=True, env=around, timeout=300)


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
    assert run_training(asked, interrupt).reason == "interrupted"
    assert run_training(asked, lambda news: None).reason is None
    assert losses(tmp_path) == losses(whole)
    assert read_metadata(tmp_path / "last.safetensors") == read_metadata(whole / "last.safetensors")
    one, other = weights_of(tmp_path), weights_of(whole)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_train_model_8_as_one(whole: Path, shards: Path, tmp_path: Path) -> None:
    ran = torchrun(words(shards, tmp_path, *MODEL_8))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("written: ") == 1, "one process speaks"
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


def test_a_process_that_fails_stops_the_others_with_a_state(shards: Path, tmp_path: Path) -> None:
    """Whatever fails, wherever: no process is left waiting, and what was trained so far is saved."""
    places = {"opening": None, "reading": 3, "backward": 3, "validating": 4, "speaking": 3, "saving": None}
    assert grouped(fail_at, 2, shards, tmp_path, tuple(places)) == [0, 0]
    for place, step in places.items():
        culprit = 0 if place in ("speaking", "saving") else 1
        for rank in (0, 1):
            assert (tmp_path / f"{place} {rank}").read_text() == ("ShardError" if rank == culprit else "PeerError")
        state = tmp_path / place / "state.safetensors"
        assert state.exists() == (step is not None)
        assert step is None or TrainingState.load(state).position.step == step
    settings = ("parsing.steps=6", "save_every=1000", "validation.every=4")
    run_training(request(shards, tmp_path / "unbroken", *settings, stage="parsing"), lambda news: None)
    for place in ("backward", "validating"):
        run_training(request(shards, tmp_path / place, *settings, stage="parsing"), lambda news: None)
        lines, expected = (read_metrics(tmp_path / run / "metrics.jsonl") for run in (place, "unbroken"))
        assert [(line["step"], "loss" in line) for line in lines] == [
            (line["step"], "loss" in line) for line in expected
        ]
        np.testing.assert_allclose(
            list(losses(tmp_path / place).values()), list(losses(tmp_path / "unbroken").values()), rtol=2e-5
        )


def test_fewer_validation_faces_than_processes(shards: Path, tmp_path: Path) -> None:
    one = ("parsing.steps=2", "validation.every=1", "validation.faces=1")
    assert sit(request(shards, tmp_path / "two", *one, "sr.steps=1"), Sitting(2)) == [0, 0]
    run_training(request(shards, tmp_path / "one", *one, "sr.steps=1"), lambda news: None)
    for name in ("accuracy", "psnr", "ssim"):
        found, expected = (
            [line[name] for line in read_metrics(tmp_path / run / "metrics.jsonl") if name in line]
            for run in ("two", "one")
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are told by /proc")
def test_nothing_of_a_group_is_left_when_it_ends(tmp_path: Path) -> None:
    """A thread of gloo that lives on until the interpreter ends takes the process along with it, now and then."""
    assert grouped(left_behind, 2, tmp_path) == [0, 0]
    assert [(tmp_path / name).read_text() for name in "01"] == ["[]", "[]"]


@pytest.mark.parametrize(
    ("device", "message"),
    [("cuda", "'cuda' is not there: this machine shows 0"), ("gpu", "unknown device 'gpu'"), ("cuda:1", "use cuda")],
)
def test_devices_of_a_group_are_looked_at_before_it_forms(
    device: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((DeviceError, ConfigurationError), match=message), process_group(device):
        pass
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DeviceError, match="'cuda:2' is not there: this machine shows 2"), process_group("auto"):
        pass
