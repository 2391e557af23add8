"""Shards of a bucket: fetched once, no more than is needed, proved, and trained on as those of a folder."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bucket import Bucket, bucket_of_module, upload
from support import run
from training import QUICK, steps, write

from fishfsr.data import ShardDataset
from fishfsr.data.near import Fetching
from fishfsr.errors import DataError
from fishprep.common.errors import ShardError
from fishprep.common.files import sha256_file
from fishprep.shards.pieces import pieces_of
from fishprep.shards.reader import Shard
from fishprep.storage.objects import ObjectStorage

__all__ = ["bucket_of_module"]
COUNTS = {"train": (6, 5), "val": (4,), "test": (3,)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("shards"), COUNTS)


@pytest.fixture(scope="module")
def stored(bucket: Bucket, folder: Path) -> ObjectStorage:
    return upload(folder, ObjectStorage(bucket.url()))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cache"


def near(storage: ObjectStorage, cache: Path, scale: int = 8, splits: tuple[str, ...] = ("train",)) -> tuple[Path, ...]:
    return Fetching(splits, scale, cache).near([storage.url], lambda text: None)


@pytest.mark.parametrize("scale", [2, 8])
def test_the_faces_are_those_of_the_folder(folder: Path, stored: ObjectStorage, cache: Path, scale: int) -> None:
    here, there = ShardDataset(near(stored, cache, scale), "train", scale), ShardDataset(folder, "train", scale)
    assert here.fingerprint == there.fingerprint and len(here) == len(there) == 11
    for part, other in zip(here.__getitems__(range(11)), there.__getitems__(range(11)), strict=True):
        assert np.array_equal(part, other)
    assert here.ids([0, 10]) == there.ids([0, 10])


def test_only_what_a_scale_needs_is_fetched_and_once(
    folder: Path, stored: ObjectStorage, cache: Path, bucket: Bucket
) -> None:
    with bucket.trouble() as trouble:
        paths = near(stored, cache)
    asked = [request for request in trouble.seen if request.key.endswith(".h5")]
    assert {request.key.rpartition("/")[2] for request in asked} == {"train-00000.h5", "train-00001.h5"}
    fetched = sum(1 + int(end) - int(start) for start, end in (r.headers["range"][6:].split("-") for r in asked))
    with Shard(folder / "train-00000.h5") as shard:
        wanted = sum(shard[name].nbytes for name in ("image/128", "image/16", "skin/16")) // len(shard) * 11
        unwanted = sum(shard[f"image/{size}"].nbytes for size in (64, 32, 8)) // len(shard) * 11
    whole = sum(path.stat().st_size for path in paths)
    assert wanted < fetched < whole - unwanted
    with bucket.trouble() as trouble:
        assert near(stored, cache) == paths
    assert [request.key.rpartition("/")[2] for request in trouble.seen] == ["manifest.json"]


def test_a_build_without_pieces_is_fetched_whole(folder: Path, bucket: Bucket, cache: Path) -> None:
    older = upload(folder, ObjectStorage(bucket.url()), pieces=False)
    for path in near(older, cache):
        assert path.read_bytes() == (folder / path.name).read_bytes()


@pytest.mark.parametrize("pieces", [True, False])
def test_bytes_that_are_others_are_refused_and_not_kept(
    folder: Path, bucket: Bucket, cache: Path, pieces: bool
) -> None:
    storage = upload(folder, ObjectStorage(bucket.url()), pieces)
    with Shard(folder / "train-00001.h5") as shard:
        offset, _ = shard.extent("image/16")
    data = bytearray((folder / "train-00001.h5").read_bytes())
    data[offset] ^= 1
    with storage.put("train-00001.h5") as path:
        path.write_bytes(data)
    with pytest.raises(ShardError, match=r"train-00001.h5: its bytes are not those that the manifest speaks of"):
        near(storage, cache)
    assert not list(cache.rglob("train-00001.h5"))


@pytest.mark.parametrize("name", ["id", "box"])
def test_what_is_small_is_proved_too(folder: Path, bucket: Bucket, cache: Path, name: str) -> None:
    storage = upload(folder, ObjectStorage(bucket.url()))
    data = bytearray((folder / "train-00000.h5").read_bytes())
    place = data.index(b"train/0/1") if name == "id" else data.index(np.float32([0, 0, 128, 128]).tobytes())
    data[place + 8] ^= 1
    with storage.put("train-00000.h5") as path:
        path.write_bytes(data)
    with pytest.raises(ShardError, match="its bytes are not those"):
        near(storage, cache)


def test_a_network_that_fails_is_no_fault_of_the_shards(stored: ObjectStorage, cache: Path, bucket: Bucket) -> None:
    with (
        bucket.trouble(refuse=lambda r: 403 if r.key.endswith("train-00001.h5") else None),
        pytest.raises(DataError, match=r"train-00001.h5: access is denied: .*; what was fetched is kept"),
    ):
        near(stored, cache)
    with bucket.trouble() as trouble:
        assert len(near(stored, cache)) == 2
    assert not trouble.count("GET", "train-00000.h5")


def test_answers_that_are_lost_change_no_byte(folder: Path, stored: ObjectStorage, cache: Path, bucket: Bucket) -> None:
    with bucket.trouble(lose=lambda r: r.number == 0):
        here = ShardDataset(near(stored, cache), "train", 8)
    there = ShardDataset(folder, "train", 8)
    assert all(
        np.array_equal(*pair) for pair in zip(here.__getitems__(range(11)), there.__getitems__(range(11)), strict=True)
    )


def test_one_fetches_and_others_wait(stored: ObjectStorage, cache: Path, bucket: Bucket) -> None:
    with bucket.trouble() as trouble:
        near(stored, cache.with_name("alone"))
    alone = trouble.count("GET", ".h5")
    with bucket.trouble() as trouble, ThreadPoolExecutor(4) as pool:
        found = {each.result() for each in [pool.submit(near, stored, cache) for _ in range(4)]}
    assert len(found) == 1 and trouble.count("GET", ".h5") == alone


def test_what_there_is_no_room_for_is_said_before(
    stored: ObjectStorage, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(cache.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    with pytest.raises(ShardError, match=r"are not here yet, and 1.0 KB are free: make room, or name another folder"):
        near(stored, cache)
    assert not list(cache.rglob("*.h5"))


@pytest.mark.parametrize(
    "change, why",
    [
        ({"sha256": "../../../etc"}, "no record of a shard"),
        ({"file": "../train-00000.h5"}, None),
        ({"bytes": "12"}, "no record of a shard"),
        ({"pieces": {"rest": [0, 10, "a"]}}, "its pieces do not make a file"),
        ({"pieces": {"image/128": [-5, 10, "a"], "rest": [0, 10, "a"]}}, "its pieces do not make a file"),
        ({"pieces": {"image/128": ["0", 10, "a"], "rest": [0, 10, "a"]}}, "image/128 is no piece"),
        ({"pieces": {"elsewhere": [0, 10, "a"]}}, "no pieces of a shard"),
    ],
)
def test_a_manifest_may_say_anything(
    folder: Path, bucket: Bucket, cache: Path, change: dict[str, object], why: str | None
) -> None:
    storage = ObjectStorage(bucket.url())
    path = folder / "train-00000.h5"
    record = {"file": path.name, "sha256": sha256_file(path), "bytes": path.stat().st_size, "pieces": pieces_of(path)}
    with storage.put("manifest.json") as here:
        here.write_text(json.dumps({"shards": [record | change]}))
    with pytest.raises((ShardError, DataError), match=why):
        near(storage, cache)
    assert not cache.exists() or not list(cache.rglob("*.h5"))


def test_what_is_no_build_is_said(bucket: Bucket, stored: ObjectStorage, cache: Path, folder: Path) -> None:
    with pytest.raises(ShardError, match=r"no manifest.json in it: no finished build; make one with: fishprep build"):
        near(ObjectStorage(bucket.url()), cache)
    storage = upload(folder / "none", ObjectStorage(bucket.url()))
    with pytest.raises(DataError, match="no shards of the split train; there are none at all"):
        near(storage, cache)


def test_folders_stay_where_they_are(folder: Path, cache: Path) -> None:
    file = folder / "train-00000.h5"
    assert Fetching(("train",), 8, cache).near([folder, str(file)], lambda text: None) == (folder, file)
    assert not cache.exists()


def test_a_training_and_an_evaluation_are_those_of_a_folder(
    folder: Path, stored: ObjectStorage, cache: Path, tmp_path: Path
) -> None:
    flags = (*QUICK, *steps(1, 2))
    for shards, out in ((folder, "near"), (stored.url, "far")):
        run("fishfsr", "train", shards, "--out", tmp_path / out, "--cache", cache, *flags)
        name = tmp_path / f"{out}-eval"
        checkpoint = tmp_path / out / "best.safetensors"
        run(
            "fishfsr", "eval", checkpoint, shards, "-o", name, "--identity", "none", "--cache", cache, "-q", "--show", 1
        )
    assert (tmp_path / "near/best.safetensors").read_bytes() == (tmp_path / "far/best.safetensors").read_bytes()
    assert (tmp_path / "near-eval/per_face.csv").read_bytes() == (tmp_path / "far-eval/per_face.csv").read_bytes()
    said = json.loads((tmp_path / "far/configuration.json").read_text())
    assert said["shards"] == [stored.url]
    assert stored.url in (tmp_path / "far-eval/summary.json").read_text()
