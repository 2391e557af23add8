"""What a build takes and what it refuses, without a detector and in this process."""

import os
from pathlib import Path

import pytest
from annotated import build, in_process, points, write_photo, write_points
from support import rows, run

import fishprep.build

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]


@pytest.fixture
def after_planning(monkeypatch: pytest.MonkeyPatch) -> list:  # type: ignore[type-arg]
    """What is put into this list is called once, between the plan and the first shard."""
    waiting: list = []  # type: ignore[type-arg]
    start = fishprep.build._start

    def then(*arguments: object) -> object:
        result = start(*arguments)  # type: ignore[arg-type]
        while waiting:
            waiting.pop()()
        return result

    monkeypatch.setattr(fishprep.build, "_start", then)
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
