"""In which order files get their names, and that each is safe when it does: a swap of two writes, or a flush less, is seen here."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import training
from order import told
from stubs import STUB, StubEngine, settings

import fishprep
from fishfsr.training import loop
from fishfsr.training.folder import RunFolder
from fishfsr.training.run import run_training
from fishfsr.upscaling.record import Fate, InputRow, Journal, Record, read_upscale_record
from fishprep.engines import ENGINES

NUMBERS = ("train-00000", "train-00001", "val-00000")
BEGIN = ["create configuration.json", "put plan.parquet"]
END = ["put samples.parquet", "put manifest.json"]  # whoever sees a manifest finds all that it speaks of
KEEP = [
    "flush metrics.jsonl",
    "put state.safetensors",
]  # no state counts on weights, or lines of the log, that may be lost


def shards(*names: str) -> list[str]:
    """Rows make a shard count, so they come when it is safe."""
    return [f"put {name}{end}" for name in names for end in (".h5", ".parquet")]


def listed(*names: str) -> list[str]:
    """Those of a retry, whose workers read their photos in a list that stands as long."""
    return ["put retry-0001.parquet", *shards(*names), "remove retry-0001.parquet", "flush ."]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    (tmp_path / "split.txt").write_text("a train\nb train\nc train\nd val\n")
    (tmp_path / "photos").mkdir()
    for name, side in zip("abcd", (120, 90, 120, 120), strict=True):
        (tmp_path / "photos" / f"{name}.png").write_text(json.dumps({"side": side, "shade": 7}))
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "out"


@pytest.fixture
def built(photos: Path, out: Path) -> Path:
    build(photos, out)
    return out


def build(photos: Path, out: Path, **options: bool) -> None:
    fishprep.build(photos, out, settings(photos.with_name("split.txt"), 100), engine=STUB, **options)


def retry(out: Path, **options: bool) -> None:
    fishprep.retry(out, "too_small", fishprep.RetrySettings(min_side=60, workers=1), engine=STUB, **options)


def extend(photos: Path, out: Path, **options: bool) -> None:
    for name in "ef":
        (photos / f"{name}.png").write_text(json.dumps({"side": 120, "shade": 9}))
    photos.with_name("split.txt").write_text("a train\nb train\nc train\nd val\ne train\nf test\n")
    fishprep.extend(out, settings=fishprep.ExtendSettings(workers=1), engine=STUB, **options)


def test_a_build(photos: Path, out: Path) -> None:
    with told(out) as events:
        build(photos, out)
    assert events == ["make ..", "make .", "flush ..", *BEGIN, *shards(*NUMBERS), *END]


def test_a_build_that_was_stopped(photos: Path, built: Path) -> None:
    (built / "manifest.json").unlink()
    (built / "train-00001.parquet").unlink()
    (built / ".val-00000.h5.1.tmp").touch()
    with told(built) as events:
        build(photos, built)
    swept = ["remove val-00000.h5~", "remove train-00001.h5", "flush ."]
    assert events == [*swept, *shards("train-00001"), *END]


def test_a_build_that_was_stopped_before_its_plan(photos: Path, built: Path) -> None:
    for path in built.iterdir():
        if path.name not in ("configuration.json", ".lock"):
            path.unlink()
    with told(built) as events:
        build(photos, built)
    assert events == ["put plan.parquet", *shards(*NUMBERS), *END]


def test_a_retry_is_recorded_before_its_shards(built: Path) -> None:
    with told(built) as events:
        retry(built)
    assert events == ["create retry-0001.json", *listed("train-00002"), *END]


def test_an_extension_is_recorded_before_its_shards(photos: Path, built: Path) -> None:
    with told(built) as events:
        extend(photos, built)
    assert events == ["create extend-0001.parquet", *shards("train-00002", "test-00000"), *END]


def test_an_extension_is_removed_rows_first_and_its_record_last(photos: Path, built: Path) -> None:
    extend(photos, built)
    (built / "train-00002.h5").unlink()
    with told(built) as events:
        extend(photos, built, overwrite=True)
    removed = ["remove train-00002.parquet", "remove test-00000.parquet", "flush .", "remove test-00000.h5", "flush ."]
    again = ["create extend-0001.parquet", *shards("train-00002", "test-00000"), *END]
    assert events == [*removed, "remove extend-0001.parquet", "flush .", *END, *again]


def test_a_retry_is_removed_rows_first_and_its_record_last(built: Path) -> None:
    retry(built)
    (built / "train-00002.h5").unlink()
    with told(built) as events:
        retry(built, overwrite=True)
    removed = ["remove train-00002.parquet", "flush .", "flush .", "remove retry-0001.json", "flush ."]
    assert events == [*removed, *END, "create retry-0001.json", *listed("train-00002"), *END]


def test_a_repair(built: Path) -> None:
    (built / "train-00001.parquet").unlink()
    with told(built) as events:
        fishprep.verify(built, repair=True)
    assert events == ["put train-00001.parquet", *END]


def test_an_overwritten_build_is_known_for_one_until_nothing_is_left(photos: Path, built: Path) -> None:
    retry(built)
    with told(built) as events:
        build(photos, built, overwrite=True)
    withdrawn = [[f"remove {name}{end}" for name in sorted((*NUMBERS, "train-00002"))] for end in (".parquet", ".h5")]
    record = ["remove retry-0001.json", "flush ."]  # after its shards, which would else pass for the build's
    tables = ["remove manifest.json", "remove samples.parquet", "flush ."]
    marks = ["remove plan.parquet", "remove configuration.json", "flush ."]
    removed = [*withdrawn[0], "flush .", *withdrawn[1], "flush .", *record, *tables, *marks]
    assert events == [*removed, *BEGIN, *shards(*NUMBERS), *END]


@pytest.fixture
def cheap_curves(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without matplotlib, which takes seconds to load."""
    monkeypatch.setattr(loop, "draw_curves", training.curves_in_words)


