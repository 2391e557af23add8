"""What an export holds, read by the libraries that it is made for, and compared with the shards bit by bit."""

import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_shards import attributes, samples
from PIL import Image
from support import run

import fishprep
from fishprep.common.errors import BuildError, ConfigurationError, FishPrepError, ShardError
from fishprep.formats.keys import LONGEST, file_keys
from fishprep.shards.writer import write_shard

LAYERS = 11
AUTHORS = {"HR": "image_128", "LR": "image_16", "LR_x2": "image_64", "LR_x4": "image_32", "LR_x16": "image_8"}
"""Folders of the authors' code, x8 without a mark; `global_2_` before a folder's name is its skin map."""


def library(name: str) -> ModuleType:
    """A peer's library; continuous integration must have it."""
    if os.environ.get("CI") == "true":
        return importlib.import_module(name)
    return pytest.importorskip(name)


def lines(path: Path) -> dict[str, dict[str, Any]]:
    """The faces that a file of JSON lines tells of, by id."""
    return {face["id"]: face for face in map(json.loads, path.read_text().splitlines())}


def check_facts(told: dict[str, Any], known: Any) -> None:
    assert np.array_equal(np.array(told["landmarks"], np.float32), known.landmarks)
    assert np.array_equal(np.array(told["box"], np.float32), known.box)


def check_pictures(found: dict[str, np.ndarray], known: Any) -> None:
    assert found.keys() == known.pictures.keys()
    for name, pixels in found.items():
        expected = known.pictures[name] * (255 if name.startswith("skin") else 1)
        assert pixels.dtype == np.uint8 and np.array_equal(pixels, expected), name


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def read_folder(out: Path, split: str) -> dict[str, dict[str, np.ndarray]]:
    """As the authors pair files: by their places in the sorted folders; then by names, as BasicSR does."""
    layers = {f"{before}{folder}": kind for folder, kind in AUTHORS.items() for before in ("", "global_2_")}
    files = {folder: sorted((out / split / folder).glob("*.png")) for folder in (*layers, "classes")}
    names = [[file.name for file in listed] for listed in files.values()]
    assert all(each == names[0] for each in names)
    found: dict[str, dict[str, np.ndarray]] = {}
    for place, name in enumerate(names[0]):
        pictures = {folder: np.asarray(Image.open(listed[place])) for folder, listed in files.items()}
        assert all(pictures[folder].ndim == 3 for folder in layers), "ToTensor gives three channels"
        found[name.removesuffix(".png")] = _by_layer(pictures)
    return found


def _by_layer(pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Pictures by the folder's name → by the layer's; the three channels of a skin map are one."""
    found = {"classes_128": pictures["classes"]}
    for folder, layer in AUTHORS.items():
        found[layer] = pictures[folder]
        skin = pictures[f"global_2_{folder}"]
        assert (skin == skin[..., :1]).all()
        found[layer.replace("image", "skin")] = skin[..., 0]
    return found


def read_lmdb(out: Path, split: str) -> dict[str, dict[str, np.ndarray]]:
    """As BasicSR's reader: keys of meta_info.txt, bytes through OpenCV, BGR turned to RGB."""
    lmdb = library("lmdb")
    found: dict[str, dict[str, np.ndarray]] = {}
    folders = [*AUTHORS, *(f"global_2_{name}" for name in AUTHORS), "classes"]
    for folder in folders:
        path = out / f"{split}_{folder}.lmdb"
        meta = [line.split(".")[0] for line in (path / "meta_info.txt").read_text().splitlines()]
        environment = lmdb.open(str(path), readonly=True, lock=False, readahead=False, meminit=False)
        with environment.begin(write=False) as transaction:
            assert environment.stat()["entries"] == len(meta)
            for key, line in zip(meta, (path / "meta_info.txt").read_text().splitlines(), strict=True):
                data = np.frombuffer(transaction.get(key.encode("ascii" if key.isascii() else "utf-8")), np.uint8)
                pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED if folder == "classes" else cv2.IMREAD_COLOR)
                channels = 1 if pixels.ndim == 2 else pixels.shape[2]
                assert line == f"{key}.png ({pixels.shape[0]},{pixels.shape[1]},{channels}) 1"
                found.setdefault(key, {})[folder] = pixels if pixels.ndim == 2 else pixels[..., ::-1]
        environment.close()
    return {key: _by_layer(pictures) for key, pictures in found.items()}


