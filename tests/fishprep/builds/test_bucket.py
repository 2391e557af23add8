"""Builds in a bucket: whatever the network, other builds and kills do, the files are those of one worker on a local disk."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import annotated
import pytest
from annotated import in_process, write_photo
from bucket import Bucket, Request, bucket_of_module, until
from here import Here
from support import run
from warm import warm

import fishprep
from fishprep.builds.build import build
from fishprep.builds.repair import repair
from fishprep.builds.retry import RetryRequest, retry
from fishprep.builds.run import Finished
from fishprep.builds.verify import verify
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.public.planning import Prepared, prepare
from fishprep.sources import SourceRequest, open_source
from fishprep.storage import client
from fishprep.storage.base import Storage
from fishprep.storage.folder import FolderStorage
from fishprep.storage.named import located
from fishprep.storage.objects import ObjectStorage

__all__ = ["bucket_of_module", "in_process"]

SETTINGS = fishprep.BuildSettings(
    landmarks="annotation", parser="landmark-skin", device="cpu", workers=1, shard_size=2, min_side=200
)
OTHERS = replace(SETTINGS, min_side=100)
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photos for three shards, the last of them too small."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(5):
        write_photo(folder, f"{number}", number, side=128 if number == 4 else 256)
    return folder


@pytest.fixture(scope="module")
def prepared(photos: Path) -> Prepared:
    return prepare(photos, None, SETTINGS, lambda news: None)


@pytest.fixture(scope="module")
def on_disk(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of the build by one worker in a folder."""
    storage = FolderStorage(tmp_path_factory.mktemp("out") / "shards")
    built(prepared, storage)
    return contents(storage)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that never answers well, a few tries are enough here."""
    backoff = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=50), "base": 2}
    monkeypatch.setattr(client, "RETRY", {"max_retries": 4, "retry_timeout": timedelta(seconds=20), "backoff": backoff})


@pytest.fixture
def storage(bucket: Bucket) -> ObjectStorage:
    return ObjectStorage(bucket.url())


def built(prepared: Prepared, storage: Storage, overwrite: bool = False) -> Finished:
    request = prepared.request(storage)
    return build(request, 1, lambda news: None, overwrite=overwrite, engine=Here())


def build_here(photos: Path, url: str) -> None:
    """For a process of its own."""
    built(prepare(photos, None, SETTINGS, lambda news: None), ObjectStorage(url))


def contents(storage: Storage) -> Files:
    return {name: storage.read(name) for name in storage.list()}


def is_put(request: Request, end: str) -> bool:
    return request.method == "PUT" and request.key.endswith(end)


def test_a_build_in_a_bucket_is_that_of_a_folder(
    prepared: Prepared, on_disk: Files, storage: ObjectStorage, bucket: Bucket
) -> None:
    with bucket.trouble() as trouble:
        assert built(prepared, storage).built == 3
    assert contents(storage) == on_disk and verify(storage, None).problems == ()
    assert all(request.is_conditional for request in trouble.seen if is_put(request, ".h5"))
    assert built(prepared, storage).resumed == 3 and contents(storage) == on_disk


TROUBLES: dict[str, dict[str, Callable[[Request], Any]]] = {
    "every first answer to a put is lost": {"lose": lambda r: r.method == "PUT" and r.number == 0},
    "every first answer to a question is lost": {"lose": lambda r: r.method in ("GET", "HEAD") and r.number == 0},
    "a storm of 503": {"refuse": lambda r: 503 if r.number < 3 else None},
    "conditional puts are told to come again": {
        "refuse": lambda r: 409 if r.is_conditional and ".probe" not in r.key and r.number < 2 else None
    },
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_trouble_changes_no_byte(
    prepared: Prepared, on_disk: Files, storage: ObjectStorage, bucket: Bucket, kind: str
) -> None:
    with bucket.trouble(**TROUBLES[kind]):
        assert built(prepared, storage).built == 3
    assert contents(storage) == on_disk


@pytest.mark.parametrize("end", ["train-00001.h5", "train-00001.parquet"])
def test_a_server_that_fails_fails_the_shard_and_makes_no_row(
    prepared: Prepared, on_disk: Files, storage: ObjectStorage, bucket: Bucket, end: str
) -> None:
    with (
        bucket.trouble(refuse=lambda r: 500 if is_put(r, end) else None),
        pytest.raises(
            BuildError, match=r"1 shard could not be built:\n  train-00001: .*network or the server failed|be put"
        ),
    ):
        built(prepared, storage)
    assert not storage.list("manifest") and storage.size("train-00001.parquet") is None
    assert built(prepared, storage).built == 1 and contents(storage) == on_disk


def test_what_somebody_left_without_rows_is_replaced(
    prepared: Prepared, on_disk: Files, storage: ObjectStorage
) -> None:
    with storage.put("train-00000.h5") as path:
        path.write_bytes(b"of a worker that was killed, with another processor")
    assert built_beside(prepared, storage, on_disk).built == 3
    assert contents(storage) == on_disk


def built_beside(prepared: Prepared, storage: ObjectStorage, on_disk: Files) -> Finished:
    """With the record and the plan there, as else the shard were somebody's file."""
    for name in ("configuration.json", "plan.parquet"):
        with storage.put(name) as path:
            path.write_bytes(on_disk[name])
    return built(prepared, storage)


