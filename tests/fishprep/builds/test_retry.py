"""Trying again: from the recorded plan, never from what the source looks like now."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from annotated import build, in_process, move, points, write_photo, write_points
from here import Here
from support import rows, run

import fishprep.builds.retry
import fishprep.builds.versions
from fishprep.builds.configuration import IN_RECIPE
from fishprep.builds.folder import BuildFolder
from fishprep.builds.networks import WeightsFrom
from fishprep.builds.request import OVERRIDES, RetryRequest
from fishprep.builds.retry import retry
from fishprep.common.errors import ConfigurationError
from fishprep.engines import ENGINES
from fishprep.sources import SourceRequest, open_source

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

RETRY = ("--device", "cpu", "--workers", 1)


@pytest.fixture
def helen(tmp_path: Path) -> Path:
    """24 photos as Helen has them, too small for `--min-side 200`."""
    folder = tmp_path / "helen"
    for number in range(24):
        part = "testset" if number % 4 == 0 else "trainset"
        write_photo(folder, f"{part}/{number:02d}", number, side=128)
    return folder


def test_splits_are_those_of_the_plan(helen: Path, tmp_path: Path) -> None:
    """One photo more in the source, and a drawn split would be another."""
    out = tmp_path / "out"
    build(helen, out, "--source", "helen", "--split", "dic", "--min-side", 200, "--shard-size", 4)
    before = {name: row["split"] for name, row in rows(out).items()}
    assert set(before.values()) == {"train", "val", "test"}
    write_photo(helen, "trainset/0", 99)
    write_photo(helen, "testset/a", 98)
    run("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, *RETRY)
    after = rows(out)
    assert {name: row["split"] for name, row in after.items()} == before
    assert {row["status"] for row in after.values()} == {"ok"} and "sound" in run("fishprep", "verify", out).out


def test_a_photo_is_the_one_with_the_recorded_path(tmp_path: Path) -> None:
    """`a.jpg` beside `a.png` would take its name: the ids of a new listing are others."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photo(photos, "a", 1, side=128)
    build(photos, out, "--min-side", 200)
    (photos / "a.jpg").write_bytes(write_photo(tmp_path, "other", 7).read_bytes())
    run("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, *RETRY)
    assert {name: (row["path"], row["status"]) for name, row in rows(out).items()} == {"a": ("a.png", "ok")}


def test_a_split_that_cannot_be_drawn_any_more_is_not_needed(tmp_path: Path) -> None:
    photos, out, split = tmp_path / "photos", tmp_path / "out", tmp_path / "split.txt"
    for number in range(4):
        write_photo(photos, f"{number}", number, side=128)
    split.write_text("0 train\n1 train\n2 val\n3 test\n")
    build(photos, out, "--split", split, "--min-side", 200)
    split.write_text("0 test\n1 test\n2 test\n3 test\nnobody train\n")
    run("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, *RETRY)
    assert [row["split"] for _, row in sorted(rows(out).items())] == ["train", "train", "val", "test"]
    assert "sound" in run("fishprep", "verify", out).out


def test_a_photo_that_changed_since_the_plan(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    kept = write_photo(photos, "a", 1, side=128).read_bytes()
    build(photos, out, "--min-side", 200)
    write_photo(photos, "a", 2, side=128)
    retry = ("retry", out, "--min-side", 64, *RETRY)
    run("fishprep", *retry, "--status", "too_small", code=3)
    row = rows(out)["a"]
    assert row["status"] == "changed" and "since the build was planned" in row["reason"]
    (photos / "a.png").write_bytes(kept)
    run("fishprep", *retry, "--status", "changed")
    assert rows(out)["a"]["status"] == "ok" and "sound" in run("fishprep", "verify", out).out


def test_points_that_were_mended_are_taken_and_recorded(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photo = write_photo(photos, "a", 1)
    photo.with_suffix(".pts").write_text("no points\n")
    build(photos, out)
    assert rows(out)["a"]["status"] == "bad_annotation"
    write_points(photo, points() * 2)
    run("fishprep", "retry", out, "--status", "bad_annotation", *RETRY)
    assert rows(out)["a"]["status"] == "ok"
    planned = pq.read_table(out / "plan.parquet").to_pylist()[0]["annotation"]
    recorded = json.loads((out / "retry-0001.json").read_text())["annotations"]
    assert list(recorded) == ["a"] and recorded["a"] != planned


@pytest.fixture
def two_shards(tmp_path: Path) -> tuple[Path, Path]:
    """4 photos that are too small, in a build of two specs of which nothing was kept but the last photo."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number in range(4):
        write_photo(photos, f"{number}", number, side=256 if number == 3 else 128)
    build(photos, out, "--min-side", 200, "--shard-size", 2)
    return photos, out


def lose(out: Path, name: str) -> None:
    for path in out.glob(f"{name}.*"):
        path.unlink()


AGAIN = ("--status", "too_small", "--min-side", 64, *RETRY)


def test_a_retry_does_not_take_the_number_of_a_lost_shard(two_shards: tuple[Path, Path]) -> None:
    photos, out = two_shards
    lose(out, "train-00001")
    refused = run("fishprep", "retry", out, *AGAIN, code=1).err
    assert "1 shard of the build missing, the first train-00001" in refused and "fishprep build" in refused
    assert not list(out.glob("retry-*"))
    build(photos, out, "--min-side", 200, "--shard-size", 2)
    run("fishprep", "retry", out, *AGAIN)
    lose(out, "train-00001")
    build(photos, out, "--min-side", 200, "--shard-size", 2)
    assert {name: row["shard"] for name, row in rows(out).items()} == {
        **dict.fromkeys("01", "train-00002"),
        "2": "train-00003",
        "3": "train-00001",
    }
    assert "sound" in run("fishprep", "verify", out).out


def test_numbers_of_a_retry_that_was_deleted_stay_taken(two_shards: tuple[Path, Path]) -> None:
    photos, out = two_shards
    run("fishprep", "retry", out, *AGAIN)
    write_photo(photos, "3", 9, side=256)  # changed: every further retry drops it
    first, second = out / "retry-0001.json", out / "retry-0002.json"
    taken = json.loads(first.read_text())
    second.write_text(json.dumps(taken | {"photos": [], "specs": []}))
    first.unlink()
    run("fishprep", "verify", out, "--repair", code=None)
    run("fishprep", "retry", out, *AGAIN)
    record = json.loads((out / "retry-0003.json").read_text())
    assert min(number for _, number in record["specs"]) > max(number for _, number in taken["specs"])


def test_a_shard_of_somebody_elses_in_the_folder_is_not_replaced(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photo(photos, "a", 1, side=128)
    build(photos, out, "--min-side", 200)
    (out / "train-00001.h5").write_bytes(b"mine")
    run("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, *RETRY)
    assert (out / "train-00001.h5").read_bytes() == b"mine" and (out / "train-00002.h5").exists()


def test_a_build_whose_number_an_earlier_version_gave_away_can_be_finished(two_shards: tuple[Path, Path]) -> None:
    """As it was left behind: the retry's shard has the number of the build's lost one."""
    photos, out = two_shards
    run("fishprep", "retry", out, *AGAIN)
    lose(out, "train-00001")
    record = json.loads((out / "retry-0001.json").read_text())
    record["specs"] = [["train", 1], ["train", 2]]
    (out / "retry-0001.json").write_text(json.dumps(record))
    move(out, "train-00003", "train-00001")
    again = ("--min-side", 200, "--shard-size", 2)
    refused = build(photos, out, *again, code=1).err
    for words in ("train-00001.parquet holds other photos than the plan gives it", "retry-0001.json", "delete"):
        assert words in refused
    for name in ("train-00001", "train-00002", "retry-0001"):
        lose(out, name)
    build(photos, out, *again)
    assert "sound" in run("fishprep", "verify", out).out
    run("fishprep", "retry", out, *AGAIN)
    assert {row["status"] for row in rows(out).values()} == {"ok"}


def test_a_retry_never_changes_the_recipe(two_shards: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = two_shards
    listing = open_source(SourceRequest(two_shards[0])).listing().photos
    assert not set(OVERRIDES) & {*IN_RECIPE, "shard_size", "split", "seed", "source", "weights"}
    other: dict[str, Any] = {
        "resizer": "matlab-bicubic",
        "crop": "chip",
        "parser": "bisenet",
        "skin_classes": ("nose",),
    }
    for name, value in other.items():
        request = RetryRequest(out, listing, ("too_small",), {name: value}, WeightsFrom())
        with pytest.raises(ConfigurationError, match=f"cannot change {name}"):
            retry(request, 1, lambda news: None)
    known = fishprep.builds.retry.resolve
    monkeypatch.setattr(fishprep.builds.retry, "resolve", lambda *given: replace(known(*given), recipe="0" * 64))
    assert "could not be mixed" in run("fishprep", "retry", out, *AGAIN, code=1).err
    assert not list(out.glob("retry-*")) and "sound" in run("fishprep", "verify", out).out


def test_a_stopped_retry_is_taken_up_by_the_same_libraries_alone(
    two_shards: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out = two_shards
    run("fishprep", "retry", out, *AGAIN)
    lose(out, "train-00003")
    known = fishprep.builds.versions.library_versions()
    monkeypatch.setattr(fishprep.builds.versions, "library_versions", lambda: known | {"numpy": "0.0.1"})
    assert "numpy: " in run("fishprep", "retry", out, *AGAIN, code=1).err
    monkeypatch.undo()
    monkeypatch.setitem(ENGINES, "local", Here)
    run("fishprep", "retry", out, *AGAIN)
    assert "sound" in run("fishprep", "verify", out).out


def test_points_that_changed_while_a_retry_was_stopped(two_shards: tuple[Path, Path]) -> None:
    photos, out = two_shards
    run("fishprep", "retry", out, *AGAIN)
    lose(out, "train-00003")
    write_points(photos / "2.png", points() * 0.9)
    assert "what the source says of its photos" in run("fishprep", "retry", out, *AGAIN, code=1).err


@pytest.mark.parametrize("at", ["write_rows_of_all", "write_manifest"])
def test_a_retry_that_was_killed_at_its_very_end_is_not_done_twice(
    two_shards: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Its last shard stood, and the manifest did not tell of it."""
    _, out = two_shards
    again = ("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, *RETRY)
    name = {"write_rows_of_all": "samples_to_write", "write_manifest": "write_manifest"}[at]

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BuildFolder, name, stop)
        run(*again, code=130)
    before = {path.name: path.read_bytes() for path in out.glob("*.h5")}
    run(*again)
    assert {path.name: path.read_bytes() for path in out.glob("*.h5")} == before
    assert len(list(out.glob("retry-*.json"))) == 1
    assert "sound" in run("fishprep", "verify", out).out
    assert {row["status"] for row in rows(out).values()} == {"ok"}


def test_of_several_tries_the_last_one_counts(two_shards: tuple[Path, Path]) -> None:
    _, out = two_shards
    run("fishprep", "retry", out, "--status", "too_small", "--min-side", 190, *RETRY)
    run("fishprep", "retry", out, *AGAIN)
    table = pq.read_table(out / "samples.parquet")
    assert sorted(table["photo"].to_pylist()) == ["0", "1", "2", "3"] and set(table["status"].to_pylist()) == {"ok"}
    totals = json.loads((out / "manifest.json").read_text())["totals"]
    assert (totals["photos"], totals["samples"], totals["dropped"]) == (4, 4, 0)
