"""Many calls build together, each every N-th shard, on a folder that they share and nothing else."""

import itertools
import json
import os
import signal
import time
from pathlib import Path

import pytest
from annotated import FLAGS, build, in_process, write_photo
from hypothesis import given
from hypothesis import strategies as st
from support import Ran
from warm import Started

from fishprep.builds.folder import BuildFolder
from fishprep.builds.part import Part
from fishprep.common.errors import ConfigurationError
from fishprep.shards.schema import ShardName
from fishprep.storage.base import InUseError
from fishprep.storage.folder import FolderStorage

__all__ = ["in_process"]
pytestmark = pytest.mark.usefixtures("in_process")

SMALL = ("--shard-size", 2)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine photos, one too small: five shards of two."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(9):
        write_photo(folder, f"{number}", number, side=48 if number == 4 else 256)
    return folder


@pytest.fixture(scope="module")
def alone(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one worker makes of them."""
    out = tmp_path_factory.mktemp("alone") / "out"
    build(photos, out, *SMALL)
    return contents(out)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if not path.name.startswith(".")}


def part(photos: Path, out: Path, which: str, *flags: object, code: int = 0) -> Ran:
    return build(photos, out, *SMALL, "--part", which, *flags, code=code)


@given(st.integers(0, 60), st.integers(1, 20))
def test_parts_are_all_of_it_and_nothing_twice(items: int, count: int) -> None:
    taken = [Part(index, count).take(range(items)) for index in range(count)]
    assert sorted(itertools.chain(*taken)) == list(range(items))
    assert max(map(len, taken)) - min(map(len, taken)) <= 1


@pytest.mark.parametrize("words", ["3/3", "-1/3", "1", "a/b", "0/0", "1/2/3", ""])
def test_what_is_no_part_is_refused(words: str) -> None:
    with pytest.raises(ConfigurationError, match="--part"):
        Part.of(words)


def test_the_last_part_finishes(photos: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = part(photos, out, "2/3")
    assert "1 shard in" in said.out and "4 of the build's 5 shards are still missing" in said.out
    assert not (out / "manifest.json").exists()
    assert json.loads(part(photos, out, "0/3", "--json").out)["missing"] == 2
    assert json.loads(part(photos, out, "0/3", "--json").out) == {
        "part": "0/3",
        "built": 0,
        "resumed": 2,
        "shards": 5,
        "missing": 2,
    }
    assert "8 samples" in part(photos, out, "1/3").out
    assert contents(out) == alone


def test_a_build_finishes_what_parts_left_and_n_may_change(
    photos: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    for which in ("6/7", "0/3"):  # a part of nothing, as there are five shards
        part(photos, tmp_path / "a", which)
    build(photos, tmp_path / "a", *SMALL)
    part(photos, tmp_path / "b", "1/4")
    part(photos, tmp_path / "b", "0/2")
    part(photos, tmp_path / "b", "1/2")
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == alone


def test_all_parts_at_once_and_each_twice(photos: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    """Processes, as they are on a cluster: none is kept out, and two that do the same do no harm."""
    out = tmp_path / "out"
    running = [
        Started(tmp_path, "fishprep", "build", photos, out, *FLAGS, *SMALL, "-q", "--part", which)
        for which in ("0/2", "1/2", "1/2")
    ]
    ended = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    assert contents(out) == alone
    assert any("8 samples" in out_ for out_, _ in ended)


def test_a_part_that_is_killed_goes_on(photos: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("build", photos, out, *FLAGS, *SMALL, "-q", "--part", "0/1")
    process = Started(tmp_path, "fishprep", *words, group=True)
    end = time.monotonic() + 200
    while not list(out.glob("*-0000?.parquet")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (out / ".train-00004.h5.123.tmp").touch()
    part(photos, out, "0/1")
    build(photos, out, *SMALL)
    assert contents(out) == alone and not list(out.glob(".*.tmp"))


def test_parts_and_a_build_keep_each_other_out(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with FolderStorage(out, is_shared=True).exclusive(), FolderStorage(out, is_shared=True).exclusive():
        assert "another build is at work" in build(photos, out, *SMALL, code=1).err
    with FolderStorage(out).exclusive():
        assert "another build is at work" in part(photos, out, "0/2", code=1).err


def test_temporary_files_of_other_parts_are_let_be(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    part(photos, out, "0/2")
    theirs = out / ".train-00001.h5.5.tmp"
    theirs.touch()
    (out / "train-00003.h5").write_bytes(b"theirs, before its rows")
    part(photos, out, "0/2")
    assert theirs.exists() and (out / "train-00003.h5").exists()


def test_other_settings_are_refused(photos: Path, tmp_path: Path) -> None:
    part(photos, tmp_path / "out", "0/2")
    assert "min_side: 64 → 65" in part(photos, tmp_path / "out", "1/2", "--min-side", 65, code=1).err
    for flag in ("--overwrite", "--no-resume", "--engine=ray"):
        assert "--part does not go with" in part(photos, tmp_path / "out", "1/2", flag, code=2).err
    assert "counted from 0" in part(photos, tmp_path / "out", "2/2", code=1).err


def test_a_shard_that_was_replaced_is_found_out(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(photos, out, *SMALL)
    name = ShardName("train", 0)
    folder = BuildFolder.at(out)
    record = folder.record(name)
    data = bytearray((out / name.file).read_bytes())
    data[-1] ^= 1
    (out / name.file).write_bytes(data)
    assert folder.stands(record) and not folder.shared().holds(name, record)


def test_one_who_shares_keeps_out_one_who_does_not(tmp_path: Path) -> None:
    shared, alone = FolderStorage(tmp_path / "a", is_shared=True), FolderStorage(tmp_path / "a")
    with shared.exclusive(), pytest.raises(InUseError), alone.exclusive():
        pytest.fail("both")
    with alone.exclusive(), pytest.raises(InUseError), shared.exclusive():
        pytest.fail("both")
    assert alone.list() == []