@pytest.mark.parametrize(("to", "read"), [("folder", read_folder), ("lmdb", read_lmdb)])
def test_folders_and_lmdb(to: str, read: Callable[..., Any], faces: Any, tmp_path: Path) -> None:
    result = fishprep.export(faces.folder, tmp_path / "out", to)
    assert result.by_split == {"train": 5, "val": 2} and (result.written, result.resumed) == (3, 0)
    seen = set()
    for split in ("train", "val"):
        told, found = lines(tmp_path / "out" / f"{split}.jsonl"), read(tmp_path / "out", split)
        assert {face["key"] for face in told.values()} == set(found)
        for name, face in told.items():
            assert faces.known[name].split == split == face["split"]
            check_pictures(found[face["key"]], faces.known[name])
            check_facts(face, faces.known[name])
            seen.add(name)
    assert seen == set(faces.known)


def test_webdataset(faces: Any, tmp_path: Path) -> None:
    webdataset = library("webdataset")
    fishprep.export(faces.folder, tmp_path / "out", "webdataset")
    tars = sorted(map(str, (tmp_path / "out").glob("*.tar")))
    assert len(tars) == 3
    seen = {}
    for sample in webdataset.WebDataset(tars, shardshuffle=False).decode():
        told = sample["json"]
        assert sample["__key__"] == told["key"] and f"{told['shard']}.tar" in sample["__url__"]
        check_pictures({n.removesuffix(".png"): decoded(v) for n, v in _raw(sample).items()}, faces.known[told["id"]])
        check_facts(told, faces.known[told["id"]])
        points = sample["landmarks.npy"]
        assert points.dtype == np.float32 and np.array_equal(points, faces.known[told["id"]].landmarks)
        seen[told["id"]] = told["split"]
    assert seen == {name: known.split for name, known in faces.known.items()}


def _raw(sample: dict[str, Any]) -> dict[str, bytes]:
    return {name: value for name, value in sample.items() if name.endswith(".png")}


def test_parquet_by_arrow_alone(faces: Any, tmp_path: Path) -> None:
    fishprep.export(faces.folder, tmp_path / "out", "parquet")
    files = sorted((tmp_path / "out" / "data").glob("*.parquet"))
    assert [file.stem for file in files] == ["train-00000", "train-00001", "val-00000"]
    names = []
    for file in files:
        for index, row in enumerate(pq.read_table(file).to_pylist()):
            known = faces.known[row["id"]]
            check_pictures({n: decoded(v["bytes"]) for n, v in row.items() if isinstance(v, dict)}, known)
            check_facts(row, known)
            names.append(row["id"])
            assert (row["shard"], row["index"]) == (file.stem, index)
    assert sorted(names) == sorted(faces.known)


def test_parquet_by_datasets(faces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    datasets = library("datasets")
    datasets.disable_progress_bars()
    out = tmp_path / "out"
    fishprep.export(faces.folder, out, "parquet", sizes=(128, 16))
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in loaded.items()} == {"train": 5, "val": 2}
    assert isinstance(loaded["train"].features["image_128"], datasets.Image)
    for split, rows in loaded.items():
        for row in rows:
            known = faces.known[row["id"]]
            assert known.split == split
            found = {name: np.asarray(value) for name, value in row.items() if isinstance(value, Image.Image)}
            assert found.keys() == {"image_128", "image_16", "skin_128", "skin_16", "classes_128"}
            assert np.array_equal(found["image_16"], known.pictures["image_16"])
            assert np.array_equal(found["skin_128"], known.pictures["skin_128"] * 255)
            assert np.array_equal(found["classes_128"], known.pictures["classes_128"])
            check_facts(row, known)


