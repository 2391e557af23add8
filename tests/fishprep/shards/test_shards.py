"""The format: what is written is read back, the same bytes each time; damage of every kind is noticed."""

import gc
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from fishprep.common.errors import ShardError
from fishprep.shards import schema
from fishprep.shards.reader import Shard
from fishprep.shards.writer import Samples, write_shard

ATTRIBUTES = {
    "producer": "test",
    "configuration": '{"seed": 0}',
    "recipe": "r" * 64,
    "inputs": "i" * 64,
    "versions": "{}",
    "weights": "{}",
}


def samples(count: int = 5, classes: bool = True, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    return Samples(
        images={s: rng.integers(0, 256, (count, s, s, 3), np.uint8) for s in schema.SIZES},
        skin={s: rng.integers(0, 2, (count, s, s), np.uint8) for s in schema.SIZES},
        classes=rng.integers(0, 19, (count, 128, 128), np.uint8) if classes else None,
        landmarks=rng.uniform(0, 128, (count, 68, 2)).astype(np.float32),
        boxes=np.tile(np.array([0.5, 1.5, 130.5, 131.5], np.float32), (count, 1)),
        ids=[f"folder/é {i}" for i in range(count)],
        split="train",
    )


@pytest.fixture
def shard_file(tmp_path: Path) -> Path:
    path = tmp_path / "train-00000.h5"
    write_shard(path, samples(), ATTRIBUTES)
    return path


def test_what_is_written_is_read_back(shard_file: Path) -> None:
    written = samples()
    with Shard(shard_file) as shard:
        assert len(shard) == 5 and shard.ids == written.ids and shard.splits == ["train"] * 5
        for name, values in written.datasets().items():
            if name in shard:
                np.testing.assert_array_equal(shard[name], values)
                assert not shard[name].flags.writeable
        shard.check_values()
        assert shard.attributes.configuration == {"seed": 0} and shard.attributes.recipe == "r" * 64


def test_plain_h5py_reads_it_and_everything_is_contiguous(shard_file: Path) -> None:
    with h5py.File(shard_file) as file:
        assert file.attrs["schema_version"] == "1.0" and file["classes/128"].attrs["class_order"] == "celebamask-hq"
        assert "angle" not in file
        for field in schema.FIELDS:
            if field.name == "angle":
                continue
            assert file[field.name].chunks is None and file[field.name].compression is None
        np.testing.assert_array_equal(file["image/16"][2], samples().images[16][2])
        assert file["id"].asstr()[3] == "folder/é 3"


def test_angles_of_turned_crops(tmp_path: Path) -> None:
    """A reader of before reads such a shard too: it passes over what it does not know of version 1."""
    angles = np.array([0, 40, -40, 180, -12.5], np.float32)
    write_shard(tmp_path / "train-00000.h5", replace(samples(), angles=angles), ATTRIBUTES)
    with Shard(tmp_path / "train-00000.h5") as shard:
        np.testing.assert_array_equal(shard.angles, angles)
        assert shard.attributes.schema_version == "1.1"
    for wrong in (np.nan, 200):
        with pytest.raises(ShardError, match="an angle that is not in"):
            write_shard(tmp_path / "train-00001.h5", replace(samples(), angles=angles + wrong), ATTRIBUTES)


def test_the_same_samples_give_the_same_bytes(shard_file: Path, tmp_path: Path) -> None:
    write_shard(tmp_path / "again.h5", samples(), ATTRIBUTES)
    assert (tmp_path / "again.h5").read_bytes() == shard_file.read_bytes()


def test_two_threads_write_at_once(shard_file: Path, tmp_path: Path) -> None:
    """HDF5 takes two files in memory for one and the same where their names are equal."""
    content, together = samples().datasets(), threading.Barrier(2, timeout=20)

    class Met(Samples):
        """Both have begun their file before either fills it."""

        def datasets(self) -> dict[str, np.ndarray | list[str]]:
            together.wait()
            return content

    both = [Met(**vars(samples())) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        written = [pool.submit(write_shard, tmp_path / f"{i}.h5", each, ATTRIBUTES) for i, each in enumerate(both)]
        assert [each.exception() for each in written] == [None, None]
    assert {(tmp_path / f"{i}.h5").read_bytes() for i in range(2)} == {shard_file.read_bytes()}


def test_gather_copies_the_right_samples(shard_file: Path) -> None:
    with Shard(shard_file) as shard:
        out = np.empty((3, 16, 16, 3), np.uint8)
        assert shard.gather("image/16", [4, 0, 4], out) is out
        np.testing.assert_array_equal(out, samples().images[16][[4, 0, 4]])
        for bad in ([5], [-1]):
            with pytest.raises(IndexError):
                shard.gather("image/16", bad)


def test_a_pickled_shard_is_the_same_shard(shard_file: Path) -> None:
    copy = pickle.loads(pickle.dumps(Shard(shard_file)))
    np.testing.assert_array_equal(copy.images(8), samples().images[8])


def test_classes_are_optional(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.h5", samples(classes=False), ATTRIBUTES)
    with Shard(tmp_path / "a.h5") as shard, pytest.raises(ShardError, match="no dataset classes/128"):
        shard["classes/128"]


def broken(change: str) -> Samples:
    good = samples()
    arrays = {
        "skin": {"skin": {**good.skin, 16: good.skin[16] * 2}},
        "classes": {"classes": good.classes + 10 if good.classes is not None else None},
        "nan": {"landmarks": good.landmarks * np.float32("nan")},
        "box": {"boxes": good.boxes[:, ::-1]},
        "ids": {"ids": ["same"] * 5},
        "shape": {"images": {**good.images, 64: good.images[32]}},
        "count": {"landmarks": good.landmarks[:3]},
        "nothing": {"ids": []},
    }[change]
    return Samples(**{**vars(good), **arrays})  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["skin", "classes", "nan", "box", "ids", "shape", "count", "nothing"])
def test_samples_against_the_format_are_not_written(tmp_path: Path, change: str) -> None:
    with pytest.raises(ShardError):
        write_shard(tmp_path / "train-00000.h5", broken(change), ATTRIBUTES)
    assert list(tmp_path.iterdir()) == []


def test_every_truncation_is_noticed(shard_file: Path, tmp_path: Path) -> None:
    whole = shard_file.read_bytes()
    for length in [0, 1, 8, 96, 800, *np.linspace(2_000, len(whole) - 1, 25).astype(int)]:
        cut = tmp_path / "cut.h5"
        cut.write_bytes(whole[:length])
        with pytest.raises(ShardError, match=r"cut\.h5"):
            Shard(cut)


def test_no_length_of_a_text_is_believed(shard_file: Path, tmp_path: Path) -> None:
    """Of none of them: HDF5 would take 3.5 GiB for each, and then find that there is no such text."""
    good, path = shard_file.read_bytes(), tmp_path / "bad.h5"
    heap = good.index(b"GCOL").to_bytes(8, "little")
    with Shard(shard_file) as shard:
        kept = [range(start, start + size) for start, size in map(shard.extent, shard.arrays())]
    places = [i for i in range(4, len(good) - 8) if good[i : i + 8] == heap and not any(i in each for each in kept)]
    texts = [i for i in places if 0 < int.from_bytes(good[i + 8 : i + 12], "little") < 100]  # their number in the heap
    texts = [i for i in texts if b"class_order" not in good[i - 80 : i]]  # for other readers; nobody here asks
    assert len(texts) == len(schema.ATTRIBUTES) - 1 + 2 * 5  # all but the number of samples; two datasets of five
    for place in texts:
        for address in (heap, b"\x55" * 8):
            path.write_bytes(good[: place - 4] + (0xE0000000).to_bytes(4, "little") + address + good[place + 8 :])
            with pytest.raises(ShardError, match=r"text of 3,758,\d\d\d,\d\d\d bytes in a file of"):
                Shard(path)


@pytest.mark.parametrize(("number", "length"), [(0, 0), (0, 8), (1, 2**63), (1, 2**64 - 1)])
def test_a_damaged_heap_of_texts_is_not_walked_through(
    shard_file: Path, tmp_path: Path, number: int, length: int
) -> None:
    """HDF5 goes round in a circle where an object takes no room. Changed are the number and length of the first."""
    bad, path = bytearray(shard_file.read_bytes()), tmp_path / "bad.h5"
    place = bad.index(b"GCOL") + 16
    bad[place : place + 2], bad[place + 8 : place + 16] = number.to_bytes(2, "little"), length.to_bytes(8, "little")
    path.write_bytes(bad)
    with pytest.raises(ShardError, match="a damaged heap of texts at 2,048"):
        Shard(path)


def test_attributes_that_nobody_here_reads_are_of_any_kind(shard_file: Path) -> None:
    with h5py.File(shard_file, "r+") as file:
        file.attrs["mine"] = True
        file.attrs["more"] = np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])
    with Shard(shard_file) as shard:
        assert len(shard) == 5


