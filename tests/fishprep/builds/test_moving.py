"""Shards that were moved on purpose: known by their hashes, not built again, not needed by what reads rows."""

import json
import os
import shutil
from pathlib import Path

import pytest
from annotated import build, in_process, write_photo
from here import Here
from storages import interrupted_at
from support import Ran, rows, run, shards

from fishprep.engines import ENGINES
from fishprep.storage.folder import FolderStorage

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]


def move(out: Path, *more: object, code: int | None = 0) -> Ran:
    return run("fishprep", "move", out, *more, code=code)


def built_in(folder: Path) -> tuple[Path, Path]:
    """A folder of 5 photos, of which one is too small, and its build: 3 shards."""
    photos, out = folder / "photos", folder / "out"
    for number in range(5):
        write_photo(photos, f"{number}", number, side=100 if number == 3 else 200)
    build(photos, out, "--shard-size", 2, "--min-side", 100)
    return photos, out


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, Path]:
    return built_in(tmp_path)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same build, for tests that work on copies of it and need no photos."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        return built_in(tmp_path_factory.mktemp("once"))[1]


@pytest.fixture
def away(built: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path, Path]:
    """Photos, the build, and the place of its shards."""
    photos, out = built
    move(out, tmp_path / "large")
    assert not shards(out)
    return photos, out, tmp_path / "large"


def test_nothing_is_built_again_for_want_of_what_was_moved(away: tuple[Path, Path, Path]) -> None:
    photos, out, large = away
    before = shards(large)
    assert len(before) == 3
    done = build(photos, out, "--shard-size", 2, "--min-side", 100, "--json")
    assert json.loads(done.out)["built"] == 0 and not shards(out)
    write_photo(photos, "7", 7)
    told = json.loads(run("fishprep", "extend", out, "--workers", 1, "--json").out)
    assert told["added"] == {"train": 1} and list(shards(out)) == ["train-00003.h5"]
    again = ("--status", "too_small", "--min-side", 64, "--workers", 1, "--device", "cpu", "--json")
    assert json.loads(run("fishprep", "retry", out, *again).out)["built"] == 1
    assert {row["status"] for row in rows(out).values()} == {"ok"}
    assert "sound" in run("fishprep", "verify", out, "--deep").out, "read where they are"
    assert shards(large) == before
    move(out, large)
    assert len(shards(large)) == 5 and not shards(out)
    move(out, "--back")
    assert shards(out) == shards(large) and not (out / "moved.json").exists()
    assert "sound" in run("fishprep", "verify", out).out


def test_what_cannot_be_reached(away: tuple[Path, Path, Path], tmp_path: Path) -> None:
    photos, out, large = away
    page = tmp_path / "page.html"
    run("fishprep", "report", out, "--html", page)
    shown = page.read_text()
    large.rename(tmp_path / "unplugged")
    told = json.loads(run("fishprep", "verify", out, "--json").out)
    assert told["problems"] == [] and "3 shards elsewhere" in " ".join(told["notes"]) and str(large) in told["notes"][0]
    assert json.loads(run("fishprep", "verify", out, "--rows-only", "--json").out)["problems"] == []
    run("fishprep", "report", out, "--html", page)
    assert page.read_text().count("data:image") < shown.count("data:image") and "elsewhere" in page.read_text()
    assert "cannot be reached" in move(out, "--back", code=1).err
    assert json.loads(build(photos, out, "--shard-size", 2, "--min-side", 100, "--json").out)["built"] == 0


def test_what_was_lost_at_its_place_is_a_fault(away: tuple[Path, Path, Path]) -> None:
    _, out, large = away
    data = (large / "train-00001.h5").read_bytes()
    (large / "train-00001.h5").unlink()
    assert "train-00001.h5: gone, though it was moved there" in run("fishprep", "verify", out, code=1).out
    (large / "train-00001.h5").write_bytes(data[:-100])
    assert "train-00001.h5: its bytes have changed" in run("fishprep", "verify", out, code=1).out
    assert "bytes have changed" in move(out, "--back", code=1).err
    (large / "train-00001.h5").write_bytes(data)
    move(out, "--back")
    assert "sound" in run("fishprep", "verify", out).out


