"""Parts of a build that were made in several places, joined: every shard byte for byte, every photo once."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from annotated import build, in_process, write_photo
from here import Here
from storages import interrupted_at
from support import Ran, rows, run, shards

from fishprep.builds.folder import BuildFolder
from fishprep.engines import ENGINES
from fishprep.shards.schema import ShardName
from fishprep.storage.folder import FolderStorage

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

SIZE = ("--shard-size", 2)
RETRY = ("--status", "too_small", "--min-side", 64, "--workers", 1, "--device", "cpu")


def merge(out: Path, *parts: Path, code: int | None = 0) -> Ran:
    return run("fishprep", "merge", out, *parts, code=code)


def sound(out: Path) -> None:
    assert "sound" in run("fishprep", "verify", out).out


def photos_of(folder: Path, *numbers: int) -> Path:
    for number in numbers:
        write_photo(folder, f"{number:02d}", number, side=100 if number % 5 == 4 else 150 + number)
    return folder


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if not path.name.startswith(".lock")}


@pytest.fixture
def apart(tmp_path: Path) -> tuple[Path, Path, Path]:
    """One plan of 5 shards, built as two parts in folders of their own; and the whole."""
    photos = photos_of(tmp_path / "photos", *range(9))
    whole = tmp_path / "whole"
    build(photos, whole, *SIZE, "--min-side", 100)
    parts = tmp_path / "one", tmp_path / "other"
    for number, part in enumerate(parts):
        build(photos, part, *SIZE, "--min-side", 100, "--part", f"{number}/2")
    return *parts, whole


def test_parts_of_one_plan_are_the_build(apart: tuple[Path, Path, Path]) -> None:
    one, other, whole = apart
    assert not (one / "manifest.json").exists() and 0 < len(shards(one)) < len(shards(whole))
    before = contents(other)
    told = json.loads(run("fishprep", "merge", one, other, "--json").out)
    assert told["missing"] == 0 and told["taken"] == 2
    assert contents(one) == contents(whole), "to the byte, as if it had been built in one place"
    assert contents(other) == before
    assert json.loads(run("fishprep", "merge", one, other, "--json").out)["taken"] == 0
    sound(one)


def test_a_part_that_nobody_has_is_told(apart: tuple[Path, Path, Path]) -> None:
    one, other, _ = apart
    (other / "train-00001.parquet").unlink()
    said = merge(one, other)
    assert "1 shard still missing" in said.out and not (one / "manifest.json").exists()


def test_one_shard_made_twice_must_be_the_same(apart: tuple[Path, Path, Path]) -> None:
    one, other, whole = apart
    merge(one, whole)
    assert contents(one) == contents(whole)
    merge(one, other)
    assert contents(one) == contents(whole)
    name, folder = ShardName("train", 0), BuildFolder.at(whole)
    with h5py.File(whole / name.file, "a") as file:
        file["image/128"][0, 0, 0] ^= 1
    changed = (whole / name.file).read_bytes()
    record = replace(folder.record(name), sha256=hashlib.sha256(changed).hexdigest(), bytes=len(changed))
    folder.restore(name, folder.rows(name), record)
    before = contents(one)
    refused = merge(one, whole, code=1).err
    assert "train-00000.h5: was made there and in" in refused and "they differ" in refused
    assert contents(one) == before


def two_in(folder: Path) -> tuple[Path, Path]:
    """Two builds of other photos, by the same settings."""
    one, other = folder / "one", folder / "other"
    build(photos_of(folder / "here", 0, 1, 2), one, *SIZE, "--min-side", 100)
    build(photos_of(folder / "there", 3, 4, 5, 6), other, *SIZE, "--min-side", 100)
    return one, other


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return two_in(tmp_path)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The same two, for tests that work on copies of the first and need no photos; and what becomes of it."""
    folder = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        one, other = two_in(folder)
    whole = Path(shutil.copytree(one, folder / "whole"))
    merge(whole, other)
    return one, other, whole


def test_builds_of_other_photos(two: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = two
    photos_of(tmp_path / "there", 7, 9)
    run("fishprep", "extend", other, "--workers", 1)
    run("fishprep", "retry", other, *RETRY)
    mine, theirs, known = shards(one), shards(other), {**rows(one), **rows(other)}
    merge(one, other)
    assert set(shards(one).values()) == {*mine.values(), *theirs.values()}
    assert {name: shards(one)[name] for name in mine} == mine
    place = ("shard", "index")
    assert {n: {k: v for k, v in row.items() if k not in place} for n, row in rows(one).items()} == {
        n: {k: v for k, v in row.items() if k not in place} for n, row in known.items()
    }
    sound(one)
    before = contents(one)
    merge(one, other)
    assert contents(one) == before
    photos_of(tmp_path / "there", 10)
    told = run("fishprep", "extend", one, tmp_path / "there", "--workers", 1, "--json").out
    assert json.loads(told)["added"] == {"train": 1}
    sound(one)
    run("fishprep", "report", one)


def test_three_parts_of_which_one_holds_another(two: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = two
    third = tmp_path / "third"
    build(photos_of(tmp_path / "elsewhere", 20, 21, 22), third, *SIZE, "--min-side", 100)
    merge(third, other)
    merge(one, third, other)
    assert len(rows(one)) == 10 and len(shards(one)) == len(set(shards(one).values()))
    sound(one)


def test_what_cannot_be_joined(two: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = two
    before = contents(one)
    third, fourth = tmp_path / "third", tmp_path / "fourth"
    build(photos_of(tmp_path / "again", 2, 30), third, *SIZE, "--min-side", 100)
    refused = merge(one, other, third, code=1).err
    assert "third: 1 photo of it stand in two parts, the first '02'" in refused and "fishprep extend" in refused
    build(photos_of(tmp_path / "more", 31), fourth, *SIZE, "--min-side", 101)
    assert "min_side: 100 → 101" in merge(one, fourth, code=1).err
    assert "is the build that the others" in merge(one, one, code=1).err
    assert "not the folder of a build" in merge(one, tmp_path / "more", code=1).err
    assert contents(one) == before, "nothing is written before all were looked at"
    data = bytearray((other / "train-00000.h5").read_bytes())
    data[len(data) // 2] ^= 1
    (other / "train-00000.h5").write_bytes(data)
    assert "its bytes have changed" in merge(one, other, code=1).err
    told = run("fishprep", "retry", one, *RETRY, code=1).err
    assert "fishprep merge" in told
    data[len(data) // 2] ^= 1
    (other / "train-00000.h5").write_bytes(data)
    merge(one, other)
    sound(one)


def test_moved_shards_are_taken_from_where_they_are(two: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = two
    theirs = shards(other)
    run("fishprep", "move", other, tmp_path / "large")
    (tmp_path / "large").rename(tmp_path / "unplugged")
    assert "cannot be reached" in merge(one, other, code=1).err
    (tmp_path / "unplugged").rename(tmp_path / "large")
    merge(one, other)
    assert set(theirs.values()) <= set(shards(one).values())
    sound(one)


@pytest.mark.parametrize("at", range(10))
def test_a_merge_that_is_killed_goes_on(
    once: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: int
) -> None:
    standing, other, whole = once
    one = Path(shutil.copytree(standing, tmp_path / "one"))
    dying = interrupted_at(at)
    with monkeypatch.context() as patch:
        for name in ("put", "create", "sweep"):
            patch.setattr(FolderStorage, name, dying(getattr(FolderStorage, name)))
        code = merge(one, other, code=None).code
    assert code in (0, 130)
    merge(one, other)
    assert contents(one) == contents(whole)
