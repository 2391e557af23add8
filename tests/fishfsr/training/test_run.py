"""A training from the command to its files: it learns, it goes on exactly, it stops well, it says what is wrong."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import support
import torch
import training
from PIL import Image
from safetensors.torch import load_file
from training import losses, request
from warm import Started, warm

import fishfsr
from fishfsr.checkpoint import Checkpoint, load_checkpoint, read_metadata, save_checkpoint
from fishfsr.data import ShardDataset
from fishfsr.errors import CheckpointError
from fishfsr.metrics import psnr
from fishfsr.registry import create_model
from fishfsr.training import loop
from fishfsr.training.config import resolve_training
from fishfsr.training.curves import draw_curves
from fishfsr.training.journal import Trained, read_metrics
from fishfsr.training.request import TrainingRequest, init_settings
from fishfsr.training.run import run_training
from fishfsr.training.state import TrainingState


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (9, 7), "val": (5,), "test": (2,)})


@pytest.fixture(scope="module")
def finished(shards: Path) -> Path:
    """A run of 60 and 10 steps; a module's tests look at it, none changes it."""
    run = shards.parent / "finished"
    arguments = (
        "--set",
        "parsing.lr=5e-3",
        "--set",
        "sr.lr=2e-3",
        "--set",
        "sr.ema=0.9",
        "--set",
        "sr.global_residual=true",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "draw_curves", draw_curves)
        support.run("fishfsr", "train", shards, "--out", run, *training.QUICK, *training.steps(60, 10), *arguments)
    return run


def test_it_learns(finished: Path) -> None:
    found = losses(finished)
    assert list(found) == [("parsing", step) for step in range(1, 61)] + [("sr", step) for step in range(1, 11)]
    parsing = [found["parsing", step] for step in range(1, 61)]
    assert np.mean(parsing[-10:]) < 0.5 * np.mean(parsing[:10])
    accuracy = [line["accuracy"] for line in read_metrics(finished / "metrics.jsonl") if "accuracy" in line]
    assert max(accuracy) > 0.85


def test_what_it_leaves(finished: Path, shards: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    weights = {"parsing.safetensors", "parsing-last.safetensors", "best.safetensors", "last.safetensors"}
    assert names == weights | {"configuration.json", "metrics.jsonl", "curves.png", "state.safetensors", ".lock"}
    details = read_metadata(finished / "best.safetensors").details
    assert details.recipe == "r" * 64 and details.scale == training.SCALE and details.protocol == "reference"
    assert details.training["shards"]["crop"] == "square", "who upscales photos must crop as the shards were"
    assert details.training["configuration"]["sr"]["width"] == 8 and details.training["faces"] == 16
    resolved = json.loads((finished / "configuration.json").read_text())
    assert resolved["configuration"]["sr"]["lr"] == 2e-3 and resolved["precision"] == "float32"
    with Image.open(finished / "curves.png") as picture:
        assert picture.width > 1000


def test_the_figures_are_those_of_the_saved_weights(finished: Path, shards: Path) -> None:
    """Validation, recomputed from the checkpoint by the public library alone."""
    resolver = fishfsr.load(finished / "best.safetensors", device="cpu")
    dataset = ShardDataset(shards, "val", training.SCALE)
    values = []
    for index in (0, 1, 2, 3):  # four of five, evenly spread
        sample = dataset[index]
        hr, lr = (part.permute(2, 0, 1)[None].float() / 255 for part in (sample.hr, sample.lr))
        values.append(psnr(resolver.upscale(lr), hr, training.SCALE).item())
    results = read_metadata(finished / "best.safetensors").details.results
    assert results["psnr"] == pytest.approx(np.mean(values), abs=1e-3)
    best = max(line["psnr"] for line in read_metrics(finished / "metrics.jsonl") if "psnr" in line)
    assert results["psnr"] == best


def test_stage_two_leaves_parsing_net_alone(finished: Path) -> None:
    first = load_checkpoint(finished / "parsing.safetensors").parsing_net
    second = load_checkpoint(finished / "last.safetensors").parsing_net
    assert first is not None and second is not None
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_killed_five_times_it_goes_on_to_the_bit(shards: Path, tmp_path: Path) -> None:
    settings = ("parsing.steps=7", "sr.steps=9", "sr.ema=0.9", "sr.clip=0.5", "sr.accumulate=2", "sr.schedule=cosine")
    settings += ("sr.batch_size=2", "validation.faces=2")
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    run_training(request(shards, unbroken, *settings), lambda news: None)
    context = warm()
    rng = np.random.default_rng()
    kills = [
        ("parsing", int(rng.integers(1, 7))),
        *(("sr", int(step)) for step in np.sort(rng.choice(np.arange(1, 9), 4))),
    ]
    for stage, step in kills:
        child = context.Process(target=training.train_and_die, args=(request(shards, broken, *settings), stage, step))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL, kills
    run_training(request(shards, broken, *settings), lambda news: None)
    assert losses(broken) == losses(unbroken), kills
    for name in ("best", "last", "parsing"):
        one, other = (run / f"{name}.safetensors" for run in (broken, unbroken))
        assert read_metadata(one) == read_metadata(other), kills
        weights = [load_file(path) for path in (one, other)]
        assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0].keys() | weights[1].keys()), (
            kills
        )


