"""The commands on real research photos with a real parser, where those are at hand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import rows, run, shards

from fishfsr.metrics import psnr
from fishprep.faces.pyramid import pillow_bicubic
from fishprep.landmarks.annotation import read_pts
from fishprep.shards.reader import Shard

pytestmark = [pytest.mark.faces, pytest.mark.usefixtures("without_workers")]
COUNT = 24


@pytest.fixture(scope="session")
def weights(shared: Path) -> Path:
    return shared / "weights" / "bisenet_celebamask_mini.safetensors"


@pytest.fixture(scope="session")
def celeba(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CelebA in its own layout, with photos of every split."""
    root, source = tmp_path_factory.mktemp("celeba"), faces / "celeba"
    lines = (source / "list_eval_partition.txt").read_text().splitlines()
    chosen = lines[:: len(lines) // COUNT][:COUNT]
    (root / "img_align_celeba").mkdir()
    for line in chosen:
        shutil.copy(source / "img_align_celeba" / line.split()[0], root / "img_align_celeba")
    (root / "list_eval_partition.txt").write_text("\n".join(chosen) + "\n")
    shutil.copy(source / "identity_CelebA.txt", root)
    return root


@pytest.fixture(scope="module")
def built(celeba: Path, without_workers: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built_celeba")
    options = ("--keep-classes", "--device", "cpu", "--workers", 1, "--shard-size", 20)
    run("fishprep", "build", celeba, out, *options)
    return out


def test_nearly_all_of_celeba_is_kept_and_sound(built: Path) -> None:
    table = rows(built)
    assert len(table) == COUNT and sum(row["status"] == "ok" for row in table.values()) >= COUNT - 1
    assert {row["split"] for row in table.values()} == {"train", "val", "test"}
    assert all(row["identity"] and "non-commercial" in row["licence"] for row in table.values())
    result = json.loads(run("fishprep", "verify", built, "--deep", "--json").out)
    assert result["problems"] == [] and result["notes"] == []
    configuration = json.loads((built / "manifest.json").read_text())["configuration"]
    assert configuration["parser"] == "compact-fishfsr" and configuration["mask_resizer"] == "area:0.5"


def test_weights_of_ones_own_are_named_and_asked_for_again(celeba: Path, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for path in sorted((celeba / "img_align_celeba").iterdir())[:3]:
        shutil.copy(path, tmp_path / "few")
    out, flags = tmp_path / "out", ("--device", "cpu", "--workers", 1)
    run("fishprep", "build", tmp_path / "few", out, "--parser-weights", weights, *flags)
    configuration = json.loads((out / "manifest.json").read_text())["configuration"]
    assert configuration["parser"] == "bisenet" and weights.name in configuration["weights"]
    deep = ("fishprep", "verify", out, "--deep", "--json")
    assert json.loads(run(*deep, "--parser-weights", weights).out)["notes"] == []
    (note,) = json.loads(run(*deep).out)["notes"]
    assert f"not derived again: give the weights that the shards were made with, {weights.name}" in note
    assert "--parser-weights" in note and "download" not in note and "facexlib" not in note


def test_bicubic_scores_what_the_paper_prints(built: Path) -> None:
    """23.68 dB at x8 over 1,000 faces: so few faces scatter about it."""
    found = []
    for name in shards(built):
        with Shard(built / name) as shard:
            hr, lr = shard.images(128), pillow_bicubic(shard.images(16), 128)
            pair = (torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).double() / 255 for images in (lr, hr))
            found += psnr(*pair, 8).tolist()
    assert 22.2 < np.mean(found) < 25.2


def test_points_of_the_annotation_go_into_the_shard_exactly(faces: Path, tmp_path: Path) -> None:
    photos = tmp_path / "helen"
    photos.mkdir()
    for path in sorted((faces / "helen").glob("*.jpg"))[:3]:
        shutil.copy(path, photos)
        shutil.copy(path.with_suffix(".pts"), photos)
    out = tmp_path / "out"
    options = ("--source", "helen", "--landmarks", "annotation", "--device", "cpu")
    run("fishprep", "build", photos, out, *options, "--workers", 1)
    with Shard(next(out.glob("*.h5"))) as shard:
        for index, name in enumerate(shard.ids):
            x0, y0, x1, y1 = shard["box"][index].tolist()
            back = (shard["landmarks"][index] + 0.5) * ((x1 - x0) / 128, (y1 - y0) / 128) + (x0, y0)
            np.testing.assert_allclose(back, read_pts(photos / f"{name}.pts"), atol=0.01)


def test_points_of_one_json_are_those_of_the_files(faces: Path, tmp_path: Path) -> None:
    photos, table = tmp_path / "photos", {}
    (photos / "deep").mkdir(parents=True)
    for path in sorted((faces / "helen").glob("*.jpg"))[:2]:
        shutil.copy(path, photos / "deep")
        table[f"deep/{path.stem}"] = read_pts(path.with_suffix(".pts")).tolist()
    (tmp_path / "points.json").write_text(json.dumps(table))
    options = ("--landmarks", "annotation", "--points", tmp_path / "points.json")
    run("fishprep", "build", photos, tmp_path / "out", *options, "--workers", 1, "--device", "cpu")
    found = rows(tmp_path / "out")
    assert {name: row["landmark_backend"] for name, row in found.items()} == dict.fromkeys(table, "annotation")
    for name, points in table.items():
        x0, _, _, y1 = found[name]["box"]
        assert x0 < np.min(points, axis=0)[0] and y1 > np.max(points, axis=0)[1]


def test_parse_writes_maps_that_agree_with_the_truth(faces: Path, tmp_path: Path) -> None:
    source, images = faces / "celebamask", tmp_path / "images"
    images.mkdir()
    names = (source / "val.txt").read_text().split()[:4]
    for name in names:
        shutil.copy(source / "images" / f"{name}.jpg", images)
    (images / "broken.jpg").write_bytes(b"")
    out = tmp_path / "maps"
    options = ("--device", "cpu")
    first = run("fishprep", "parse", images, out, *options, code=3)
    assert "4 ok" in first.out and "1 undecodable" in first.out
    overlaps = []
    for name in names:
        truth = np.asarray(Image.open(source / "masks" / f"{name}.png")) == 1
        found = np.asarray(Image.open(out / "skin" / f"{name}.png")) > 127
        assert Image.open(out / "classes" / f"{name}.png").mode == "P"
        overlaps.append((truth & found).sum() / (truth | found).sum())
    assert np.mean(overlaps) > 0.85
    assert json.loads(run("fishprep", "parse", images, out, *options, "--json", code=3).out)["done_before"] == 4
