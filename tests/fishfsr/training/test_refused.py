"""What a training takes and what it refuses: settings, shards, folders, precisions; what ends it in the middle."""

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import support
import torch
import training
from safetensors import safe_open
from training import losses, request

from fishfsr.errors import DeviceError
from fishfsr.training.journal import Trained
from fishfsr.training.precision import amp
from fishfsr.training.run import run_training
from fishfsr.training.state import TrainingState
from fishprep.common.errors import ConfigurationError


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (9, 7), "val": (5,), "test": (2,)})


def test_a_loss_that_is_no_number_stops_it(shards: Path, tmp_path: Path) -> None:
    words = (
        "train",
        shards,
        "--out",
        tmp_path / "run",
        *training.QUICK,
        *training.steps(30, 1),
        "--set",
        "parsing.lr=1e30",
    )
    ran = support.run("fishfsr", *words, "--set", "save_every=1", code=1)
    assert re.search(r"parsing, step \d+: the loss is", ran.err) and "parsing.lr" in ran.err
    (kept,) = (tmp_path / "run").glob("not-finite-*.safetensors")
    with safe_open(kept, framework="pt") as file:
        assert file.get_tensor("hr").shape == (4, 128, 128, 3) and file.metadata()["ids"].count("train/") == 4


def test_a_shard_damaged_on_the_way_stops_it_with_a_state(tmp_path: Path) -> None:
    folder = training.write(tmp_path / "shards", {"train": (9, 7), "val": (2,)})
    whole = (folder / "train-00001.h5").read_bytes()

    def damage(news: object) -> None:
        if isinstance(news, Trained) and news.step == 3:
            os.truncate(folder / "train-00001.h5", 5000)

    asked = request(folder, tmp_path / "run", "parsing.steps=20", "sr.steps=1", "save_every=1000", stage="parsing")
    with pytest.raises(Exception, match=r"train-00001\.h5: changed or damaged") as error:
        run_training(asked, damage)
    assert type(error.value).__name__ == "ShardError"
    stopped = TrainingState.load(tmp_path / "run" / "state.safetensors").position.step
    assert 3 <= stopped < 20
    (folder / "train-00001.h5").write_bytes(whole)
    run_training(asked, lambda news: None)
    run_training(
        request(folder, tmp_path / "again", "parsing.steps=20", "sr.steps=1", "save_every=1000", stage="parsing"),
        lambda news: None,
    )
    assert losses(tmp_path / "run") == losses(tmp_path / "again")


@pytest.mark.parametrize("name", ["best.safetensors", "configuration.json", "tensorboard/events.out.tfevents.1"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_are_no_runs_are_not_replaced(shards: Path, tmp_path: Path, name: str, overwrite: bool) -> None:
    """A run begins by removing what an earlier one left: not a model of somebody's, nor the records of a build."""
    mine = tmp_path / "models" / name
    mine.parent.mkdir(parents=True)
    mine.write_text('{"configuration": {}}')
    with pytest.raises(ConfigurationError, match=f"{name}.* no run"):
        run_training(request(shards, tmp_path / "models", overwrite=overwrite), lambda news: None)
    assert mine.read_text() == '{"configuration": {}}' and not (tmp_path / "models" / "state.safetensors").exists()


def test_bad_input_in_words(shards: Path, tmp_path: Path) -> None:
    empty = training.write(tmp_path / "empty", {"val": (4,)})
    run = ("--out", tmp_path / "run", "--device", "cpu")
    assert "no shards of the split 'train'; there are val" in support.run("fishfsr", "train", empty, *run, code=1).err
    other = training.write(tmp_path / "other", {"train": (2,)}, recipe="s" * 64, crop="dic")
    assert "different recipes" in support.run("fishfsr", "train", shards, other, *run, code=1).err
    assert "unknown key 'sr.widht'" in support.run("fishfsr", "train", shards, *run, "--set", "sr.widht=8", code=1).err
    file = tmp_path / "settings.toml"
    file.write_text("[validation]\nevry = 3\n")
    assert (
        "unknown key 'validation.evry'" in support.run("fishfsr", "train", shards, *run, "--config", file, code=1).err
    )
    assert "needs a CUDA device" in support.run("fishfsr", "train", shards, *run, "--set", "compile=true", code=1).err
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "state.safetensors").write_bytes(b"no state")
    assert "holds no run that wrote it" in support.run("fishfsr", "train", shards, *run, code=1).err
    (tmp_path / "run" / "configuration.json").write_text('{"configuration": {}, "shards": [], "identity": {}}')
    assert "not a training state" in support.run("fishfsr", "train", shards, *run, code=1).err


def test_a_file_sets_what_flags_do_not(shards: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        'scale = 2\nseed = 5\npreset = "laptop"\nstage = "parsing"\ndevice = "cpu"\n[parsing]\nwidth = 8\nsteps = 9\n'
    )
    words = ("--out", tmp_path / "run", "--config", file, "--seed", 6)
    support.run("fishfsr", "train", shards, *words, "--set", "parsing.steps=2")
    assert not (tmp_path / "run" / "best.safetensors").exists(), "the file's own stage"
    config = json.loads((tmp_path / "run" / "configuration.json").read_text())["configuration"]
    assert (config["preset"], config["scale"], config["seed"]) == ("laptop", 2, 6)
    assert config["parsing"]["width"] == 8 and config["parsing"]["steps"] == 2 and config["parsing"]["ema"] > 0


def test_bfloat16_trains_and_float16_is_not_replaced(shards: Path, tmp_path: Path) -> None:
    settings = ("parsing.steps=4", "sr.steps=1", "precision=bfloat16")
    run_training(request(shards, tmp_path / "run", *settings, stage="parsing"), lambda news: None)
    assert all(math.isfinite(loss) for loss in losses(tmp_path / "run").values())
    plain = request(shards, tmp_path / "plain", *settings[:2], stage="parsing")
    run_training(plain, lambda news: None)
    one, other = (list(losses(tmp_path / run).values()) for run in ("run", "plain"))
    np.testing.assert_allclose(one, other, rtol=0.05)
    assert one != other
    with pytest.raises(DeviceError, match="float16 needs a CUDA device"):
        amp("float16", torch.device("cpu"))