@pytest.mark.parametrize("moment", ["train-00000.h5", "train-00000.parquet", "train-00001.h5"])
def test_an_orphan_that_publishes_late_spoils_nothing(
    prepared: Prepared, on_disk: Files, storage: ObjectStorage, bucket: Bucket, moment: str
) -> None:
    """A worker that was given up, with another processor, puts its shard as ours: before, between or after our own two puts."""
    orphan, done = ObjectStorage(f"{storage.url}/"), threading.Event()

    def publish(request: Request) -> None:
        if is_put(request, moment) and not done.is_set():
            done.set()
            has_rows = orphan.size("train-00000.parquet") is not None
            try:
                with orphan.put("train-00000.h5", lambda: has_rows) as path:
                    path.write_bytes(b"another one's")
            except FileExistsError:
                assert moment == "train-00001.h5"

    with bucket.trouble(before=publish):
        try:
            built(prepared, storage)
        except BuildError as error:  # its shard came between ours and our rows
            assert moment == "train-00000.parquet" and "train-00000.h5: replaced by another build" in str(error)
    built(prepared, storage)
    assert done.is_set() and contents(storage) == on_disk and verify(storage, None).problems == ()


def meeting(count: int, end: str) -> Callable[[Request], None]:
    """So many writers wait for each other before their first put of a file."""
    barrier = threading.Barrier(count)

    def wait(request: Request) -> None:
        if is_put(request, end) and request.number < count:
            barrier.wait(200)  # on a machine that is busy the other one may take its time

    return wait


@pytest.mark.parametrize("end", ["configuration.json", "train-00000.h5", "train-00000.parquet"])
def test_two_racing_builds_with_the_same_settings_are_one(
    prepared: Prepared, on_disk: Files, storage: ObjectStorage, bucket: Bucket, end: str
) -> None:
    with bucket.trouble(before=meeting(2, end)), ThreadPoolExecutor(2) as pool:
        both = [pool.submit(built, prepared, storage) for _ in range(2)]
        assert [each.result().totals.photos for each in both] == [5, 5]
    assert contents(storage) == on_disk


def test_of_two_racing_builds_with_different_settings_one_wins(
    prepared: Prepared, photos: Path, on_disk: Files, storage: ObjectStorage, bucket: Bucket
) -> None:
    others = prepare(photos, None, OTHERS, lambda news: None)
    with bucket.trouble(before=meeting(2, "configuration.json")), ThreadPoolExecutor(2) as pool:
        both = [pool.submit(built, each, storage) for each in (prepared, others)]
        won = [each.exception() is None for each in both]
    assert sorted(won) == [False, True]
    with pytest.raises(ConfigurationError, match=r"min_side: (200 → 100|100 → 200)"):
        raise both[won.index(False)].exception()  # type: ignore[misc]
    assert (contents(storage) == on_disk) is won[0] and verify(storage, None).problems == ()