FORMATS = ("folder", "lmdb", "webdataset", "parquet")


def content(out: Path) -> dict[str, bytes]:
    """Every file by its path; of a database what is in it, in order."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.name == "data.mdb":
            environment = library("lmdb").open(str(path.parent), readonly=True, lock=False)
            with environment.begin() as transaction:
                found[name] = repr(list(transaction.cursor())).encode()
            environment.close()
        elif path.is_file() and path.name not in ("lock.mdb", ".lock"):
            found[name] = path.read_bytes()
    return found


class Stop(Exception):
    pass


@pytest.mark.parametrize("to", FORMATS)
def test_what_was_stopped_goes_on_to_the_same_bytes(to: str, faces: Any, tmp_path: Path) -> None:
    sizes = (128, 8)
    fishprep.export(faces.folder, tmp_path / "whole", to, sizes=sizes)

    def stop(done: int, total: int) -> None:
        assert total == 7
        if done >= 4:
            raise Stop

    with pytest.raises(Stop):
        fishprep.export(faces.folder, tmp_path / "out", to, sizes=sizes, progress=stop)
    result = fishprep.export(faces.folder, tmp_path / "out", to, sizes=sizes)
    assert (result.resumed, result.written) == (1, 2)
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert fishprep.export(faces.folder, tmp_path / "out", to, sizes=sizes).written == 0


KILLED = """
import os, sys, fishprep, fishprep.formats.base as base
png, left = base.png, 17
def dying(pixels):
    global left
    left -= 1
    return png(pixels) if left else os._exit(9)
