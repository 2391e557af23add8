"""A folder as a storage: what it does on the disk."""

import errno
import os
import time
from pathlib import Path

import pytest

from fishprep.common.files import atomic, meant_for
from fishprep.storage.folder import FORGOTTEN, FolderStorage


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed and renamed, in order."""
    made: list[str] = []
    fsync, replace, link = os.fsync, os.replace, os.link

    def flushed(descriptor: int) -> None:
        made.append(f"flush {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def renamed(source: object, target: object, **more: object) -> None:
        made.append(f"{Path(str(source)).name} → {Path(str(target)).name}")
        (replace if "link" not in more else link)(source, target)  # type: ignore[operator]

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "link", lambda source, target, **_: renamed(source, target, link=True))
    return made


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
@pytest.mark.parametrize("verb", ["put", "create"])
def test_the_file_is_flushed_before_it_stands_and_its_folder_after(tmp_path: Path, calls: list[str], verb: str) -> None:
    with getattr(FolderStorage(tmp_path), verb)("a.h5") as path:
        path.write_bytes(b"whole")
    temporary = calls[0].removeprefix("flush ")
    assert meant_for(temporary) == "a.h5"
    assert calls == [f"flush {temporary}", f"{temporary} → a.h5", f"flush {tmp_path.name}"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
def test_folders_that_are_made_and_files_that_are_deleted_are_flushed(tmp_path: Path, calls: list[str]) -> None:
    storage = FolderStorage(tmp_path / "a" / "b")
    with storage.exclusive():
        assert sorted(calls) == sorted(["flush a", f"flush {tmp_path.name}"])
        calls.clear()
        storage.delete("c", "d")
        assert calls == ["flush b"]


def test_a_drive_without_hard_links_creates_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise OSError(errno.EPERM, "no hard links")

    monkeypatch.setattr(os, "link", refuse)
    storage = FolderStorage(tmp_path)
    with storage.create("a") as path:
        path.write_bytes(b"one")
    with pytest.raises(FileExistsError), storage.create("a") as path:
        path.write_bytes(b"two")
    assert storage.read("a") == b"one" and storage.list() == ["a"]


def test_what_a_killed_writer_left_is_seen_by_nobody_and_swept(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    left = [".train-00000.h5.123.tmp", ".mine.txt.5.tmp", ".train-00000.h5.tmp", ".lock"]
    for name in left:
        (tmp_path / name).touch()
    assert storage.list() == [".train-00000.h5.tmp"]
    storage.sweep(lambda name: name.startswith("train-"))
    assert {path.name for path in tmp_path.iterdir()} == set(left[1:])


def test_what_others_may_be_writing_is_not_swept(tmp_path: Path) -> None:
    """Neither what is new, on a drive that keeps the locks of another machine to itself, nor what somebody holds the lock of."""
    theirs, old = tmp_path / ".train-00000.h5.123.tmp", time.time() - FORGOTTEN - 10
    theirs.touch()
    storage = FolderStorage(tmp_path, is_shared=True)
    with atomic(tmp_path / "train-00001.h5") as held:
        os.utime(held, (old, old))
        storage.sweep(lambda name: True)
        assert theirs.exists() and held.exists()


def test_what_a_killed_writer_left_among_others_is_swept_once_it_is_old(tmp_path: Path) -> None:
    left, foreign, old = (
        tmp_path / ".train-00000.h5.123.tmp",
        tmp_path / ".mine.txt.5.tmp",
        time.time() - FORGOTTEN - 10,
    )
    for path in (left, foreign):
        path.touch()
        os.utime(path, (old, old))
    FolderStorage(tmp_path, is_shared=True).sweep(lambda name: name.startswith("train-"))
    assert foreign.exists() and not left.exists()


def test_somebodys_folders_are_listed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert FolderStorage(tmp_path).list() == ["photos"]
    (tmp_path / "file").touch()
    assert FolderStorage(tmp_path / "file").list() == [] and FolderStorage(tmp_path / "file").size("a") is None
