"""A run that is gone on with, or is over: what it keeps, what it says, and what others read of it."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import support
import torch
import training
from training import losses, request

from fishfsr.errors import TrainingError
from fishfsr.training import precision
from fishfsr.training.journal import MetricsJournal, Note, Trained, TrainingNews, read_metrics
from fishfsr.training.precision import amp
from fishfsr.training.run import run_training
from fishfsr.training.stages import ParsingStage
from fishfsr.training.state import TrainingState
from fishprep.common.stop import StopRequest

SHORT = ("parsing.steps=3", "sr.steps=3", "validation.every=2")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (6,), "val": (4,)})


def interrupted(monkeypatch: pytest.MonkeyPatch, stage: str, step: int, reason: str = "interrupted") -> object:
    """A listener that makes the training believe, from that step on, that it was asked to stop."""

    def listen(news: TrainingNews) -> None:
        if isinstance(news, Trained) and (news.stage, news.step) == (stage, step):
            monkeypatch.setattr(StopRequest, "reason", reason)

    return listen


def test_a_finished_run_says_where_it_stands(shards: Path, tmp_path: Path) -> None:
    words = ["train", shards, "--out", tmp_path / "run", *training.QUICK, *training.steps(3, 2)]
    first = json.loads(support.run("fishfsr", *words, "--json").out)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    plain = [word for word in words if word != "--quiet"]
    ran = support.run("fishfsr", *plain, "--json")
    assert json.loads(ran.out) | {"figures": first["figures"]} == first and first["step"] == 2
    assert "all 2 steps of sr are done already" in ran.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    only = json.loads(support.run("fishfsr", *words, "--stage", "sr", "--json").out)
    assert (only["stage"], only["step"]) == ("sr", 2)


def test_the_weights_at_the_end_of_the_time_are_validated(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reason, validated in (("time", [3]), ("terminated", [])):
        run = tmp_path / reason
        asked = request(shards, run, "parsing.steps=9", "validation.every=100", stage="parsing")
        with monkeypatch.context() as patch:
            step = run_training(asked, interrupted(patch, "parsing", 2, reason)).step
        assert step == 3
        assert [line["step"] for line in read_metrics(run / "metrics.jsonl") if "accuracy" in line] == validated
        assert TrainingState.load(run / "state.safetensors").position.best_step == (validated or [None])[0]


def test_auto_precision_stays_what_it_was(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request(shards, tmp_path / "run", *SHORT, "precision=auto")
    with monkeypatch.context() as patch:
        patch.setattr(precision, "gains_by_bfloat16", lambda device: True)
        run_training(asked, interrupted(patch, "parsing", 1))
    assert TrainingState.load(tmp_path / "run" / "state.safetensors").precision == "bfloat16"
    monkeypatch.setattr(precision, "gains_by_bfloat16", lambda device: False)
    news: list[TrainingNews] = []
    run_training(asked, news.append)
    assert any(isinstance(each, Note) and "| cpu, bfloat16 |" in each.text for each in news)
    unbroken = request(shards, tmp_path / "unbroken", *SHORT, "precision=bfloat16")
    run_training(unbroken, lambda news: None)
    assert losses(tmp_path / "run") == losses(tmp_path / "unbroken")
    run_training(replace(asked, out=tmp_path / "new"), lambda news: None)
    assert TrainingState.load(tmp_path / "new" / "state.safetensors").precision == "float32"
    assert amp("float32", torch.device("cpu"), "bfloat16").name == "float32"


def test_the_backward_pass_is_not_in_autocast(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []
    loss = ParsingStage.loss

    def watched(*arguments: object) -> torch.Tensor:
        forward, found = torch.is_autocast_enabled("cpu"), loss(*arguments)  # type: ignore[arg-type]
        found.register_hook(lambda gradient: seen.append((forward, torch.is_autocast_enabled("cpu"))))
        return found

    monkeypatch.setattr(ParsingStage, "loss", watched)
    run_training(request(shards, tmp_path, *SHORT, "precision=bfloat16", stage="parsing"), lambda news: None)
    assert seen == [(True, False)] * 3


def test_tensorboard_shows_both_stages_and_a_resume_once(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    asked = replace(request(shards, tmp_path, *SHORT, "save_every=1"), tensorboard=True)
    stopped = (("parsing", 1), ("sr", 1))
    for stage, step in stopped:
        with monkeypatch.context() as patch:
            run_training(asked, interrupted(patch, stage, step))
    run_training(asked, lambda news: None)
    events = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    for stage in ("parsing", "sr"):
        shown = {event.step: event.value for event in events.Scalars(f"{stage}/loss")}
        assert len(events.Scalars(f"{stage}/loss")) == 3
        assert shown == pytest.approx({step: losses(tmp_path)[stage, step] for step in (1, 2, 3)})
    assert [event.step for event in events.Scalars("sr/psnr")] == [2, 3]


@pytest.mark.parametrize("at", [("parsing", 2), ("sr", 1)])
def test_a_line_of_the_log_that_was_refused_is_written_by_the_next_run(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: tuple[str, int]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run_training(request(shards, whole, *SHORT, "log_every=1"), lambda news: None)
    write = MetricsJournal.write

    def refuse(journal: MetricsJournal, stage: str, step: int, values: dict[str, float]) -> None:
        if (stage, step) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(journal.path))
        write(journal, stage, step, values)

    with monkeypatch.context() as patch:
        patch.setattr(MetricsJournal, "write", refuse)
        with pytest.raises(TrainingError, match=r"metrics\.jsonl: No space left on device"):
            run_training(request(shards, broken, *SHORT, "log_every=1"), lambda news: None)
    run_training(request(shards, broken, *SHORT, "log_every=1"), lambda news: None)
    assert losses(broken) == losses(whole)
    lines = [
        [(line["stage"], line["step"], "loss" in line) for line in read_metrics(run / "metrics.jsonl")]
        for run in (whole, broken)
    ]
    assert lines[0] == lines[1]
