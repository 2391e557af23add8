"""What a build takes and what it refuses, without a detector and in this process."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from annotated import build, in_process, points, write_photo, write_points
from support import rows, run

import fishprep.builds.build
import fishprep.builds.networks
import fishprep.builds.versions
from fishprep.landmarks.annotation import AnnotationBackend
from fishprep.landmarks.base import Face, Query
from fishprep.landmarks.geometry import box_of_points

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]


@pytest.fixture
def after_planning(monkeypatch: pytest.MonkeyPatch) -> list:  # type: ignore[type-arg]
    """What is put into this list is called once, between the plan and the first shard."""
    waiting: list = []  # type: ignore[type-arg]
    start = fishprep.builds.build.start

    def then(*arguments: object) -> object:
        result = start(*arguments)  # type: ignore[arg-type]
        while waiting:
            waiting.pop()()
        return result

    monkeypatch.setattr(fishprep.builds.build, "start", then)
    return waiting


def test_a_photo_that_changed_after_planning(tmp_path: Path, after_planning: list) -> None:  # type: ignore[type-arg]
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number, name in enumerate("abcde"):
        write_photo(photos, name, number)
    later = photos / "d.png"
    whole = later.read_bytes()
    later.unlink()
    later.symlink_to("nowhere")

    def change() -> None:
        write_photo(photos, "b", 77)
        write_points(photos / "c.png", points() * 1.9)
        (photos / "e.png").unlink()

    after_planning.append(change)
    build(photos, out)
    found = {name: (row["status"], row["reason"]) for name, row in rows(out).items()}
    assert {name: status for name, (status, _) in found.items()} == {
        "a": "ok",
        "b": "changed",
        "c": "changed",
        "d": "unreadable",
        "e": "unreadable",
    }
    assert "its bytes" in found["b"][1] and "its points" in found["c"][1]
    assert "sound" in run("fishprep", "verify", out).out
    later.unlink()
    later.write_bytes(whole)
    assert "photos changed" in build(photos, out, code=1).err


def test_a_photo_that_can_be_read_only_after_planning(tmp_path: Path, after_planning: list) -> None:  # type: ignore[type-arg]
    photos, out = tmp_path / "photos", tmp_path / "out"
    photo = write_photo(photos, "a")
    whole = photo.read_bytes()
    photo.unlink()
    os.mkfifo(photo)

    def change() -> None:
        photo.unlink()
        photo.write_bytes(whole)

    after_planning.append(change)
    build(photos, out)
    assert rows(out)["a"]["status"] == "changed"
    run("fishprep", "retry", out, "--status", "changed", "--device", "cpu", "--workers", 1)
    assert rows(out)["a"]["status"] == "ok" and "sound" in run("fishprep", "verify", out).out


def test_a_split_file_is_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved, renamed and written otherwise it is the same; with another line it is not."""
    photos, out, split = tmp_path / "photos", tmp_path / "out", tmp_path / "split.txt"
    for number in range(4):
        write_photo(photos, f"{number}", number)
    split.write_text("0 train\n1 train\n2 val\n3 test\n")
    monkeypatch.chdir(tmp_path)
    build(photos, out, "--split", "split.txt")
    start = json.loads((out / "configuration.json").read_text())
    assert start["configuration"]["split"].startswith("file:") and len(start["configuration"]["split"]) == 69
    assert start["source"]["split"] == str(split)
    moved = tmp_path / "elsewhere.csv"
    split.rename(moved)
    moved.write_text("name,split\n3,test\n\n1,train\n0,train\n2,val\n")
    before = (out / "manifest.json").read_text()
    build(photos, out, "--split", moved)
    assert (out / "manifest.json").read_text() == before
    moved.write_text("name,split\n3,test\n1,train\n0,train\n2,test\n")
    refused = build(photos, out, "--split", moved, code=1).err
    assert "split: file:" in refused and "photos in another split: 1 (2)" in refused


def test_a_build_that_recorded_its_split_file_as_typed(tmp_path: Path) -> None:
    photos, out, split = tmp_path / "photos", tmp_path / "out", tmp_path / "split.txt"
    for number in range(3):
        write_photo(photos, f"{number}", number)
    split.write_text("0 train\n1 train\n2 val\n")
    build(photos, out, "--split", split)
    start = json.loads((out / "configuration.json").read_text())
    start["configuration"]["split"] = "split.txt"
    (out / "configuration.json").write_text(json.dumps(start))
    build(photos, out, "--split", split)
    assert "sound" in run("fishprep", "verify", out).out
    split.write_text("0 train\n1 val\n2 val\n")
    assert "photos in another split: 1 (1)" in build(photos, out, "--split", split, code=1).err


DLIB = ("--landmarks", "dlib")  # as far as the configuration knows


class TwoFaces(AnnotationBackend):
    """A backend that sees the marked face, and another one beside it."""

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        return [[self._face(query, 0), self._face(query, 400)] for query in queries]

    def _face(self, query: Query, shift: int) -> Face:
        moved = (points() + np.array([shift, 0])).astype(np.float32)
        return Face(moved, box_of_points(moved), 1.0, self.name)


def celeba(root: Path) -> Path:
    """Two wide photos of CelebA's wild kind, of persons 7 and 8; only of the first is it known where the person is."""
    for number in (1, 2):
        photo = write_photo(root / "img_celeba", f"{number:06d}", number, side=640, points_too=False)
        photo.rename(photo.with_suffix(".jpg"))
    (root / "identity_CelebA.txt").write_text("000001.jpg 7\n000002.jpg 8\n")
    (root / "list_bbox_celeba.txt").write_text("1\nimage_id x_1 y_1 width height\n000001.jpg 410 10 110 110\n")
    return root