def test_a_build_in_whose_place_another_was_begun_stores_nothing_more(
    prepared: Prepared, photos: Path, on_disk: Files, storage: ObjectStorage, bucket: Bucket
) -> None:
    others, begun = prepare(photos, None, OTHERS, lambda news: None), threading.Event()

    def overwritten(request: Request) -> None:
        if is_put(request, "train-00000.parquet") and not begun.is_set():
            begun.set()
            built(prepared, storage, overwrite=True)

    with bucket.trouble(before=overwritten), pytest.raises(BuildError, match="another build was begun in it meanwhile"):
        built(others, storage)
    assert contents(storage) == on_disk


def test_a_build_that_is_killed_goes_on(
    prepared: Prepared, photos: Path, on_disk: Files, storage: ObjectStorage, bucket: Bucket
) -> None:
    """kill -9 as the rows of the second shard are on their way, which come to nothing."""
    child = warm().Process(target=build_here, args=(photos, storage.url))

    def kill(request: Request) -> int | None:
        if is_put(request, "train-00001.parquet") and child.is_alive():
            child.kill()
            child.join()
            return 500
        return None

    with bucket.trouble(refuse=kill):
        child.start()
        until(lambda: not child.is_alive(), 60)
    assert child.exitcode == -signal.SIGKILL
    assert set(storage.list("train")) == {"train-00000.h5", "train-00000.parquet", "train-00001.h5"}
    again = built(prepared, storage)
    assert (again.built, again.resumed) == (2, 1) and contents(storage) == on_disk


def test_retry_and_mending(prepared: Prepared, on_disk: Files, storage: ObjectStorage) -> None:
    built(prepared, storage)
    found = open_source(SourceRequest(Path(prepared.origin["root"]))).listing().photos
    request = RetryRequest(storage, found, ("too_small",), {"min_side": 64}, prepared.weights)
    assert retry(request, 1, lambda news: None, engine=Here()).totals.samples == 5
    whole = contents(storage)
    assert {"retry-0001.json", "train-00003.h5", "train-00003.parquet"} <= whole.keys()
    storage.delete("samples.parquet", "manifest.json", "train-00001.parquet")
    assert verify(storage, None).problems
    with storage.put("samples.parquet") as path:
        path.write_bytes(whole["samples.parquet"])
    with storage.put("manifest.json") as path:
        path.write_bytes(whole["manifest.json"])
    repair(storage)
    assert contents(storage) == whole and verify(storage, None).problems == ()