def test_ctrl_c_saves_and_says_how_to_go_on(shards: Path, tmp_path: Path, finished: Path) -> None:
    run, unbroken = tmp_path / "run", tmp_path / "unbroken"
    arguments = ["--stage", "parsing", *training.QUICK, *training.steps(40, 1), "--set", "save_every=1000"]
    support.run("fishfsr", "train", shards, "--out", unbroken, *arguments)
    settings = ("parsing.steps=40", "sr.steps=1", "save_every=1000")

    def interrupt(news: object) -> None:
        if isinstance(news, Trained) and news.step == 11:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = run_training(request(shards, run, *settings, stage="parsing"), interrupt)
    assert (outcome.reason, outcome.stage) == ("interrupted", "parsing") and outcome.step in (11, 12)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert TrainingState.load(run / "state.safetensors").position.step == outcome.step
    support.run("fishfsr", "train", shards, "--out", run, *arguments)
    assert losses(run) == losses(unbroken)


def test_sigterm_ends_with_143_and_the_command_to_go_on(shards: Path, tmp_path: Path) -> None:
    words = [
        "train",
        shards,
        "--out",
        tmp_path / "run",
        *training.QUICK,
        *training.steps(100_000, 1),
        "--set",
        "log_every=5",
    ]
    words.remove("--quiet")
    process = Started(tmp_path, "fishfsr", *words)
    while "images/s" not in process.said():
        assert process.poll() is None, process.said()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 143, rest
    assert "saved. To go on:" in rest and str(tmp_path / "run") in rest and "Traceback" not in rest
    assert TrainingState.load(tmp_path / "run" / "state.safetensors").position.step >= 5


def test_the_time_is_up(shards: Path, tmp_path: Path) -> None:
    words = ("train", shards, "--out", tmp_path / "run", *training.QUICK, *training.steps(100_000, 1))
    ran = support.run("fishfsr", *words, "--max-minutes", 0.01, "--json")
    outcome = json.loads(ran.out)
    assert outcome["stopped"] == "time" and outcome["step"] >= 1 and "To go on" in ran.err
    assert load_checkpoint(tmp_path / "run" / "parsing-last.safetensors").parsing_net is not None


def test_accumulated_parts_make_the_same_step(shards: Path, tmp_path: Path) -> None:
    settings = ("parsing.steps=6", "sr.steps=1", "parsing.lr=1e-3")
    for name, parts in (("one", 1), ("four", 4)):
        run_training(
            request(shards, tmp_path / name, *settings, f"parsing.accumulate={parts}", stage="parsing"),
            lambda news: None,
        )
    np.testing.assert_allclose(
        list(losses(tmp_path / "four").values()), list(losses(tmp_path / "one").values()), rtol=1e-5
    )


def test_a_run_is_not_mixed_with_another(shards: Path, finished: Path, tmp_path: Path) -> None:
    words = ("train", shards, "--out", finished, *training.QUICK, *training.steps(60, 10))
    ran = support.run("fishfsr", *words, code=1)
    assert "parsing.lr: 0.005 → 0.0001" in ran.err and "--overwrite" in ran.err
    assert "--resume" in support.run("fishfsr", *words, "--no-resume", code=1).err
    other = training.write(tmp_path / "other", {"train": (4,), "val": (2,)})
    run = tmp_path / "run"
    short = ("--out", run, *training.QUICK, *training.steps(2, 1), "--stage", "parsing")
    support.run("fishfsr", "train", shards, *short)
    assert "training shards" in support.run("fishfsr", "train", other, *short, code=1).err
    support.run("fishfsr", "train", other, *short, "--overwrite")
    assert len(losses(run)) == 2


def test_one_stage_after_the_other_is_both(shards: Path, tmp_path: Path) -> None:
    words = ("train", shards, *training.QUICK, *training.steps(3, 3))
    missing = support.run("fishfsr", *words, "--out", tmp_path / "two", "--stage", "sr", code=1)
    assert "needs a trained ParsingNet" in missing.err and "--init" in missing.err
    for stage in ("parsing", "sr"):
        support.run("fishfsr", *words, "--out", tmp_path / "two", "--stage", stage)
    support.run("fishfsr", *words, "--out", tmp_path / "one")
    assert losses(tmp_path / "two") == losses(tmp_path / "one")
    assert "is over" in support.run("fishfsr", *words, "--out", tmp_path / "one", "--stage", "parsing", code=1).err


