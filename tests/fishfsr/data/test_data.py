"""Shards → batches: the right samples, each once an epoch, the same however they are cut, damage noticed."""

import json
import multiprocessing
import os
import pickle
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import training
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader
from warm import warm

from fishfsr.data import Degradation, Order, ShardDataset, Share, Stream, to_faces
from fishfsr.data.degradation import gaussian
from fishfsr.data.stream import ahead
from fishfsr.errors import ConfigurationError, DataError
from fishfsr.evaluation.faces import SplitFaces
from fishprep.common.errors import ShardError
from fishprep.shards.reader import Shard


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (5, 3, 9), "val": (2,)})


@pytest.fixture
def dataset(folder: Path) -> ShardDataset:
    return ShardDataset(folder, scale=4)


def hr_of(folder: Path) -> np.ndarray:
    """All training faces, by plain slicing."""
    return np.concatenate([Shard(path).images(128) for path in sorted(folder.glob("train-*.h5"))])


def test_a_batch_holds_the_samples_asked_for(dataset: ShardDataset, folder: Path) -> None:
    asked = [16, 0, 5, 7, 4, 8, 5]
    batch = dataset.__getitems__(asked)
    np.testing.assert_array_equal(batch.hr.numpy(), hr_of(folder)[asked])
    skin = np.concatenate([Shard(path).skin(32) for path in sorted(folder.glob("train-*.h5"))])
    np.testing.assert_array_equal(batch.skin.numpy(), skin[asked])
    assert batch.lr.shape == (7, 32, 32, 3) and batch.lr.dtype == torch.uint8 and batch.indices.tolist() == asked
    assert dataset.ids([16, 0, 5]) == ["train/2/8", "train/0/0", "train/1/0"]
    one = dataset[7]
    assert one.hr.shape == (128, 128, 3) and torch.equal(one.hr, batch.hr[3])
    for wrong in ([-1], [17]):
        with pytest.raises(IndexError, match="17"):
            dataset.__getitems__(wrong)


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_a_loader_of_ones_own(dataset: ShardDataset, folder: Path, start: str) -> None:
    loader = DataLoader(
        dataset,
        batch_size=6,
        shuffle=True,
        collate_fn=ShardDataset.collate,
        num_workers=1,
        multiprocessing_context=warm() if start == "forkserver" else multiprocessing.get_context(start),
    )
    batches = list(loader)
    assert [len(batch.hr) for batch in batches] == [6, 6, 5]
    order = torch.cat([batch.indices for batch in batches])
    assert sorted(order.tolist()) == list(range(17))
    np.testing.assert_array_equal(torch.cat([batch.hr for batch in batches]).numpy(), hr_of(folder)[order.numpy()])


def test_what_travels_to_a_worker_does_not_grow_with_the_data(dataset: ShardDataset, folder: Path) -> None:
    large = training.write(folder.parent / "large", {"train": (300,)})
    few = training.write(folder.parent / "few", {"train": (3,)})
    sizes = [len(pickle.dumps(ShardDataset(path, scale=4))) for path in (large, few)]
    assert abs(sizes[0] - sizes[1]) < 8
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy.__getitems__([3, 9]).hr, dataset.__getitems__([3, 9]).hr)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1500), st.integers(0, 2**63 - 1))
def test_each_epoch_holds_every_sample_once(count: int, seed: int) -> None:
    order = Order(count, seed)
    for epoch in (0, 3, 8, 40):  # some of which begin and end in blocks of their own
        places = np.arange(epoch * count, (epoch + 1) * count)
        np.testing.assert_array_equal(np.sort(order.indices(places)), np.arange(count))


def test_the_order_is_shuffled_anew_by_epoch_and_seed() -> None:
    count = 4000
    epochs = [Order(count, seed).indices(np.arange(e * count, (e + 1) * count)) for seed, e in ((0, 0), (0, 1), (1, 0))]
    for one in epochs:
        assert abs(np.corrcoef(one, np.arange(count))[0, 1]) < 0.06  # 3.8 sigma of a random order
        assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.06
        # neighbours in a random order are a third of the range apart, on average
        assert np.abs(np.diff(one)).mean() == pytest.approx(count / 3, rel=0.05)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (epochs[a] == epochs[b]).sum() < 10


