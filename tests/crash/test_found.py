"""What the machines found, shrunken: each was a fault once."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import training
from fuse import Killed, fused
from stubs import STUB, StubEngine, settings
from train_machine import SETTINGS, ends

import fishprep
from fishfsr.checkpoint import Checkpoint, save_checkpoint
from fishfsr.errors import CheckpointError, TrainingError
from fishfsr.registry import create_model
from fishfsr.training import loop
from fishfsr.training.journal import MetricsJournal
from fishfsr.training.run import run_training
from fishfsr.training.state import FORMAT, FORMAT_VERSION, TrainingState, _header
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import atomic, sweep_abandoned
from fishprep.common.tensors import save_tensors
from fishprep.engines import ENGINES


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build of one shard, and a photo that was dropped."""
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    (tmp_path / "photos").mkdir()
    (tmp_path / "split.txt").write_text("a train\nb val\n")
    for name, side in (("a", 120), ("b", 90)):
        (tmp_path / "photos" / f"{name}.png").write_text(json.dumps({"side": side, "shade": 7}))
    build(tmp_path / "out")
    return tmp_path / "out"


def build(out: Path, **options: bool) -> None:
    fishprep.build(out.with_name("photos"), out, settings(out.with_name("split.txt"), 100), engine=STUB, **options)


def retry(out: Path) -> None:
    fishprep.retry(out, "too_small", fishprep.RetrySettings(min_side=60, workers=1), engine=STUB)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_a_retry_that_is_refused_removes_nothing(out: Path) -> None:
    """Rows of the build were lost: their shard, which `verify --repair` needs, was taken for a leftover."""
    whole = contents(out)
    (out / "train-00000.parquet").unlink()
    with pytest.raises(BuildError, match="1 shard of the build missing, the first train-00000"):
        retry(out)
    fishprep.verify(out, repair=True)
    assert contents(out) == whole


def test_a_retry_beside_a_lost_shard_is_refused(out: Path) -> None:
    """Its rows stand, so that only a look at the shard tells."""
    whole = contents(out)
    del whole["train-00000.h5"]
    (out / "train-00000.h5").unlink()
    with pytest.raises(BuildError, match="1 shard of the build missing, the first train-00000"):
        retry(out)
    assert contents(out) == whole


@pytest.mark.parametrize("side", [90, 91])
def test_a_photo_of_which_a_retry_alone_has_rows_must_be_the_one_of_then(out: Path, side: int) -> None:
    """The build's own rows were lost, the photo became another one of the same size: one build held both, and was called sound."""
    retry(out)
    (out / "val-00000.parquet").unlink()
    whole, photo = contents(out), out.with_name("photos") / "b.png"
    photo.write_text(json.dumps({"side": side, "shade": 7}))  # written anew, or another one
    if side == 90:
        build(out)
        assert not fishprep.verify(out).problems
    else:
        with pytest.raises(ConfigurationError, match=r"photos changed: 1 \(b\)"):
            build(out)
        assert contents(out) == whole


def test_what_a_retry_found_changed_is_no_word_on_a_photo(out: Path) -> None:
    """Its row says what the bytes were by then: those of the build, which came back, are right."""
    photo = out.with_name("photos") / "b.png"
    meant = photo.read_bytes()
    photo.write_text(json.dumps({"side": 95, "shade": 7}))
    retry(out)
    photo.write_bytes(meant)
    build(out)
    assert not fishprep.verify(out).problems


def test_a_shard_that_was_cut_is_made_anew(out: Path) -> None:
    """Seen by no test once: that `build` looks at the sizes of shards, where `verify` reads them."""
    whole = contents(out)
    (out / "train-00000.h5").write_bytes(whole["train-00000.h5"][:-1])
    build(out)
    assert contents(out) == whole


def test_a_build_that_was_removed_in_part_keeps_no_shard_that_nobody_speaks_of(out: Path) -> None:
    """`--overwrite` was killed when a retry's record was gone and its shards were not: `build` took them for its own."""
    retry(out)
    whole, removed, left = contents(out), 0, ["plan.parquet"]
    while "plan.parquet" in left:
        shutil.rmtree(out)
        out.mkdir()
        for name, content in whole.items():
            (out / name).write_bytes(content)
        with pytest.raises(Killed), fused(out, removed):
            build(out, overwrite=True)
        removed += 1
        left = sorted(contents(out))
        build(out)
        problems = fishprep.verify(out).problems
        assert all("the same `fishprep retry` goes on" in problem for problem in problems), (left, problems)
        if problems:
            retry(out)
        assert not (out / "retry-0001.json").exists() or contents(out) == whole
    assert removed > 10