def test_fine_tuning_starts_from_the_weights_given(shards: Path, finished: Path, tmp_path: Path) -> None:
    init = finished / "best.safetensors"
    words = (
        "train",
        shards,
        "--out",
        tmp_path / "run",
        "--init",
        init,
        "--scale",
        training.SCALE,
        "--device",
        "cpu",
        "--stage",
        "sr",
    )
    quick = ("--set", "sr.steps=1", "--set", "sr.lr=1e-12", "--set", "validation.every=0", "--set", "sr.batch_size=4")
    support.run("fishfsr", *words, *quick)
    for net in ("parsing_net", "sr_net"):
        before, after = (getattr(load_checkpoint(path), net) for path in (init, tmp_path / "run" / "best.safetensors"))
        assert before.config == after.config
        for one, other in zip(before.parameters(), after.parameters(), strict=True):
            torch.testing.assert_close(one, other, atol=1e-9, rtol=0)
    ran = support.run("fishfsr", *words, *quick, "--set", "sr.width=12", "--overwrite", code=1)
    assert "sr.width = 12, but the network in" in ran.err
    authors = tmp_path / "authors.safetensors"
    save_checkpoint(authors, Checkpoint(sr_net=create_model("authors_fishfsrnet_x4", width=4)))
    refused = support.run("fishfsr", "train", shards, "--out", tmp_path / "other", "--init", authors, code=1)
    assert "cannot be trained here" in refused.err


def test_a_damaged_state_is_refused(finished: Path, tmp_path: Path) -> None:
    whole = (finished / "state.safetensors").read_bytes()
    for content in (whole[:1000], b"", (finished / "best.safetensors").read_bytes()):
        path = tmp_path / "state.safetensors"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"state\.safetensors"):
            TrainingState.load(path)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_it_learns_on_cuda(shards: Path, tmp_path: Path, precision: str, compiled: bool) -> None:
    settings = (
        "parsing.steps=60",
        "sr.steps=4",
        "parsing.lr=5e-3",
        f"precision={precision}",
        f"compile={str(compiled).lower()}",
    )
    asked = request(shards, tmp_path / "run", *settings)
    run_training(TrainingRequest(asked.shards, asked.out, asked.config, device="cuda"), lambda news: None)
    found = [loss for (stage, _), loss in losses(tmp_path / "run").items() if stage == "parsing"]
    assert np.mean(found[-10:]) < 0.5 * np.mean(found[:10])


def test_tapernet_trains_resumes_and_is_gone_on_with(shards: Path, tmp_path: Path) -> None:
    sets = ("sr.architecture=tapernet", "sr.blocks=1", "sr.multi_scale_refine=true", "sr.spatial_attention=true")
    settings = (*sets, "sr.channel_attention=true", "parsing.steps=2", "sr.lr=2e-3")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run_training(request(shards, whole, *settings, "sr.steps=6"), lambda news: None)
    child = warm().Process(
        target=training.train_and_die, args=(request(shards, parts, *settings, "sr.steps=6"), "sr", 4)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    run_training(request(shards, parts, *settings, "sr.steps=6"), lambda news: None)
    assert (parts / "last.safetensors").read_bytes() == (whole / "last.safetensors").read_bytes()
    again = init_settings(whole / "last.safetensors")
    assert again["sr"]["architecture"] == "tapernet" and again["sr"]["blocks"] == 1


@pytest.mark.parametrize("preset", ["gpu", "laptop"])
def test_a_preset_makes_its_steps_narrowed_on_a_cpu(preset: str, shards: Path, tmp_path: Path) -> None:
    narrow = {"width": 8, "batch_size": 2}
    layers = {
        "scale": 2,
        "compile": False,
        "log_every": 1,
        "parsing": {**narrow, "steps": 2},
        "sr": {**narrow, "steps": 3},
        "validation": {"faces": 2},
        "degradation": {"name": "wild", "share": 0.7},
    }
    config = resolve_training(preset, layers)
    run_training(TrainingRequest((shards,), tmp_path / "run", config, device="cpu"), lambda news: None)
    assert len(losses(tmp_path / "run")) == 5 and np.isfinite(list(losses(tmp_path / "run").values())).all()
    said = read_metadata(tmp_path / "run" / "best.safetensors").details.training["configuration"]
    assert said["preset"] == preset and said["degradation"]["name"] == "wild" and said["degradation"]["share"] == 0.7
    assert said["degradation"]["jpeg"] == [40, 95]
