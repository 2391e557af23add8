"""Trying again: from the recorded plan, never from what the source looks like now."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from annotated import build, in_process, points, write_photo, write_points
from support import rows, run

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
    run("fishprep", *retry, "--status", "too_small")
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