import fishprep.formats.folder as folder
folder.png = dying
fishprep.export(sys.argv[1], sys.argv[2], "folder", sizes=(128, 8))
"""


def test_a_killed_export_leaves_whole_files_and_goes_on(faces: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED, faces.folder, out], capture_output=True, text=True)
    assert killed.returncode == 9, killed.stderr
    half = out / "train" / "HR" / ".000001.png.77.tmp"
    half.write_bytes(b"half")
    pictures = list(out.rglob("*.png"))
    assert pictures and all(np.asarray(Image.open(path)).size for path in pictures if path != half)
    fishprep.export(faces.folder, out, sizes=(128, 8))
    fishprep.export(faces.folder, tmp_path / "whole", sizes=(128, 8))
    assert content(out) == content(tmp_path / "whole")


@pytest.mark.parametrize(
    ("to", "theirs"), list(zip(FORMATS, ("train", "val_LR_x16.lmdb", "val-00000.tar", "README.md"), strict=True))
)
def test_files_of_others_stand(to: str, theirs: str, faces: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / theirs).mkdir() if "." not in theirs or "lmdb" in theirs else (tmp_path / theirs).write_text("theirs")
    with pytest.raises(ConfigurationError, match=re.escape(theirs)):
        fishprep.export(faces.folder, tmp_path, to)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", theirs}
    shutil.rmtree(tmp_path / theirs) if (tmp_path / theirs).is_dir() else (tmp_path / theirs).unlink()
    fishprep.export(faces.folder, tmp_path, to, sizes=(8,))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_picture_that_somebody_put_there_is_not_replaced(faces: Any, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        fishprep.export(faces.folder, tmp_path / "out", progress=stop)
    theirs = tmp_path / "out" / "train" / "HR" / "000001.png"
    theirs.write_bytes(b"theirs")
    with pytest.raises(ConfigurationError, match=re.escape(theirs.name)):
        fishprep.export(faces.folder, tmp_path / "out")
    assert theirs.read_bytes() == b"theirs"


def test_an_export_of_something_else_is_not_mixed_in(faces: Any, tmp_path: Path) -> None:
    out, shards = tmp_path / "out", Path(shutil.copytree(faces.folder, tmp_path / "shards"))
    fishprep.export(shards, out, sizes=(8,))
    before = content(out)
    for change in ({"to": "webdataset"}, {"sizes": (16,)}):
        with pytest.raises(ConfigurationError, match="holds an export of something else"):
            fishprep.export(shards, out, **{"sizes": (8,), **change})
    write_shard(shards / "train-00001.h5", samples(2, "train", 8), attributes())
    (shards / "train-00000.h5").unlink()
    (shards / "val-00000.h5").unlink()
    with pytest.raises(ConfigurationError, match="shards differ"):
        fishprep.export(shards, out, sizes=(8,))
    assert content(out) == before


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def _another_name(path: Path) -> None:
    shutil.copy(path, path.with_name("train-00007.h5"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _wrong_split(path: Path) -> None:
    path.rename(path.with_name("test-00000.h5"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut, r"train-00000\.h5"),
        (_another_name, r"train-00000\.h5 and .*train-00007\.h5: both hold a face '000001'"),
        (_pipe, r"train-00000\.h5: not a regular file"),
        (_wrong_split, r"test-00000\.h5: holds the split train"),
    ],
)
def test_a_shard_that_cannot_be_used_is_named(
    spoil: Callable[[Path], None], words: str, faces: Any, tmp_path: Path
) -> None:
    shards = Path(shutil.copytree(faces.folder, tmp_path / "shards"))
    spoil(shards / "train-00000.h5")
    with pytest.raises(ShardError, match=words):
        fishprep.export(shards, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_disk_that_refuses_is_told_of(faces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "x.tar")

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "addfile", full)
        with pytest.raises(BuildError, match="No space left on device; what is done is kept"):
            fishprep.export(faces.folder, tmp_path / "out", "webdataset")
    assert not list((tmp_path / "out").glob("*.tar"))
    assert fishprep.export(faces.folder, tmp_path / "out", "webdataset").written == 3


@given(st.lists(st.text(max_size=150), unique=True, max_size=6))
@settings(max_examples=30, deadline=None)
def test_keys_are_safe_and_one_each(ids: list[str]) -> None:
    keys = file_keys(ids)
    assert len({key.casefold() for key in keys}) == len(ids) and keys == file_keys(ids)
    for key in keys:
        assert len(key.encode()) <= LONGEST and not set(key) & set("/\\.:*?\"<>|'`$& \n\0")


def test_the_command(faces: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("fishprep", "export", faces.folder, out, "--to", "parquet", "--sizes", "8", "--quiet", "--json")
    assert json.loads(ran.out)["by_split"] == {"train": 5, "val": 2} and not ran.err
    again = run("fishprep", "export", faces.folder, out, "--to", "parquet", "--sizes", "8")
    assert again.out == f"7 faces (5 train, 2 val) in {out}, as parquet\n"
    assert "16px" in run("fishprep", "export", faces.folder, out, "--sizes", "16px", code=2).err
    assert "shards have 128" in run("fishprep", "export", faces.folder, out, "--sizes", "17", code=1).err
    assert "the shards lie there" in run("fishprep", "export", faces.folder, faces.folder, code=1).err


def test_shards_in_a_bucket_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """Nobody asks the network for it, and no folder is called by the url."""
    bucket = "s3://photos/shards"
    for words in ((bucket, tmp_path / "out"), (tmp_path, bucket)):
        assert (
            f"{bucket} lies in a bucket; give a path of this machine" in run("fishprep", "export", *words, code=2).err
        )
    with pytest.raises(
        ConfigurationError, match=f"{bucket}: shards are exported from files of this machine; copy them"
    ):
        fishprep.export(bucket, tmp_path / "out")
    with pytest.raises(ConfigurationError, match=f"{bucket}: an export is written into a folder"):
        fishprep.export(tmp_path, bucket)
    assert list(tmp_path.iterdir()) == []


def test_lmdb_says_what_to_install(faces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(FishPrepError, match="pip install lmdb"):
        fishprep.export(faces.folder, tmp_path / "out", "lmdb")
    assert not (tmp_path / "out").exists()
