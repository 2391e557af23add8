"""A build runs on whatever storage it is given, and leaves nothing that did not go through it."""

import ast
import os
from dataclasses import replace
from pathlib import Path

import pytest
from annotated import write_photo
from here import Here
from storages import Diary, MemoryStorage

import fishprep
from fishprep.builds.build import build
from fishprep.builds.folder import BuildFolder
from fishprep.builds.output import remove_leftovers
from fishprep.builds.repair import repair
from fishprep.builds.retry import RetryRequest, retry
from fishprep.builds.run import Finished
from fishprep.builds.tables import write_plan
from fishprep.builds.verify import verify
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.public.planning import Prepared, prepare
from fishprep.shards.schema import ShardName
from fishprep.sources import SourceRequest, open_source
from fishprep.storage.base import Storage
from fishprep.storage.folder import FolderStorage

FILES_OF_A_BUILD = [
    "create configuration.json",
    "put plan.parquet",
    "put train-00000.h5",
    "put train-00000.parquet",
    "put train-00001.h5",
    "put train-00001.parquet",
    "put train-00002.parquet",  # nothing was kept
    "put samples.parquet",
    "put manifest.json",
]
OF_FILES = {
    "glob",
    "rglob",
    "iterdir",
    "unlink",
    "rename",
    "rmdir",
    "mkdir",
    "hardlink_to",
    "atomic",
    "locked",
    "file_lock",
}
MODULES = {"filelock", "tempfile", "shutil", "fcntl", "fishprep.storage.lock", "fishprep.common.locks"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A plan of five photos in three shards, the last photo too small."""
    photos = tmp_path_factory.mktemp("photos")
    for number in range(5):
        write_photo(photos, f"{number}", number, side=128 if number == 4 else 256)
    settings = fishprep.BuildSettings(
        landmarks="annotation", parser="landmark-skin", device="cpu", workers=1, shard_size=2, min_side=200
    )
    return prepare(photos, None, settings, lambda news: None)


def built(prepared: Prepared, storage: Storage, overwrite: bool = False) -> Finished:
    request = prepared.request(storage)
    return build(request, 1, lambda news: None, overwrite=overwrite, engine=Here())


def tried_again(prepared: Prepared, storage: Storage) -> Finished:
    photos = open_source(SourceRequest(Path(prepared.origin["root"]))).listing().photos
    request = RetryRequest(storage, photos, ("too_small",), {"min_side": 64}, prepared.weights)
    return retry(request, 1, lambda news: None, engine=Here())


def contents(storage: Storage) -> dict[str, bytes]:
    return {name: storage.read(name) for name in storage.list()}


@pytest.fixture(scope="module")
def on_disk(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the build in a folder."""
    storage = FolderStorage(tmp_path_factory.mktemp("out") / "shards")
    built(prepared, storage)
    return contents(storage)


def test_every_file_of_a_build_goes_through_the_storage(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, given = Diary(FolderStorage(tmp_path / "out")), []
    replace, link = os.replace, os.link
    monkeypatch.setattr(os, "replace", lambda old, new: (replace(old, new), given.append(f"put {Path(new).name}")))
    monkeypatch.setattr(
        os, "link", lambda old, new, **more: (link(old, new, **more), given.append(f"create {Path(new).name}"))
    )
    built(prepared, storage)
    assert storage.entries == given == FILES_OF_A_BUILD
    assert {path.name for path in (tmp_path / "out").iterdir()} == {entry.split()[1] for entry in given} | {".lock"}


def test_a_build_in_memory_has_the_bytes_of_one_in_a_folder(prepared: Prepared, on_disk: dict[str, bytes]) -> None:
    storage = MemoryStorage()
    assert built(prepared, storage).built == 3
    assert contents(storage) == on_disk and verify(storage, None).problems == ()


def test_resuming_retrying_and_mending_need_no_folder(prepared: Prepared, on_disk: dict[str, bytes]) -> None:
    storage = Diary(MemoryStorage(dict(on_disk)))
    storage.delete("train-00001.parquet", "manifest.json")
    assert any("not finished" in problem for problem in verify(storage, None).problems)
    again = built(prepared, storage)
    assert (again.built, again.resumed) == (1, 2) and contents(storage) == on_disk
    assert tried_again(prepared, storage).totals.samples == 5
    assert {"create retry-0001.json", "put train-00003.h5", "put train-00003.parquet"} <= set(storage.entries)
    whole = contents(storage)
    storage.delete("samples.parquet", "manifest.json")
    repair(storage)
    assert contents(storage) == whole and verify(storage, None).problems == ()


def test_a_build_is_overwritten_marks_last_and_nothing_of_others(prepared: Prepared, on_disk: dict[str, bytes]) -> None:
    storage = Diary(MemoryStorage({**on_disk, "notes.txt": b"mine"}))
    built(prepared, storage, overwrite=True)
    deleted = [entry.split()[1] for entry in storage.entries if entry.startswith("delete")]
    assert deleted[-2:] == ["plan.parquet", "configuration.json"] and "notes.txt" not in deleted
    assert contents(storage) == {**on_disk, "notes.txt": b"mine"}
    with pytest.raises(ConfigurationError, match=r"holds no build that --overwrite could remove, but 'notes.txt'"):
        built(prepared, MemoryStorage({"notes.txt": b"mine"}), overwrite=True)


def test_one_build_at_a_time(prepared: Prepared) -> None:
    storage = MemoryStorage()
    with storage.exclusive(), pytest.raises(BuildError, match=r"^memory: another build is at work in it"):
        built(prepared, storage)
    assert storage.list() == []


def test_of_two_builds_that_begin_at_once_one_is_refused(on_disk: dict[str, bytes]) -> None:
    """Where a storage cannot keep the other out."""
    folder = BuildFolder.at(MemoryStorage())
    folder.write_start([], lambda: {"recipe": "of the first"})
    with pytest.raises(FileExistsError):
        folder.write_start([], lambda: {"recipe": "of the second"})
    assert b"of the first" in folder.storage.read("configuration.json")


def test_a_build_that_was_stopped_before_its_plan_is_planned(prepared: Prepared, on_disk: dict[str, bytes]) -> None:
    """Or that found the plan of one that never began."""
    storage = MemoryStorage({"configuration.json": on_disk["configuration.json"]})
    built(prepared, storage)
    assert contents(storage) == on_disk
    write_plan(storage, "plan.parquet", [])
    built(prepared, storage)
    assert contents(storage) == on_disk


def test_two_builds_that_begin_at_once_are_one_where_they_are_the_same(
    prepared: Prepared, on_disk: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = MemoryStorage({"configuration.json": on_disk["configuration.json"]})
    started = iter([False, True, True])  # the other one's record comes after the first look
    monkeypatch.setattr(BuildFolder, "is_started", lambda self: next(started, True))
    built(prepared, storage)
    assert contents(storage) == on_disk


def test_a_spec_that_another_build_has_done_is_left_as_it_is(prepared: Prepared, on_disk: dict[str, bytes]) -> None:
    storage, name = Diary(MemoryStorage(dict(on_disk), is_shared=True)), ShardName("train", 0)
    folder = BuildFolder.at(storage)
    rows, record = folder.rows(name), folder.record(name)
    with pytest.raises(FileExistsError), storage.put(name.file, lambda: folder.is_done(name)):
        pass
    assert folder.commit(name, rows.slice(0, 0), replace(record, bytes=1)) == record
    assert contents(storage) == on_disk and not storage.entries
    storage.delete(name.rows_file)
    with storage.put(name.file, lambda: folder.is_done(name)) as path:  # an orphan's
        path.write_bytes(on_disk[name.file])
    folder.restore(name, rows, record)
    assert contents(storage) == on_disk


def test_a_shard_that_is_not_the_one_of_its_rows_is_built_again(prepared: Prepared, on_disk: dict[str, bytes]) -> None:
    """As it may be where two builds with unlike processors have written it, one of which died between shard and rows."""
    changed = bytearray(on_disk["train-00000.h5"])
    changed[-1] ^= 1
    storage = MemoryStorage({**on_disk, "train-00000.h5": bytes(changed)}, is_shared=True)
    assert built(prepared, storage).built == 1
    assert contents(storage) == on_disk


def test_shards_that_another_build_may_be_at_stay_where_there_is_no_lock(on_disk: dict[str, bytes]) -> None:
    for shared in (False, True):
        storage = MemoryStorage(dict(on_disk), is_shared=shared)
        storage.delete("train-00000.parquet")
        remove_leftovers(BuildFolder.at(storage), {ShardName("train", 0)})
        assert (storage.size("train-00000.h5") is not None) is shared


def test_a_spec_is_withdrawn_rows_first(on_disk: dict[str, bytes]) -> None:
    storage = Diary(MemoryStorage(dict(on_disk)))
    BuildFolder.at(storage).withdraw(ShardName("train", 0), ShardName("train", 1))
    assert [entry.removeprefix("delete train-0000") for entry in storage.entries] == [
        "0.parquet",
        "1.parquet",
        "0.h5",
        "1.h5",
    ]


@pytest.mark.parametrize("room", ["builds", "reports"])
def test_nothing_above_the_storage_handles_files(room: str) -> None:
    for path in (Path(fishprep.__file__).parent / room).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        modules |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        called = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        called |= {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not modules & MODULES and not called & OF_FILES, path
