"""What the best weights are chosen by: which faces, which of them count, and what happens without any."""

import json
import math
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import support
import torch
import training
from training import losses, request

from fishfsr.checkpoint import load_checkpoint, read_metadata
from fishfsr.data import ShardDataset, to_faces
from fishfsr.metrics import psnr
from fishfsr.training.journal import Note, TrainingNews, Validated, read_metrics
from fishfsr.training.run import run_training
from fishfsr.training.stages import bicubic
from fishfsr.training.state import TrainingState

SHORT = ("parsing.steps=2", "sr.steps=2", "validation.every=1")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (6,), "val": (4,)})


def strict_lines(run: Path) -> list[dict[str, float]]:
    """metrics.jsonl as any JSON reader takes it: NaN and Infinity are none."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in (run / "metrics.jsonl").read_text().splitlines()]


def flat_grey(folder: Path, *faces: int) -> None:
    """Make validation faces that bicubic restores exactly."""
    with h5py.File(folder / "val-00000.h5", "r+") as shard:
        for size in shard["image"]:
            for face in faces:
                shard["image"][size][face] = np.full(
                    shard["image"][size].shape[1:], 128, np.uint8
                )  # h5py spreads one slowly


def said(news: list[TrainingNews]) -> str:
    return "\n".join(each.text for each in news if isinstance(each, Note))


def test_a_face_of_infinite_psnr_is_in_no_mean(shards: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(shards, tmp_path / "shards")
    flat_grey(folder, 1)
    asked = request(folder, tmp_path / "run", *SHORT, "sr.steps=1", "validation.faces=4")
    news: list[TrainingNews] = []
    assert run_training(asked, news.append).reason is None
    faces = to_faces(ShardDataset(folder, "val", training.SCALE).__getitems__([0, 2, 3]), torch.device("cpu"))
    expected = psnr(bicubic(faces.lr, training.SCALE), faces.hr, training.SCALE).mean().item()
    (line,) = [line for line in strict_lines(tmp_path / "run") if "psnr" in line]
    assert line["bicubic_psnr"] == pytest.approx(expected) and line["left_out"] == 1
    results = read_metadata(tmp_path / "run" / "best.safetensors").details.results
    assert results["bicubic_psnr"] == line["bicubic_psnr"] and math.isfinite(results["psnr"])
    assert [each.left_out for each in news if isinstance(each, Validated)] == [0, 0, 1]
    assert run_training(asked, lambda news: None).reason is None, "it goes on, too"


def test_where_every_face_is_perfect_the_newest_weights_are_kept(shards: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(shards, tmp_path / "shards")
    flat_grey(folder, 0, 1, 2, 3)
    asked = request(folder, tmp_path / "run", *SHORT, "validation.faces=4")
    assert run_training(asked, lambda news: None).checkpoint == tmp_path / "run" / "best.safetensors"
    lines = [line for line in strict_lines(tmp_path / "run") if line["stage"] == "sr" and "loss" not in line]
    assert lines == [{"stage": "sr", "step": step, "left_out": 4} for step in (1, 2)]
    kept = [load_checkpoint(tmp_path / "run" / f"{name}.safetensors").sr_net for name in ("best", "last")]
    assert all(torch.equal(one, other) for one, other in zip(*(net.state_dict().values() for net in kept), strict=True))


def test_an_evaluation_leaves_a_perfect_face_out_too(shards: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(shards, tmp_path / "shards")
    run_training(request(folder, tmp_path / "run", *SHORT), lambda news: None)
    flat_grey(folder, 1)
    words = ("eval", tmp_path / "run", folder, "--split", "val", "--device", "cpu", "--identity", "none")
    support.run("fishfsr", *words, "--out", tmp_path / "eval")
    figures = json.loads((tmp_path / "eval" / "summary.json").read_text())["figures"]
    assert figures["bicubic"]["psnr"]["left_out"] == 1 and math.isfinite(figures["gain"]["psnr"]["mean"])


def test_the_best_is_measured_anew_when_other_faces_validate(shards: Path, tmp_path: Path) -> None:
    """On flat faces the accuracy of the first sitting is 1, which nothing later could beat."""
    run, folder = tmp_path / "run", shutil.copytree(shards, tmp_path / "shards")
    with h5py.File(folder / "val-00000.h5", "r+") as shard:
        for size in shard["skin"]:
            shard["skin"][size][0] = 0
    few = ("parsing.steps=12", "parsing.lr=5e-3", "validation.every=3", "save_every=1", "validation.faces=1")

    def stop(news: TrainingNews) -> None:
        if isinstance(news, Validated) and news.step == 3:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError):
        run_training(request(folder, run, *few, "validation.faces=1", stage="parsing"), stop)
    first = TrainingState.load(run / "state.safetensors").position
    assert (first.best, first.best_step) == (1.0, 3)
    news: list[TrainingNews] = []
    run_training(request(folder, run, *few, "validation.faces=4", stage="parsing"), news.append)
    last = TrainingState.load(run / "state.safetensors").position
    lines = {line["step"]: line["accuracy"] for line in read_metrics(run / "metrics.jsonl") if "accuracy" in line}
    assert last.best == max(lines[step] for step in (6, 9, 12)) < 1 and last.best_step > 3
    assert "the best of parsing so far, after step 3, measured on the faces that validate now: accuracy 0." in said(
        news
    )
    assert read_metadata(run / "parsing.safetensors").details.training["step"] == last.best_step
    again: list[TrainingNews] = []
    run_training(request(folder, run, *few, "validation.faces=4", stage="parsing"), again.append)
    assert "so far" not in said(again)


def test_other_validation_shards_do_not_stop_a_run(shards: Path, tmp_path: Path) -> None:
    own = training.write(tmp_path / "own", {"train": (6,)})
    run, settings = tmp_path / "run", ("parsing.steps=2", "validation.every=1")
    run_training(request(own, run, *settings, stage="parsing"), lambda news: None)
    more = training.write(tmp_path / "more", {"val": (3,)})
    both = request(own, run, *settings, stage="parsing")
    run_training(both.__class__((own, more), run, both.config, "parsing", device="cpu"), lambda news: None)
    assert TrainingState.load(run / "state.safetensors").position.best_step == 2, "validated though all steps were done"


def test_validation_is_collected_over_all_inputs(shards: Path, tmp_path: Path) -> None:
    helen = training.write(tmp_path / "helen", {"train": (4,), "test": (2,)})
    spare = training.write(tmp_path / "spare", {"test": (2,)})
    words = (*training.QUICK, *training.steps(2, 1), "--stage", "parsing")
    plain = [word for word in words if word != "--quiet"]
    ran = support.run("fishfsr", "train", shards, helen, spare, "--out", tmp_path / "run", *plain)
    assert "10 faces, x2" in ran.err and "nothing is validated" not in ran.err
    assert f"{spare}: nothing to train on in it; its shards are of test" in ran.err
    files = (shards / "train-00000.h5", shards / "val-00000.h5")
    support.run("fishfsr", "train", *files, "--out", tmp_path / "files", *words)
    assert any("accuracy" in line for line in read_metrics(tmp_path / "files" / "metrics.jsonl"))


def test_without_validation_faces_it_trains_and_says_so(tmp_path: Path) -> None:
    folder = training.write(tmp_path / "photos", {"train": (6,)})
    words = [word for word in (*training.QUICK, *training.steps(2, 2)) if word != "--quiet"]
    ran = support.run("fishfsr", "train", folder, "--out", tmp_path / "run", *words)
    assert "no shards of the split 'val'" in ran.err and "nothing is validated" in ran.err
    assert "newest weights are kept as the best" in ran.err and "best.safetensors" in ran.out
    assert len(losses(tmp_path / "run")) == 4
    best, last = (load_checkpoint(tmp_path / "run" / f"{name}.safetensors").sr_net for name in ("best", "last"))
    assert all(torch.equal(a, b) for a, b in zip(best.parameters(), last.parameters(), strict=True))


def test_a_folder_named_twice_counts_once(shards: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(shards)
    once = ShardDataset(shards, scale=2)
    many = ShardDataset([shards, link, shards / ".", shards / "train-00000.h5"], scale=2)
    assert len(many) == len(once) == 6 and many.fingerprint == once.fingerprint


def test_the_line_names_what_bicubic_has_and_the_difference(shards: Path, tmp_path: Path) -> None:
    words = [word for word in (*training.QUICK, *training.steps(1, 1)) if word != "--quiet"]
    ran = support.run("fishfsr", "train", shards, "--out", tmp_path / "run", *words)
    (line,) = [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if "psnr" in line]
    gain = line["psnr"] - line["bicubic_psnr"]
    text = f"PSNR-Y {line['psnr']:.2f} dB (bicubic {line['bicubic_psnr']:.2f}, so {gain:+.2f})"
    assert text in ran.err and text in ran.out


def test_an_infinite_norm_is_null_in_the_journal(tmp_path: Path) -> None:
    from fishfsr.training.journal import MetricsJournal

    (tmp_path / "metrics.jsonl").write_text('{"stage": "sr", "step": 1, "gradient_norm": Infinity}\n')
    journal = MetricsJournal(tmp_path / "metrics.jsonl")
    journal.rewind("sr", 1)
    journal.write("sr", 2, {"gradient_norm": math.inf, "loss": float(np.float64(0.1))})
    assert strict_lines(tmp_path) == [
        {"stage": "sr", "step": 1, "gradient_norm": None},
        {"stage": "sr", "step": 2, "gradient_norm": None, "loss": 0.1},
    ]