def test_a_lost_shard_is_still_a_fault(built: tuple[Path, Path], tmp_path: Path) -> None:
    photos, out = built
    before = shards(out)
    (out / "train-00001.h5").rename(tmp_path / "train-00001.h5")
    lost = run("fishprep", "verify", out, code=1).out
    assert "train-00001.h5: gone" in lost and "fishprep move" in lost
    assert json.loads(run("fishprep", "verify", out, "--rows-only", "--json").out)["problems"] == []
    refused = move(out, tmp_path / "large", code=1).err
    assert "1 shard neither in it nor at" in refused and "train-00001.h5" in refused
    assert not (tmp_path / "large").exists() and not (out / "moved.json").exists()
    build(photos, out, "--shard-size", 2, "--min-side", 100)
    assert shards(out) == before


def test_moved_by_hand(built: tuple[Path, Path], tmp_path: Path) -> None:
    photos, out = built
    large = tmp_path / "large"
    large.mkdir()
    for path in out.glob("*.h5"):
        shutil.move(path, large)
    told = json.loads(move(out, large, "--json").out)
    assert told == {"copied": 0, "stood": 3, "elsewhere": 3}
    assert "sound" in run("fishprep", "verify", out).out
    (large / "train-00001.h5").write_bytes(b"something else")
    assert "train-00001.h5: not the train-00001.h5 of" in move(out, large, code=1).err
    assert json.loads(build(photos, out, "--shard-size", 2, "--min-side", 100, "--json").out)["built"] == 0


def test_noted_without_looking(built: tuple[Path, Path]) -> None:
    photos, out = built
    kept = (out / "train-00000.h5").read_bytes()
    for name in ("train-00001.h5", "train-00002.h5"):
        (out / name).unlink()
    assert json.loads(move(out, "tape 12", "--unseen", "--json").out)["elsewhere"] == 2
    assert json.loads(run("fishprep", "verify", out, "--json").out)["problems"] == []
    assert json.loads(build(photos, out, "--shard-size", 2, "--min-side", 100, "--json").out)["built"] == 0
    assert shards(out) == {"train-00000.h5": kept}
    with (out / "train-00000.h5").open("ab") as stream:
        stream.write(b"more")
    assert "bytes have changed" in run("fishprep", "verify", out, code=1).out
    assert "not at tape 12" in move(out, "--back", code=1).err


def test_nothing_of_ones_own_is_replaced(built: tuple[Path, Path], tmp_path: Path) -> None:
    _, out = built
    large = tmp_path / "large"
    large.mkdir()
    (large / "train-00002.h5").write_bytes(b"mine")
    before = shards(out)
    assert "move it away, or give another place" in move(out, large, code=1).err
    assert shards(out) == before and shards(large) == {"train-00002.h5": b"mine"}
    assert "the build is there itself" in move(out, out, code=1).err
    assert "where to?" in move(out, code=1).err
    assert "takes no place" in move(out, large, "--back", code=1).err
    data = bytearray(before["train-00001.h5"])
    data[-1] ^= 1
    (out / "train-00001.h5").write_bytes(data)
    assert "its bytes have changed" in move(out, tmp_path / "other", code=1).err
    assert len(shards(out)) == 3, "nothing is removed before all stand"


@pytest.mark.parametrize("words", [("large",), ("large", "--unseen"), ("--back",)])
def test_what_a_killed_one_left_half_written_is_swept(once: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    out = Path(shutil.copytree(once, tmp_path / "out"))
    left = [out / ".moved.json.1.tmp", out / ".train-00001.h5.1.tmp"]
    for path in left:
        path.touch()
    move(out, *(tmp_path / word if word == "large" else word for word in words))
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("at", range(12))
def test_a_move_that_is_killed_goes_on(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """At each naming, writing and removing: every shard is whole in one of the places, and the same command ends it."""
    out = Path(shutil.copytree(once, tmp_path / "out"))
    large, before = tmp_path / "large", shards(out)
    dying = interrupted_at(at)
    with monkeypatch.context() as patch:
        for name in ("put", "delete", "sweep"):
            patch.setattr(FolderStorage, name, dying(getattr(FolderStorage, name)))
        patch.setattr(os, "replace", dying(os.replace))
        code = move(out, large, code=None).code
    standing = {**(shards(large) if large.exists() else {}), **shards(out)}
    assert standing == before
    assert json.loads(run("fishprep", "verify", out, "--json").out)["problems"] == []
    move(out, large)
    assert (shards(out), shards(large)) == ({}, before)
    assert code in (0, 130)