def test_a_header_that_no_shard_has_is_named(shard_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "latest.h5"
    with h5py.File(shard_file) as old, h5py.File(path, "w", libver="latest") as new:
        for name, value in old.attrs.items():
            new.attrs[name] = value
    with pytest.raises(ShardError, match="a header of HDF5 that no shard has"):
        Shard(path)


def test_flipped_bytes_raise_nothing_but_shard_errors(shard_file: Path, tmp_path: Path) -> None:
    whole = np.frombuffer(shard_file.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        bad = whole.copy()
        bad[rng.integers(0, 6_000, 3)] ^= rng.integers(1, 256, 3, np.uint8)
        path = tmp_path / "bad.h5"
        path.write_bytes(bad.tobytes())
        try:
            with Shard(path) as shard:
                shard.check_values()
                assert shard.images(8).shape == (5, 8, 8, 3)
        except ShardError as error:
            assert "bad.h5" in str(error)
            refused += 1
    assert refused > 20


def alter(path: Path, change: str) -> None:
    with h5py.File(path, "a") as file:
        if change == "future":
            file.attrs["schema_version"] = "2.0"
        elif change == "no version":
            del file.attrs["schema_version"]
        elif change == "no recipe":
            del file.attrs["recipe"]
        elif change == "not json":
            file.attrs["configuration"] = "{"
        elif change == "no dataset":
            del file["image/8"]
        elif change == "group":
            del file["image/8"]
            file.create_group("image/8")
        elif change == "dtype":
            values = file["skin/8"][:].astype(np.int16)
            del file["skin/8"]
            file["skin/8"] = values
        elif change == "chunked":
            values = file["skin/8"][:]
            del file["skin/8"]
            file.create_dataset("skin/8", data=values, chunks=True)
        elif change == "numbers for ids":
            del file["id"]
            file["id"] = np.arange(5)
        elif change == "no bytes":
            del file["skin/8"]
            file.create_dataset("skin/8", shape=(5, 8, 8), dtype=np.uint8)
        elif change.startswith("samples"):
            file.attrs["samples"] = {"inf": np.inf, "half": 4.5, "many": np.arange(5)}[change.split()[1]]
        elif change == "recipe of numbers":
            file.attrs["recipe"] = np.arange(3)
        elif change == "deep json":
            file.attrs["versions"] = "[" * 20_000


CHANGES = {
    "future": "shard format 2.0; this version reads 1.x",
    "no version": "no attribute schema_version",
    "no recipe": "missing attributes: recipe",
    "not json": "configuration is not JSON",
    "no dataset": "no dataset image/8",
    "group": "not a dataset",
    "dtype": "dtype int16",
    "chunked": "contiguous",
    "numbers for ids": "id is not text",
    "no bytes": "skin/8 has no values",
    "samples inf": "says that it holds inf samples",
    "samples half": "says that it holds 4.5 samples",
    "samples many": "says that it holds",
    "recipe of numbers": "attribute recipe is not text",
    "deep json": "versions is not JSON",
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_formats_are_refused_in_words(shard_file: Path, change: str) -> None:
    alter(shard_file, change)
    with pytest.raises(ShardError, match=CHANGES[change]):
        Shard(shard_file)


def lead_out(path: Path, name: str, how: str, other: Path) -> None:
    """Replace a dataset by the values of another file, in one of the ways in which HDF5 can."""
    with h5py.File(path, "a") as file:
        old = file[name]
        shape, dtype = old.shape, old.dtype
        if how == "link of its group":
            group, _, name = name.partition("/")
            del file[group]
            file[group] = h5py.ExternalLink(str(other), group)
            return
        del file[name]
        if how == "external link":
            file[name] = h5py.ExternalLink(str(other), name)
        elif how == "soft link":
            file[name] = h5py.SoftLink("/skin/16")
        elif how == "link to a pipe":
            pipe = other.with_name("pipe.h5")
            os.mkfifo(pipe)
            file[name] = h5py.ExternalLink(str(pipe), name)
        elif how == "storage":
            file.create_dataset(name, shape, dtype, external=[(str(other), 0, h5py.h5f.UNLIMITED)])
        elif how == "virtual":
            layout = h5py.VirtualLayout(shape, dtype)
            layout[:] = h5py.VirtualSource(str(other), name, shape)
            file.create_virtual_dataset(name, layout)


WAYS_OUT = ["external link", "link of its group", "soft link", "link to a pipe", "storage", "virtual"]


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
@pytest.mark.parametrize("how", WAYS_OUT)
@pytest.mark.parametrize("name", ["image/128", "classes/128"])
def test_no_dataset_leads_out_of_its_file(shard_file: Path, tmp_path: Path, how: str, name: str) -> None:
    refuse_to_leave(shard_file, tmp_path, how, name)


@pytest.mark.parametrize("how", ["external link", "soft link", "virtual"])
def test_no_text_leads_out_of_its_file(shard_file: Path, tmp_path: Path, how: str) -> None:
    refuse_to_leave(shard_file, tmp_path, how, "id")


def refuse_to_leave(shard_file: Path, tmp_path: Path, how: str, name: str) -> None:
    other = tmp_path / "other.h5"
    write_shard(other, samples(seed=1), ATTRIBUTES)
    lead_out(shard_file, name, how, other)
    with pytest.raises(ShardError, match=f"{name.partition('/')[0]}.* (is a link to another place|in another file)"):
        Shard(shard_file)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train-00000.h5")
    with pytest.raises(ShardError, match="not a regular file"):
        Shard(tmp_path / "train-00000.h5")


@pytest.mark.skipif(os.name != "posix", reason="other systems do not limit open files")
def test_a_shard_that_others_have_locked_is_read_all_the_same(shard_file: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with open(shard_file, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with Shard(shard_file) as shard:
            assert len(shard) == 5


def test_open_shards_hold_no_open_files(shard_file: Path) -> None:
    before = set(Path("/dev/fd").iterdir())
    shards = [Shard(shard_file) for _ in range(20)]
    assert set(Path("/dev/fd").iterdir()) == before
    views = [shard.images(8)[3] for shard in shards]
    for shard in shards:
        shard.close()
    del shards, shard
    for view in views:  # what was handed out stays readable, and nobody writes into it
        np.testing.assert_array_equal(view, samples().images[8][3])
        with pytest.raises(ValueError):
            view.flags.writeable = True


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at Linux's list of mappings")
def test_a_mapping_goes_with_its_last_view(shard_file: Path) -> None:
    def mappings() -> int:
        return Path("/proc/self/maps").read_text().count(str(shard_file))

    shard = Shard(shard_file)
    view = shard.images(8)[0]
    shard.close()
    assert mappings() == 1
    del shard, view
    gc.collect()
    assert mappings() == 0


def test_not_a_shard_at_all(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("not HDF5")
    for name in ("text.h5", "none.h5"):
        with pytest.raises(ShardError, match=name):
            Shard(tmp_path / name)


def test_names_sort_by_split_and_number(tmp_path: Path) -> None:
    for name in (
        "train-00010.h5",
        "train-00002.h5",
        "test-00000.h5",
        "train-100000.h5",
        "x.h5",
        ".train-00001.h5.9.tmp",
    ):
        (tmp_path / name).touch()
    assert [path.name for path in schema.shard_paths(tmp_path)] == [
        "test-00000.h5",
        "train-00002.h5",
        "train-00010.h5",
        "train-100000.h5",
    ]
