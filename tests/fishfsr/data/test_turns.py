"""Shards that take turns on a disk: the order is recorded and exact, the disk is never overfull, and weights hang on no timing."""

import contextlib
import json
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from bucket import Bucket, Request, bucket_of_module, upload
from hypothesis import given, settings
from hypothesis import strategies as st
from support import run
from torch import Tensor
from training import QUICK, losses, steps, write

from fishfsr.checkpoint import Checkpoint, load_checkpoint
from fishfsr.data.budget import Budget
from fishfsr.data.near import Fetching
from fishfsr.data.stream import Share, Stream
from fishfsr.data.turns import TurningDataset, Turns
from fishfsr.data.windows import WindowedOrder, order_of
from fishfsr.errors import DataError
from fishfsr.training.journal import read_metrics
from fishprep.common.errors import ShardError
from fishprep.shards.cache import fetched_bytes
from fishprep.shards.remote import listed
from fishprep.shards.schema import image, skin
from fishprep.storage.objects import ObjectStorage

__all__ = ["bucket_of_module"]
COUNTS = {"train": (6, 5, 4, 5, 3, 6, 4), "val": (4,)}
SCALE = 2
WANTED = {image(128), image(64), skin(64)}
counts = st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(sum).map(tuple)


@settings(deadline=None, max_examples=60)
@given(counts, st.integers(1, 13), st.integers(0, 2**63 - 1))
def test_every_sample_comes_once_an_epoch_and_by_its_window(counts: tuple[int, ...], window: int, seed: int) -> None:
    order = WindowedOrder(counts, window, seed)
    size, ends = sum(counts), np.cumsum(counts)
    for epoch in (0, 1):
        places = np.arange(epoch * size, (epoch + 1) * size)
        found = order.indices(places)
        assert sorted(found.tolist()) == list(range(size))
        place = epoch * size
        used: list[int] = []
        while place < (epoch + 1) * size:
            now = order.window_at(place)
            assert now.start <= place < now.stop and len(now.shards) <= window
            shards = np.searchsorted(ends, found[now.start - epoch * size : now.stop - epoch * size], side="right")
            assert {*shards.tolist()} == {shard for shard in now.shards if counts[shard]}
            used += now.shards
            place = now.stop
        assert len(used) == len(set(used))
    whole = order.indices(np.arange(2 * size))
    some = np.arange(2 * size)[:: max(1, size // 3)]
    assert np.array_equal(order.indices(some), whole[some]), "a place has its sample, whoever asks for what else"


def test_windows_change_the_order_and_epochs_do() -> None:
    order = WindowedOrder((50,) * 10, 2, 0)
    first, second = order.indices(np.arange(500)), order.indices(np.arange(500, 1000))
    assert not np.array_equal(first, second)
    assert [order.window_at(place).shards for place in (0, 500)] != [(0, 1), (0, 1)]
    assert not np.array_equal(first, WindowedOrder((50,) * 10, 2, 1).indices(np.arange(500)))
    assert {*(first[:50] // 50).tolist()} == {*order.window_at(0).shards}, "samples of a window are shuffled"
    assert np.array_equal(order_of((5, 5), 2, 3).indices(np.arange(10)), order_of((5, 5), 0, 3).indices(np.arange(10)))


@settings(deadline=None, max_examples=60)
@given(counts, st.integers(1, 4), st.integers(1, 7))
def test_what_a_batch_needs_is_at_hand(counts: tuple[int, ...], window: int, batch: int) -> None:
    order = WindowedOrder(counts, window, 5)
    ends = np.cumsum(counts)
    for step in range(2 * sum(counts) // batch):
        places = np.arange(step * batch, (step + 1) * batch)
        now, then = order.at_hand(int(places[0]), int(places[-1]))
        assert {*np.searchsorted(ends, order.indices(places), side="right").tolist()} <= {*now}
        if then:
            assert len(now) <= window and order.window_at(order.window_at(int(places[0])).stop).shards == then


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("shards"), COUNTS)


@pytest.fixture(scope="module")
def stored(bucket: Bucket, folder: Path) -> ObjectStorage:
    return upload(folder, ObjectStorage(bucket.url()))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cache"


def room(storage: ObjectStorage, window: int) -> int:
    """Bytes for two windows, and what stands beside them."""
    shards = listed(storage)
    turning = [shard for shard in shards if shard.name.split == "train"]
    fixed = sum(fetched_bytes(shard, () if shard in turning else WANTED) for shard in shards)
    return fixed + 2 * window * max(fetched_bytes(shard, WANTED) for shard in turning)


def dataset(storage: ObjectStorage, cache: Path, window: int) -> TurningDataset:
    near = Fetching(("train", "val"), SCALE, cache).in_turns(
        [storage.url], room(storage, window) / 1e9, 0, lambda text: None
    )
    assert near.window == window and near.turns is not None
    return TurningDataset(near.paths, "train", SCALE, (), near.turns)


def on_the_disk(folder: Path) -> int:
    """Bytes that files take, without their holes. One that is being removed takes none, and `os.walk` passes over such folders."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_blocks * 512
    return total


@pytest.mark.parametrize("window", [1, 2])
def test_batches_are_those_of_a_folder_and_the_disk_holds_two_windows(
    folder: Path, stored: ObjectStorage, cache: Path, bucket: Bucket, window: int
) -> None:
    from fishfsr.data import ShardDataset

    chance, most = random.Random(window), 0
    done = threading.Event()

    def look() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, on_the_disk(cache))
            time.sleep(0.001)

    def delay(request: Request) -> None:
        time.sleep(chance.choice([0, 0, 0.03]))

    threading.Thread(target=look).start()
    try:
        with bucket.trouble(before=delay):
            there = Stream(dataset(stored, cache, window), Share(4), 7, window=window)
            here = Stream(ShardDataset(folder, "train", SCALE), Share(4), 7, window=window)
            for step in range(14):  # more than two epochs
                for ours, theirs in zip(there.read(step).batch, here.read(step).batch, strict=True):
                    assert (ours is None) == (theirs is None) and (ours is None or bool((ours == theirs).all()))
            assert np.array_equal(there.read(3).batch.hr, here.read(3).batch.hr), "a place before, as after a stop"
    finally:
        done.set()
    slack = 4096 * 40 + max(path.stat().st_size for path in folder.glob("*.h5"))
    assert most <= room(stored, window) + slack, "two windows, what stands for the others, and what a system rounds up"
    assert len(list(cache.glob("turns/*/*.h5"))) <= 2 * window


def test_what_is_not_at_hand_is_never_read(stored: ObjectStorage, cache: Path) -> None:
    faces = dataset(stored, cache, 1)
    faces.hold((0,), (1,))
    assert faces[0].hr.any()
    with pytest.raises(AssertionError, match="what stands for a shard is not read"):
        faces[len(faces) - 1]
    with pytest.raises(TypeError):
        faces.__getstate__()


def test_another_process_that_is_further_on_takes_nothing_away(stored: ObjectStorage, cache: Path) -> None:
    behind, ahead = dataset(stored, cache, 1), dataset(stored, cache, 1)
    behind.hold((0,), ())
    before = behind[0].hr.clone()
    ahead.hold((3,), (4,))
    assert bool((behind[0].hr == before).all()), "what is open stays"
    behind.hold((1,), ())
    assert behind[6].hr.any() and ahead[15].hr.any()


def test_what_another_process_removes_at_that_very_moment_is_fetched_again(
    stored: ObjectStorage, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = dataset(stored, cache, 1)
    take, taken = Turns.take, []

    def removed_once(turns: Turns, now: Sequence[Path], then: Sequence[Path]) -> None:
        take(turns, now, then)
        taken.append(now)
        if len(taken) == 1:
            turns.path(now[0]).unlink()

    monkeypatch.setattr(Turns, "take", removed_once)
    faces.hold((0,), ())
    assert faces[0].hr.any() and len(taken) == 2


def test_nothing_else_is_removed(stored: ObjectStorage, cache: Path, folder: Path) -> None:
    kept = Fetching(("train",), SCALE, cache).near([stored.url], lambda text: None)
    (cache / "turns" / "mine").mkdir(parents=True)
    faces = dataset(stored, cache, 1)
    for number in range(5):
        faces.hold((number,), ())
    assert all(path.is_file() for path in kept) and (cache / "turns" / "mine").is_dir()
    assert len(list(folder.glob("*.h5"))) == 8


def test_bytes_that_are_others_are_told(stored: ObjectStorage, cache: Path, bucket: Bucket, folder: Path) -> None:
    faces = dataset(stored, cache, 1)
    bad = upload(folder, ObjectStorage(bucket.url()))
    data = bytearray(bad.read("train-00002.h5"))
    data[len(data) // 2] ^= 1
    faces.hold((0,), ())
    with bad.put("train-00002.h5") as path:
        path.write_bytes(data)
    others = dataset(bad, cache.with_name("bad"), 1)
    others.hold((1,), (2,))
    with pytest.raises(ShardError, match="its bytes are not those"):
        others.hold((2,), (3,))


def test_sizes(stored: ObjectStorage, cache: Path) -> None:
    fetching = Fetching(("train", "val"), SCALE, cache)

    def window(size: int, asked: int = 0) -> int:
        return fetching.in_turns([stored.url], size / 1e9, asked, lambda text: None).window

    assert [window(room(stored, each)) for each in (1, 2)] == [1, 2]
    assert window(room(stored, 2), asked=1) == 1
    assert window(10**9) == 0 and window(10**9, asked=2) == 2
    with pytest.raises(DataError, match=r"--cache-size: .* are too few for these shards: two windows of 2, .* take"):
        window(room(stored, 2) - 1, asked=2)
    with pytest.raises(DataError, match="two windows of 1"):
        window(1000)
    shards = [listed(stored)]
    old = [[type(shard)(shard.name, shard.bytes, shard.sha256, None) for shard in some] for some in shards]
    with pytest.raises(DataError, match="does not say where datasets lie"):
        Budget(old, WANTED, 1000).window(0)


def test_a_training_in_windows_is_that_of_a_folder_and_goes_on(
    folder: Path, stored: ObjectStorage, cache: Path, tmp_path: Path
) -> None:
    flags = (*QUICK, *steps(9, 1), "--stage", "parsing", "--set", "validation.every=0")
    far = ("fishfsr", "train", stored.url, "--out", tmp_path / "far", "--cache", cache, "--cache-size")
    run("fishfsr", "train", folder, "--out", tmp_path / "near", "--set", "window=1", *flags)
    run(*far, room(stored, 1) / 1e9, *flags, "--max-minutes", 0.001)
    stopped = read_metrics(tmp_path / "far" / "metrics.jsonl")[-1]["step"]
    run(*far, room(stored, 1) / 1e9, *flags)
    assert stopped < 9 and losses(tmp_path / "near") == losses(tmp_path / "far")
    near, far_away = (load_checkpoint(tmp_path / name / "parsing.safetensors") for name in ("near", "far"))
    pairs = zip(weights_of(near), weights_of(far_away), strict=True)
    assert all(bool((one == other).all()) for one, other in pairs)
    assert json.loads((tmp_path / "far" / "configuration.json").read_text())["configuration"]["window"] == 1
    refused = run(*far, room(stored, 2) / 1e9, *flags, code=1)
    assert "window: 1 → 2" in refused.err


def weights_of(checkpoint: Checkpoint) -> list[Tensor]:
    assert checkpoint.parsing_net is not None
    return list(checkpoint.parsing_net.state_dict().values())


def test_turns_are_dropped_with_their_folder(tmp_path: Path) -> None:
    """A folder that is not there yet holds nothing to remove."""
    from fishprep.shards.cache import ShardCache

    Turns(ShardCache(tmp_path / "none"), {}, WANTED).take((), ())
    assert not (tmp_path / "none").exists()