@pytest.mark.parametrize(("parts", "world"), [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)])
def test_a_step_reads_the_same_however_it_is_cut(dataset: ShardDataset, parts: int, world: int) -> None:
    degradation = Degradation(share=0.8, blur=(0.2, 1.0), noise=(0, 9), jpeg=(30, 90))
    whole = Stream(dataset, Share(8), 7, degradation=degradation).read(5)
    cut = [
        Stream(dataset, Share(8, parts, rank, world), 7, degradation=degradation).read(5, part)
        for part in range(parts)
        for rank in range(world)
    ]
    for number in range(4):
        assert torch.equal(torch.cat([read.batch[number] for read in cut]), whole.batch[number])
    assert torch.equal(torch.cat([read.flip for read in cut]), whole.flip)


def test_a_batch_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="batch_size = 8 cannot be cut into 3 parts"):
        Share(8, parts=3)


def test_a_stream_goes_on_where_it_is_told_to(dataset: ShardDataset) -> None:
    stream = Stream(dataset, Share(4, 2), seed=3)
    reads = stream.parts(0)
    first = [next(reads).batch.indices.tolist() for _ in range(20)]
    later = stream.parts(7)
    assert [next(later).batch.indices.tolist() for _ in range(6)] == first[14:]
    epoch = [index for read in first for index in read][:17]
    assert sorted(epoch) == list(range(17))


def test_faces_are_converted_and_mirrored_together(dataset: ShardDataset) -> None:
    batch = dataset.__getitems__([2, 11])
    faces = to_faces(batch, torch.device("cpu"), torch.tensor([True, False]))
    expected = batch.hr.numpy().astype(np.float32).transpose(0, 3, 1, 2) / 255
    np.testing.assert_array_equal(faces.hr[0].numpy(), expected[0, :, :, ::-1])
    np.testing.assert_array_equal(faces.hr[1].numpy(), expected[1])
    np.testing.assert_array_equal(faces.skin[0, 0].numpy(), batch.skin[0].numpy()[:, ::-1])
    small = batch.lr.numpy().astype(np.float32).transpose(0, 3, 1, 2) / 255
    np.testing.assert_array_equal(faces.lr[0].numpy(), small[0, :, :, ::-1])
    np.testing.assert_array_equal(faces.lr[1].numpy(), small[1])
    assert faces.lr.is_contiguous(memory_format=torch.channels_last) and faces.skin.shape == (2, 1, 32, 32)
    plain = to_faces(batch, torch.device("cpu"))
    torch.testing.assert_close(plain.hr.flip(3)[0], faces.hr[0])


def test_half_of_the_faces_are_mirrored(dataset: ShardDataset) -> None:
    flips = torch.cat([Stream(dataset, Share(16), 1).read(step).flip for step in range(100)])
    assert 0.45 < flips.double().mean() < 0.55
    assert Stream(dataset, Share(4), 1, flip=False).read(0).flip is None


def test_degradation_touches_lr_alone_and_only_when_asked(dataset: ShardDataset) -> None:
    clean = Stream(dataset, Share(8), 1).read(0).batch
    noisy = Stream(dataset, Share(8), 1, degradation=Degradation(share=1.0, noise=(5, 5))).read(0).batch
    assert torch.equal(clean.hr, noisy.hr) and torch.equal(clean.skin, noisy.skin)
    difference = noisy.lr.double() - clean.lr.double()
    inner = (clean.lr > 25) & (clean.lr < 230)  # where nothing is cut off
    assert difference[inner].std() == pytest.approx(5, rel=0.1)
    assert not Degradation().active and not Degradation(noise=(1, 2)).active
    half = Stream(dataset, Share(64), 1, degradation=Degradation(share=0.5, noise=(5, 5)))
    touched = (half.read(0).batch.lr != Stream(dataset, Share(64), 1).read(0).batch.lr).flatten(1).any(1)
    assert 0.3 < touched.double().mean() < 0.7


def test_blur_and_jpeg_do_what_they_say() -> None:
    point = np.zeros((2, 31, 31, 3))
    point[:, 15, 15] = 1000.0
    still, spread = gaussian(point, np.array([0.0, 2.0]))[..., 0] / 1000
    np.testing.assert_allclose(still, point[0, ..., 0] / 1000)
    y, x = np.mgrid[:31, :31] - 15
    assert spread.sum() == pytest.approx(1)
    assert (spread * x**2).sum() == pytest.approx(4, rel=0.05) and (spread * y**2).sum() == pytest.approx(4, rel=0.05)
    drawn = training.drawn(4, "train").images
    faces = drawn[32].copy()
    before = faces.copy()
    Degradation(share=1, jpeg=(20, 20)).apply(drawn[128], faces, 0, np.arange(4))
    error = np.abs(faces.astype(int) - before).mean()
    assert 0.3 < error < 20
    same = np.asarray(Image.fromarray(before[0]))
    assert not np.array_equal(same, faces[0])