def test_a_training(tmp_path: Path, cheap_curves: None) -> None:
    faces = training.write(tmp_path / "shards", {"train": (4,), "val": (2,)})
    settings = ("parsing.steps=3", "sr.steps=1", "save_every=2", "validation.every=2")
    asked = training.request(faces, tmp_path / "run", *settings)
    with told(tmp_path / "run") as events:
        run_training(asked, lambda news: None)
    validated = "put parsing.safetensors"
    assert [event for event in events if event != validated] == [
        *("make .", "flush ..", "put configuration.json"),
        *("put parsing-last.safetensors", *KEEP),  # after two steps
        *("put parsing-last.safetensors", *KEEP, "put curves.png"),
        *("put best.safetensors", "put last.safetensors", *KEEP, "put curves.png"),
    ]
    assert events.index(validated) == 3, "the best weights stand before a state that tells of them"
    with told(tmp_path / "run") as events:
        run_training(asked, lambda news: None)
    assert events == ["put metrics.jsonl", "put configuration.json"]


def test_a_run_that_is_removed_is_not_gone_on_from(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for name in ("state", "metrics", "configuration"):
        getattr(folder, name).touch()
    folder.best("sr").touch()
    with told(tmp_path) as events:
        folder.clear()
    names = ("state.safetensors", "best.safetensors", "metrics.jsonl", "configuration.json")
    assert events == [event for name in names for event in (f"remove {name}", "flush .")]


def test_rows_of_an_upscale_stand_in_the_record_before_they_leave_the_journal(tmp_path: Path) -> None:
    """Else a kill between the two has every picture made again."""
    row = InputRow("/photos/a.png", "a", Fate.LEFT_ALONE)
    with Journal(tmp_path) as journal:
        journal.add(row)
    with told(tmp_path) as events:
        Record({}, {}, {row.path: row}).write(tmp_path)
    assert events == ["put faces.json", "remove faces.jsonl"]
    assert read_upscale_record(tmp_path) == Record({}, {}, {row.path: row})