@pytest.mark.usefixtures("in_process")
def test_commands_take_a_bucket(photos: Path, on_disk: Files, storage: ObjectStorage, tmp_path: Path) -> None:
    url = storage.url
    flags = ("--shard-size", 2, "--min-side", 200)
    said = annotated.build(photos, url, *flags)
    assert f"in {url}, " in said.out and f"Next: fishprep report '{url}', then fishfsr train '{url}'" in said.out
    assert contents(storage) == on_disk
    assert "3 shards, 4 samples, 4 derived again: sound" in run("fishprep", "verify", url, "--deep").out
    page = run("fishprep", "report", url).out
    assert page.startswith(f"{url}/report.html (") and b"<html" in storage.read("report.html")
    run("fishprep", "report", url, "--html", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == storage.read("report.html")
    here = tmp_path / "train-00000.h5"
    here.write_bytes(on_disk[here.name])
    assert run("fishprep", "inspect", f"{url}/{here.name}").out == run("fishprep", "inspect", here).out
    (tmp_path / "train-00000.parquet").write_bytes(on_disk["train-00000.parquet"])
    some = ("--where", "blur > 0")
    assert run("fishprep", "inspect", f"{url}/{here.name}", *some).out == run("fishprep", "inspect", here, *some).out
    run("fishprep", "report", url, *some, "--html", tmp_path / "some.html")
    (tmp_path / "copy").mkdir()
    for name, data in on_disk.items():
        (tmp_path / "copy" / name).write_bytes(data)
    assert fishprep.leaks(url, tmp_path / "copy").counts["A train ↔ B train"]["file"] == 4
    assert fishprep.leaks(url).counts == {}
    assert f"{url}/none.h5: there is no such file" in run("fishprep", "inspect", f"{url}/none.h5", code=1).err
    assert run("fishprep", "retry", url, "--status", "too_small", "--min-side", 64).out.startswith(
        "5 samples (5 train)"
    )
    storage.delete("train-00000.h5")
    assert f"{url}/train-00000.h5: gone" in run("fishprep", "verify", url, code=1).out


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    "command", ["build", "verify", "report", "retry", "rows", "diff", "describe", "leaks", "inspect", "train"]
)
def test_a_server_that_answers_nothing_ends_in_one_line(
    command: str, bucket: Bucket, storage: ObjectStorage, photos: Path, tmp_path: Path
) -> None:
    out = storage.url
    told = {
        "build": (photos, out, "--parser", "landmark-skin", "--landmarks", "annotation"),
        "report": (out, "--html", tmp_path / "report.html"),
        "retry": (out, "--status", "no_face"),
        "diff": (out, out),
        "inspect": (f"{out}/train-00000.h5",),
        "train": (out, "--scale", "8", "--out", tmp_path / "run", "--cache", tmp_path / "cache"),
    }
    with bucket.trouble(refuse=lambda request: 503):
        done = run("fishfsr" if command == "train" else "fishprep", command, *told.get(command, (out,)), code=1)
    assert "Traceback" not in done.err, done.err
    last = done.err.strip().splitlines()[-1]
    assert out in last and "the network or the server failed" in last, done.err


@pytest.mark.usefixtures("in_process")
def test_parts_meet_in_a_bucket(photos: Path, on_disk: Files, storage: ObjectStorage) -> None:
    flags = ("--shard-size", 2, "--min-side", 200)
    for part in ("1/2", "0/2"):
        annotated.build(photos, storage.url, *flags, "--part", part)
    assert contents(storage) == on_disk


def test_words_that_are_no_bucket(photos: Path, tmp_path: Path) -> None:
    for word in ("s3://", "http://host/shards", "s4://bucket/shards"):
        assert "a bucket is given as s3://BUCKET/PREFIX" in annotated.build(photos, word, code=1).err
    assert located(str(tmp_path)) == tmp_path and located("s3://b/c/") == ObjectStorage("s3://b/c")
    with pytest.raises(fishprep.FishPrepError, match="opened from files of this machine"):
        fishprep.open_shards("s3://b/c")


def test_a_server_that_ignores_conditions_is_found_out(
    prepared: Prepared, storage: ObjectStorage, bucket: Bucket
) -> None:
    with (
        bucket.trouble(strip=True),
        pytest.raises(BuildError, match=r"ignores the conditions of a put \(If-None-Match"),
    ):
        built(prepared, storage)
    assert storage.list() == []


@pytest.fixture
def no_bucket(bucket: Bucket) -> Iterator[ObjectStorage]:
    yield ObjectStorage("s3://no-such-bucket/shards")


def test_a_bucket_that_is_not_there(prepared: Prepared, no_bucket: ObjectStorage) -> None:
    with pytest.raises(BuildError, match="bucket does not exist"):
        built(prepared, no_bucket)


def test_of_a_large_file_parts_alone_are_fetched(bucket: Bucket) -> None:
    """As workers fetch their photos from a plan of millions."""
    storage, data = ObjectStorage(bucket.url()), os.urandom(300_000)
    with storage.put("plan") as path:
        path.write_bytes(data)
    with bucket.trouble() as trouble, storage.open("plan") as stream:
        stream.seek(-10, os.SEEK_END)
        assert stream.read() == data[-10:]
        stream.seek(1000)
        assert stream.read(20_000) == data[1000:21_000]
    asked = [request.headers.get("range", "") for request in trouble.seen if request.method == "GET"]
    assert asked and all(asked) and not any(each.startswith("bytes=0-") for each in asked)
    with pytest.raises(FileNotFoundError), storage.open("nothing"):
        pass
