"""What every storage promises: each of them runs through all of this."""

import hashlib
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import pytest
from bucket import Bucket, bucket_of_module
from storages import MemoryStorage

from fishprep.storage.base import InUseError, Storage
from fishprep.storage.folder import FolderStorage
from fishprep.storage.objects import ObjectStorage

__all__ = ["bucket_of_module"]

STORAGES: dict[str, Callable[[Path, Bucket], Storage]] = {
    "folder": lambda path, _: FolderStorage(path / "made" / "of this name"),
    "memory": lambda path, _: MemoryStorage(),
    "shared": lambda path, _: MemoryStorage(is_shared=True),
    "bucket": lambda path, bucket: ObjectStorage(bucket.url()),
}


@pytest.fixture(params=STORAGES)
def empty(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Storage:
    """A storage that nobody has used."""
    return STORAGES[request.param](tmp_path, bucket)


@pytest.fixture
def storage(empty: Storage) -> Storage:
    """A storage with one file, `kept`."""
    with empty.exclusive():
        write(empty, "kept", b"whole")
    return empty


def write(storage: Storage, name: str, data: bytes) -> None:
    with storage.put(name) as path:
        path.write_bytes(data)


def test_it_has_the_verbs(empty: Storage) -> None:
    assert isinstance(empty, Storage)


def test_nothing_is_in_one_that_nobody_used(empty: Storage) -> None:
    assert empty.list() == [] and empty.size("kept") is None


def test_what_was_put_stands(storage: Storage) -> None:
    assert storage.read("kept") == b"whole" and storage.size("kept") == 5 and storage.list() == ["kept"]
    with storage.local("kept") as path:
        assert path.read_bytes() == b"whole"


def test_a_file_to_fill_is_there_and_empty(storage: Storage) -> None:
    for verb in (storage.put, storage.create):
        with verb("new" + verb.__name__) as path:
            assert path.read_bytes() == b""
    assert storage.read("newput") == storage.read("newcreate") == b""


def test_what_is_being_written_is_not_there_yet(storage: Storage) -> None:
    with storage.put("kept") as path, storage.create("new") as other:
        path.write_bytes(b"half")
        other.write_bytes(b"half")
        assert storage.list() == ["kept"] and storage.read("kept") == b"whole" and storage.size("new") is None
    assert storage.list() == ["kept", "new"] and storage.read("kept") == storage.read("new") == b"half"


@pytest.mark.parametrize("verb", ["put", "create"])
@pytest.mark.parametrize("name", ["kept", "new"])
def test_a_write_that_fails_changes_nothing(storage: Storage, verb: str, name: str) -> None:
    with pytest.raises(KeyboardInterrupt), getattr(storage, verb)(name) as path:
        path.write_bytes(b"half")
        raise KeyboardInterrupt
    assert storage.list() == ["kept"] and storage.read("kept") == b"whole"


def test_what_stands_is_replaced_by_put_alone(storage: Storage) -> None:
    with pytest.raises(FileExistsError, match="kept"), storage.create("kept") as path:
        path.write_bytes(b"another's")
    assert storage.list() == ["kept"] and storage.read("kept") == b"whole"
    write(storage, "kept", b"anew")
    assert storage.read("kept") == b"anew"


def test_what_is_settled_stays(storage: Storage) -> None:
    asked = []

    def settled(answer: bool) -> bool:
        asked.append(storage.read("kept"))
        return answer

    with storage.put("new", lambda: pytest.fail("nothing stands there")) as path:
        path.write_bytes(b"first")
    with pytest.raises(FileExistsError, match="kept"), storage.put("kept", lambda: settled(True)) as path:
        path.write_bytes(b"another's")
    assert storage.read("kept") == b"whole" and storage.list() == ["kept", "new"]
    with storage.put("kept", lambda: settled(False)) as path:
        path.write_bytes(b"anew")
    assert storage.read("kept") == b"anew" and asked == [b"whole", b"whole"]


def test_what_is_put_there_after_the_question_is_asked_about_again(storage: Storage) -> None:
    """Where others may write at the same time."""
    if not storage.is_shared:
        pytest.skip("a lock keeps others out")
    answers = iter([False, True])

    def settled() -> bool:
        answer = next(answers)
        write(storage, "kept", b"another's, after the question" if not answer else b"at last")
        return answer

    with pytest.raises(FileExistsError), storage.put("kept", settled) as path:
        path.write_bytes(b"ours")
    assert storage.read("kept") == b"at last"


def test_a_hash_is_that_of_the_bytes(storage: Storage) -> None:
    assert storage.sha256("kept") in (None, hashlib.sha256(b"whole").hexdigest()) and storage.sha256("none") is None


def test_of_many_who_create_one_wins(storage: Storage) -> None:
    ready = Barrier(8)

    def create(number: int) -> bool:
        try:
            with storage.create(f"round {number // 8}") as path:
                path.write_bytes(str(number).encode())
                ready.wait(10)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, new in enumerate(pool.map(create, range(40))) if new]
    assert [number // 8 for number in won] == list(range(5))
    assert [storage.read(f"round {number}") for number in range(5)] == [str(number).encode() for number in won]


def test_names_are_listed_by_what_they_begin_with(storage: Storage) -> None:
    for name in ("train-2", "train-10", "test-1", ".hidden"):
        write(storage, name, b"")
    assert storage.list() == sorted([".hidden", "kept", "test-1", "train-10", "train-2"])
    assert storage.list("train-") == ["train-10", "train-2"] and storage.list("val-") == []


def test_what_is_deleted_is_gone(storage: Storage) -> None:
    write(storage, "more", b"")
    write(storage, "stays", b"")
    storage.delete("kept", "was never there", "more")
    storage.delete()
    assert storage.list() == ["stays"] and storage.size("kept") is None


def test_what_is_not_there_cannot_be_read(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        storage.read("nothing")
    with pytest.raises(FileNotFoundError), storage.local("nothing") as path:
        path.read_bytes()


def test_one_at_a_time_or_the_log_says_that_there_are_two(empty: Storage, caplog: pytest.LogCaptureFixture) -> None:
    with empty.exclusive():
        write(empty, "kept", b"whole")
        assert not caplog.text
        with suppress(InUseError), empty.exclusive():
            assert (
                empty.is_shared
                and "another command is at work in it" in caplog.text
                and str(os.getpid()) in caplog.text
            )
    caplog.clear()
    with empty.exclusive():
        assert empty.list() == ["kept"] and not caplog.text


def test_the_next_one_gets_in_after_a_failure(empty: Storage) -> None:
    with pytest.raises(KeyError), empty.exclusive():
        raise KeyError
    with empty.exclusive():
        write(empty, "kept", b"")


def test_sweeping_takes_nothing_that_stands(storage: Storage) -> None:
    write(storage, ".kept.old.tmp", b"somebody's")
    with storage.exclusive():
        storage.sweep(lambda name: True)
    assert storage.list() == [".kept.old.tmp", "kept"]


def test_messages_say_where(storage: Storage) -> None:
    assert storage.where("kept").startswith(str(storage)) and storage.where("kept").endswith("kept")


@pytest.mark.parametrize("storage", [FolderStorage(Path("shards")), ObjectStorage("s3://bucket/shards/")], ids=str)
def test_a_storage_goes_to_other_processes(storage: Storage) -> None:
    assert pickle.loads(pickle.dumps(storage)) == storage