def test_bystanders_have_no_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fishprep.builds.networks, "_backend", lambda *_: TwoFaces())
    source = celeba(tmp_path / "celeba")
    build(source, tmp_path / "all", "--faces", "all", *DLIB)
    found = {name.rpartition("/")[2]: row["identity"] for name, row in rows(tmp_path / "all").items()}
    assert found == {"000001#0": None, "000001#1": "7", "000002#0": None, "000002#1": None}
    build(source, tmp_path / "one", "--faces", "largest", *DLIB)
    assert [row["identity"] for _, row in sorted(rows(tmp_path / "one").items())] == ["7", "8"]
    monkeypatch.setattr(fishprep.builds.networks, "_backend", lambda *_: Crowd())
    build(source, tmp_path / "small", "--faces", "all", "--min-side", 100, *DLIB)
    table = pq.read_table(tmp_path / "small" / "samples.parquet").to_pylist()
    assert {(row["status"], row["identity"]) for row in table} == {("ok", None), ("too_small", None)}


def test_max_drop_counts_photos_and_is_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two photos one gives no sample; the other gives one, and three faces of it are dropped."""
    photos = tmp_path / "photos"
    write_photo(photos, "crowd", 1, side=300)
    write_photo(photos, "nobody", 2, points_too=False)
    (photos / "nobody.png").write_bytes(b"")
    monkeypatch.setattr(fishprep.builds.networks, "_backend", lambda *_: Crowd())
    flags = ("--faces", "all", "--min-side", 100, *DLIB)
    build(photos, tmp_path / "a", *flags, "--max-drop", 0.5)
    assert sorted(row["status"] for row in pq.read_table(tmp_path / "a" / "samples.parquet").to_pylist()) == [
        "ok",
        *["too_small"] * 3,
        "undecodable",
    ]
    assert json.loads((tmp_path / "a" / "manifest.json").read_text())["totals"]["without_sample"] == 1
    said = build(photos, tmp_path / "b", *flags, "--max-drop", 0.49, code=3).err
    assert "50.0% of the photos gave no sample, more than --max-drop 49.0%" in said
    assert "--max-drop" in build(photos, tmp_path / "c", "--max-drop", 50, code=2).err


class Crowd(TwoFaces):
    """One large face and three small ones."""

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        small = [(points() * 0.2 + [20 * k, 200]).astype(np.float32) for k in range(3)]
        return [
            [self._face(query, 0), *(Face(p, box_of_points(p), 1.0, self.name) for p in small)] for query in queries
        ]


@pytest.mark.parametrize("landmarks", ["dlib", "annotation"])
def test_a_file_beside_a_photo_is_an_input_where_it_is_read(tmp_path: Path, landmarks: str) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photo(photos, "a", 1)
    flags = ("--landmarks", landmarks, "--min-side", 200)
    build(photos, out, *flags)
    (rows_file,) = out.glob("train-*.parquet")
    rows_file.unlink()
    write_points(photos / "a.png", (points() + 0.5) * 2.1 - 0.5)
    if landmarks == "annotation":
        refused = build(photos, out, *flags, code=1).err
        assert "the source says something else (points, licence, identity)" in refused and "1 (a)" in refused
        assert "photos changed" not in refused
        return
    build(photos, out, *flags)
    status = rows(out)["a"]["status"]
    assert status != "ok"
    again = ("--status", status, "--min-side", 64, "--landmarks", "annotation", "--device", "cpu", "--workers", 1)
    run("fishprep", "retry", out, *again)
    assert rows(out)["a"]["landmark_backend"] == "annotation"
    assert "sound" in run("fishprep", "verify", out).out


def test_another_library_is_no_resumption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photo(photos, "a")
    build(photos, out)
    known = fishprep.builds.versions.library_versions()
    for name in known:
        monkeypatch.setattr(fishprep.builds.versions, "library_versions", lambda name=name: known | {name: "0.0.1"})
        assert f"{name}: {known[name]} → 0.0.1" in build(photos, out, code=1).err
    monkeypatch.setattr(fishprep.builds.versions, "library_versions", lambda: known)
    build(photos, out)


def test_another_identity_is_no_resumption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fishprep.builds.networks, "_backend", lambda *_: TwoFaces())
    source, out = celeba(tmp_path / "celeba"), tmp_path / "out"
    build(source, out, *DLIB)
    (source / "identity_CelebA.txt").write_text("000001.jpg 7\n000002.jpg 7\n")
    assert "the source says something else" in build(source, out, *DLIB, code=1).err


def test_what_comes_next_can_be_done(tmp_path: Path) -> None:
    """A test set alone is nothing to train on; photos without a split, nothing to validate on."""
    write_photo(tmp_path / "sets", "test/a", 1)
    write_photo(tmp_path / "sets", "val/b", 2)
    said = build(tmp_path / "sets", tmp_path / "out").out
    assert "Next: fishprep report" in said and "fishfsr train" not in said and "no photos to train on" in said
    write_photo(tmp_path / "plain", "a", 1)
    said = build(tmp_path / "plain", tmp_path / "other").out
    assert "then fishfsr train" in said and "with --split 0.9,0.05,0.05 sets some apart" in said