@pytest.mark.parametrize("removed", [2, 5])
def test_a_run_that_was_removed_in_part_is_begun_anew(
    removed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--overwrite` was killed while it removed the run: without it, a state was gone on with whose best weights were gone."""
    monkeypatch.setattr(loop, "draw_curves", training.curves_in_words)
    shards = training.write(tmp_path / "shards", {"train": (3,), "val": (2,)})
    run = tmp_path / "run"
    asked = training.request(shards, run, *SETTINGS)
    run_training(asked, lambda news: None)
    whole = ends(run)
    anew = training.request(shards, run, *SETTINGS, overwrite=True)
    with pytest.raises(Killed), fused(run, removed):
        run_training(anew, lambda news: None)
    run_training(asked, lambda news: None)
    assert ends(run) == whole


def _said(run: Path, header: dict[str, object], tensors: dict[str, torch.Tensor]) -> None:
    state = TrainingState.load(run / "state.safetensors")
    texts = {name: json.dumps(value) for name, value in _header(state).items()}
    texts |= {name: json.dumps(value) for name, value in header.items()}
    save_tensors(
        run / "state.safetensors",
        dict(state.tensors) | tensors,
        {"format": FORMAT, "format_version": FORMAT_VERSION, **texts},
    )


def test_a_state_that_says_nonsense_is_named(tmp_path: Path) -> None:
    """Each of these ended in a traceback, some of them after a step."""
    shards = training.write(tmp_path / "shards", {"train": (3,)})
    run, settings = tmp_path / "run", (*SETTINGS, "parsing.steps=1")
    run_training(training.request(shards, run, *settings, stage="parsing"), lambda news: None)
    whole = (run / "state.safetensors").read_bytes()
    state = TrainingState.load(run / "state.safetensors")
    position, name = _header(state)["position"], "optimizer.0.exp_avg"
    for header, tensors in (
        ({"configuration": {"seed": "x"}}, {}),
        ({"configuration": []}, {}),
        ({"identity": 7}, {}),
        ({"position": position | {"stage": "cooking"}}, {}),
        ({"position": position | {"losses": ["much"]}}, {}),
        ({"precision": "int3"}, {}),
        ({}, {name: torch.zeros(3)}),
    ):
        (run / "state.safetensors").write_bytes(whole)
        _said(run, header, tensors)
        with pytest.raises(CheckpointError, match="state"):
            run_training(training.request(shards, run, *settings, stage="parsing"), lambda news: None)


def test_a_line_of_the_log_that_was_damaged_is_named(tmp_path: Path) -> None:
    """What came behind it was lost without a word."""
    journal = MetricsJournal(tmp_path / "metrics.jsonl")
    for step in (1, 2, 3, 4):
        journal.write("parsing", step, {"loss": 0.5})
    lines = journal.path.read_bytes().splitlines(keepends=True)
    for damaged in (
        b"\xff\n",
        b"5\n",
        b'{"stage": "cooking", "step": 2}\n',
        b'{"stage": "parsing", "step": 2, "loss": "x"}\n',
    ):
        journal.path.write_bytes(b"".join([lines[0], damaged, *lines[2:]]))
        with pytest.raises(TrainingError, match=r"metrics\.jsonl: line 2 is damaged; mend it"):
            journal.rewind("parsing", 3)
        journal.path.write_bytes(b"".join([*lines[:3], damaged]))  # behind the state: as a kill leaves it
        journal.rewind("parsing", 3)
        assert journal.path.read_bytes() == b"".join(lines[:3])


def test_what_a_killed_writer_of_one_file_left_is_swept_by_the_next(tmp_path: Path) -> None:
    """`models pack`, `import` and `export` have no lock of a folder that would tell whether a temporary file is somebody's."""
    path, others = tmp_path / "pair.safetensors", tmp_path / ".other.safetensors.1.tmp"
    others.touch()
    with atomic(path) as alive:
        left = tmp_path / ".pair.safetensors.1.tmp"
        left.touch()
        sweep_abandoned(path)
        assert alive.exists() and not left.exists() and others.exists()
    network = create_model("parsingnet_x8", width=8, blocks=1)
    left.touch()
    save_checkpoint(path, Checkpoint(network))  # type: ignore[arg-type]
    assert path.exists() and not left.exists()