def test_shards_that_do_not_go_together_are_refused(folder: Path, tmp_path: Path) -> None:
    other = training.write(tmp_path / "other", {"train": (2,)}, recipe="s" * 64, crop="dic")
    with pytest.raises(DataError, match=r"different recipes \(rrrrrrrrrrrr and ssssssssssss\).*crop square and dic"):
        ShardDataset([folder, other])
    same = training.write(tmp_path / "same", {"train": (2,)})
    assert len(ShardDataset([folder, same])) == 19
    with pytest.raises(DataError, match=r"no shards of the split 'test'; there are train, val"):
        ShardDataset(folder, split="test")
    with pytest.raises(DataError, match="fishprep build"):
        ShardDataset(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        ShardDataset(tmp_path / "absent")
    with pytest.raises(DataError, match=r"val-00000\.h5: no shards of the split 'train'; there are val"):
        ShardDataset([folder / "val-00000.h5"], split="train")
    with pytest.raises(ConfigurationError, match="scale = 3"):
        ShardDataset(folder, scale=3)


@pytest.mark.skipif(os.name != "posix", reason="other systems do not limit open files")
def test_more_shards_than_open_files_are_allowed(tmp_path: Path) -> None:
    """In a process of its own: what other tests left running in this one opens files when it likes."""
    folder = training.write(tmp_path / "many", {"train": (1,)})
    one = folder / "train-00000.h5"
    for number in range(1, 80):
        (folder / f"train-{number:05d}.h5").hardlink_to(one)
    process = warm().Process(target=opened_with_few_files, args=(folder,))
    process.start()
    process.join(120)
    assert process.exitcode == 0


def opened_with_few_files(folder: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(path.name) for path in Path("/dev/fd").iterdir()}
    free = [number for number in range(1000) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[16], hard))
    opened = ShardDataset(folder, scale=8)
    faces = SplitFaces(folder, "train", scale=8)
    assert len(opened) == 80 and opened[79].hr.shape[:2] == (128, 128) and len(faces) == 80


def test_damage_while_reading_is_an_error_not_a_crash(tmp_path: Path) -> None:
    folder = training.write(tmp_path, {"train": (4, 4)})
    dataset = ShardDataset(folder, scale=4)
    with open(folder / "train-00001.h5", "r+b") as stream:
        stream.truncate(Path(stream.name).stat().st_size // 2)
    assert len(dataset.__getitems__([0, 3]).hr) == 2
    with pytest.raises(ShardError, match=r"train-00001\.h5.*fishprep verify"):
        dataset.__getitems__([0, 6])
    with pytest.raises(ShardError, match=r"train-00001\.h5"):
        ShardDataset(folder, scale=4)


def test_a_map_that_is_none_is_an_error(tmp_path: Path) -> None:
    folder = training.write(tmp_path, {"train": (4, 4)})
    path = folder / "train-00001.h5"
    skin = Shard(path).skin(32)
    start = path.read_bytes().index(np.ascontiguousarray(skin).tobytes())
    dataset = ShardDataset(folder, scale=4)
    with open(path, "r+b") as stream:
        stream.seek(start + 2 * 32 * 32)
        stream.write(b"\xff" * 64)
    with pytest.raises(ShardError, match=r"train-00001\.h5: changed or damaged"):
        dataset.__getitems__([0, 1, 6])


def test_reading_ahead_keeps_order_hands_over_errors_and_ends() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ShardError("damaged")

    read = ahead(items())
    assert [next(read) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ShardError, match="damaged"):
        next(read)
    endless = ahead(iter(int, 1))
    assert next(endless) == 0
    endless.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_what_shards_of_one_recipe_do_not_say_or_share_is_noted(tmp_path: Path) -> None:
    folder = training.write(tmp_path, {"train": (2, 2, 2)})
    assert ShardDataset(folder).notes == (
        "3 of 3 shards from before versions of algorithms were recorded: the first version of each is assumed",
    )
    for number, decoder in ((1, "1"), (2, "2")):
        with h5py.File(folder / f"train-0000{number}.h5", "a") as file:
            file.attrs["versions"] = json.dumps({"torch": str(number), "fishprep/decoder": decoder})
    assert ShardDataset(folder).notes == (
        "1 of 3 shards from before versions of algorithms were recorded: the first version of each is assumed",
        "shards of one recipe, but made by other algorithms: fishprep/decoder: 1 → 2",
    )
