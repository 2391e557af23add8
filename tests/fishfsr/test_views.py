"""Training and evaluation on the faces that a condition chooses equal those on shards of these faces alone."""

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import training
from support import run
from training import drawn, losses

from fishfsr.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fishfsr.data import ShardDataset
from fishfsr.errors import DataError
from fishfsr.evaluation.faces import SplitFaces
from fishfsr.registry import create_model
from fishfsr.training.run import run_training
from fishprep.common.errors import ConfigurationError, ShardError
from fishprep.shards.schema import ShardName
from fishprep.shards.view import chosen_samples
from fishprep.shards.writer import Samples, write_shard

WHERE = "blur > 2 and name != 'f3'"
ATTRIBUTES = {
    "producer": "test", "configuration": '{"crop": "square"}', "recipe": "r" * 64, "inputs": "i", "versions": "{}", "weights": "{}",
}  # fmt: skip


def rows(name: ShardName, count: int) -> list[dict[str, object]]:
    """Of a shard, and of a photo of which nothing was kept: blur is 0, 1, 2, ... over and over."""
    kept = [
        {"name": f"f{place}", "blur": float(place % 5), "shard": str(name), "index": place} for place in range(count)
    ]
    return [*kept[::-1], {"name": "dropped", "blur": 9.0, "shard": None, "index": None}]


def is_chosen(place: int) -> bool:
    return place % 5 > 2 and place != 3


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """All faces with rows beside them, and the chosen ones alone."""
    whole, alone = (tmp_path_factory.mktemp(name) for name in ("whole", "alone"))
    for split, counts in {"train": (13, 2, 9), "val": (11,)}.items():
        for number, count in enumerate(counts):
            name, samples = ShardName(split, number), drawn(count, split, number)
            write_shard(whole / name.file, samples, ATTRIBUTES)
            pq.write_table(pa.Table.from_pylist(rows(name, count)), whole / name.rows_file)
            places = [place for place in range(count) if is_chosen(place)]
            if places:
                write_shard(alone / name.file, taken(samples, places), ATTRIBUTES)
    return whole, alone


def taken(samples: Samples, places: list[int]) -> Samples:
    return Samples(
        images={size: pixels[places] for size, pixels in samples.images.items()},
        skin={size: pixels[places] for size, pixels in samples.skin.items()},
        classes=None,
        landmarks=samples.landmarks[places],
        boxes=samples.boxes[places],
        ids=[samples.ids[place] for place in places],
        split=samples.split,
    )


def test_a_view_holds_what_is_chosen_in_its_order(shards: tuple[Path, Path]) -> None:
    whole, alone = shards
    view, expected = ShardDataset(whole, "train", 8, where=WHERE), ShardDataset(alone, "train", 8)
    assert len(view) == len(expected) > 3
    order = np.random.default_rng(0).permutation(len(view))
    for one, other in zip(view.__getitems__(order), expected.__getitems__(order), strict=True):
        assert (one is None) == (other is None) and (one is None or bool((one == other).all()))
    assert view.ids(range(len(view))) == expected.ids(range(len(view)))
    assert view.fingerprint not in (expected.fingerprint, ShardDataset(whole, "train", 8).fingerprint)
    assert view.counts == (3, 0, 2) and view[0].hr.equal(expected[0].hr)


def test_equal_views_train_with_equal_bytes(shards: tuple[Path, Path], tmp_path: Path) -> None:
    whole, alone = shards
    steps = ("parsing.steps=2", "sr.steps=2", "validation.every=2")
    for name, folder, where in (("view", whole, f'where="{WHERE}"'), ("alone", alone, "where=''")):
        run_training(training.request(folder, tmp_path / name, *steps, where), lambda news: None)
    assert losses(tmp_path / "view") == losses(tmp_path / "alone")
    one, other = (load_checkpoint(tmp_path / name / "last.safetensors") for name in ("view", "alone"))
    for part in ("parsing_net", "sr_net"):
        states = [getattr(each, part).state_dict() for each in (one, other)]
        assert all(bool((states[0][key] == states[1][key]).all()) for key in states[0])
    assert WHERE in str(one.details.training) and WHERE not in str(other.details.training)
    words = (
        "train",
        whole,
        "--out",
        tmp_path / "view",
        *training.QUICK,
        *training.steps(2, 2),
        "--set",
        "validation.every=2",
    )
    refused = run("fishfsr", *words, "--where", "blur>1", code=1).err
    assert f"where: {WHERE} → blur > 1" in refused
    run("fishfsr", *words, "--where", "(blur>2)and name!='f3'", code=0)  # the same condition: all is done


def test_a_comparison_trains_and_measures_the_chosen_faces(shards: tuple[Path, Path], tmp_path: Path) -> None:
    tables = []
    for name, folder, words in zip(("view", "alone"), shards, (("--where", WHERE), ()), strict=True):
        flags = (
            "--split",
            "val",
            "--budget",
            "8faces",
            "--identity",
            "none",
            "--show",
            0,
            "--width",
            8,
            "--recipe",
            "common",
        )
        beside = ("--methods", "srcnn", "--set", "sr.batch_size=4", "--device", "cpu", "--quiet")
        ran = run("fishfsr", "compare", folder, "-o", tmp_path / name, *flags, *beside, *words)
        tables.append([row.split(",")[3:] for row in (tmp_path / name / "per_face.csv").read_text().splitlines()])
        assert (WHERE in (tmp_path / name / "comparison.json").read_text()) is bool(words) and ran.err == ""
    assert tables[0] == tables[1] and len(tables[0]) == 1 + sum(map(is_chosen, range(11)))


def test_an_evaluation_measures_the_chosen_faces(shards: tuple[Path, Path], tmp_path: Path) -> None:
    whole, _ = shards
    small = create_model("tapernet_x8", width=8, blocks=1, blocks_above=1)
    pair = Checkpoint(create_model("parsingnet_x8", width=4, blocks=1), small)  # type: ignore[arg-type]
    save_checkpoint(tmp_path / "x8.safetensors", pair)
    tables = []
    for number, words in enumerate(((), ("--where", WHERE))):
        out = tmp_path / str(number)
        flags = (
            "--split",
            "train",
            "--identity",
            "none",
            "--show",
            1,
            "--degradation",
            "spoiled",
            "--batch",
            3,
            "-o",
            out,
        )
        ran = run("fishfsr", "eval", tmp_path / "x8.safetensors", whole, *flags, *words)
        tables.append({row["id"]: row for row in csv.DictReader(io.StringIO((out / "per_face.csv").read_text()))})
    assert f"where {WHERE}" in ran.out and WHERE in (out / "summary.json").read_text()
    assert tables[1].keys() == {name for name in tables[0] if is_chosen(int(name.rpartition("/")[2]))}
    for name, row in tables[1].items():
        assert row["shard"] == tables[0][name]["shard"] and row["index"] == tables[0][name]["index"]
        assert float(row["bicubic_psnr"]) == float(tables[0][name]["bicubic_psnr"])
        assert float(row["sr_psnr"]) == pytest.approx(float(tables[0][name]["sr_psnr"]), abs=1e-4)
    faces = SplitFaces(whole, "train", 8, where=WHERE)
    assert faces.in_shards(np.arange(len(faces))).tolist() == [4, 8, 9, 19, 23]


def test_what_cannot_be_viewed_is_said(shards: tuple[Path, Path], tmp_path: Path) -> None:
    whole, alone = shards
    with pytest.raises(ShardError, match=r"train-00000\.parquet is not there"):
        ShardDataset(alone, "train", 8, where=WHERE)
    with pytest.raises(DataError, match="no face of the split 'train' is chosen by --where 'blur > 7'"):
        ShardDataset(whole, "train", 8, where="blur > 7")
    with pytest.raises(DataError, match="is chosen by"):
        SplitFaces(whole, "train", 8, where="blur > 7")
    with pytest.raises(ConfigurationError, match="no column 'sharpness'"):
        ShardDataset(whole, "train", 8, where="sharpness > 7")
    path = whole / "train-00001.h5"
    with pytest.raises(ShardError, match="not the rows of train-00001"):
        chosen_samples(path, 3, WHERE)
    rows_file = tmp_path / "train-00001.parquet"
    for damage in (b"", path.with_suffix(".parquet").read_bytes()[:-20], (whole / "train-00000.parquet").read_bytes()):
        rows_file.write_bytes(damage)
        with pytest.raises(ShardError, match="fishprep verify"):
            chosen_samples(tmp_path / "train-00001.h5", 2, WHERE)
    ran = run("fishfsr", "train", whole, "--out", tmp_path / "run", "--where", "blur = 3", code=1)
    assert "no condition" in ran.err and ran.err.count("\n") == 1
