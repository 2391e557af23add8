"""`fishprep parser`: trained, stopped, gone on with, measured; what is wrong is said by the file's name."""

import json
from pathlib import Path

import numpy as np
import pytest
from labelled import write_labelled
from PIL import Image
from support import run

SMALL = ("--size", 64, "--batch", 2, "--steps", 2, "--device", "cpu", "--precision", "float32")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labelled(tmp_path_factory.mktemp("drawn"), 3, 2)


@pytest.fixture(scope="module")
def weights(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a training of two steps, without a list to validate on."""
    (drawn / "val.txt").rename(drawn / "held.txt")
    out = tmp_path_factory.mktemp("out")
    said = run("fishprep", "parser", "train", drawn, out, *SMALL, "--json")
    assert json.loads(said.out) == {
        "step": 2,
        "skin_iou": None,
        "weights": str(out / "parser.safetensors"),
        "stopped": None,
    }
    assert "3 faces, none to validate" in said.err and "float32" in said.err
    return out / "parser.safetensors"


def test_goes_on_and_refuses_other_settings(drawn: Path, weights: Path) -> None:
    again = run("fishprep", "parser", "train", drawn, weights.parent, *SMALL)
    assert "trained 2 steps" in again.out
    other = run("fishprep", "parser", "train", drawn, weights.parent, *SMALL, "--lr", 0.5, code=1)
    assert "lr: 0.001 → 0.5" in other.err and "--overwrite" in other.err


def test_time_is_up_and_the_same_command_goes_on(drawn: Path, weights: Path, tmp_path: Path) -> None:
    asked = ("fishprep", "parser", "train", drawn, tmp_path, *SMALL, "--steps", 3)
    said = run(*asked, "--max-minutes", 1e-9)
    assert "stopped after 1 of 3 steps; to go on:" in said.err
    assert "trained 3 steps" in run(*asked).out


def test_refuses_masks_by_name(tmp_path: Path) -> None:
    write_labelled(tmp_path, 2)
    mask = np.full((96, 96), 30, dtype=np.uint8)
    Image.fromarray(mask).save(tmp_path / "masks" / "face001.png")
    said = run("fishprep", "parser", "train", tmp_path, tmp_path / "out", *SMALL, code=1)
    assert "face001.png: holds the number 30, but the classes are 0 to 18" in said.err
    assert not (tmp_path / "out").exists()
    said = run("fishprep", "parser", "train", tmp_path, tmp_path / "out", *SMALL, "--classes", "skin,beard", code=1)
    assert "'beard' is neither" in said.err


@pytest.mark.parametrize(("flags", "said"), [(("--size", 100), "--size 100"), (("--batch", 1), "--batch at least 2")])
def test_refuses_settings(drawn: Path, tmp_path: Path, flags: tuple[object, ...], said: str) -> None:
    assert said in run("fishprep", "parser", "train", drawn, tmp_path, *SMALL, *flags, code=1).err


def test_measures_a_parser_on_real_faces(weights: Path, faces: Path, tmp_path: Path) -> None:
    folder = faces / "celebamask"
    for name in ("images", "masks"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "few.txt").write_text("\n".join((folder / "val.txt").read_text().split()[:3]))
    worst = tmp_path / "worst.png"
    said = run(
        "fishprep", "parser", "eval", weights, tmp_path, "--split", "few", "--worst", worst, "--json", "--device", "cpu"
    )
    found = json.loads(said.out)
    assert len(found["crop_iou"]) == 3 and not found["lost"]
    assert [group["faces"] for group in found["tones"]] == [1, 1, 1]
    assert set(found["pyramid"]) == {"64", "32", "16", "8"} and set(found["crops"]["classes"]) >= {"skin", "hair"}
    assert 0 <= found["crops"]["skin_iou"] <= 1 and found["pictures"]["accuracy"] > 0.2
    with Image.open(worst) as sheet:
        assert sheet.width > 900
    table = run("fishprep", "parser", "eval", weights, tmp_path, "--split", "few", "--device", "cpu").out
    assert "128² crops" in table and "area:0.5" in table and "hair" in table and "darkest third" in table


def test_pictures_without_a_face_have_no_crops(weights: Path, tmp_path: Path) -> None:
    drawn = write_labelled(tmp_path, 2)
    (drawn / "train.txt").rename(drawn / "held.txt")
    for path in (drawn / "images").iterdir():
        Image.new("RGB", (96, 96), "grey").save(path)
    said = run("fishprep", "parser", "eval", weights, drawn, "--split", "held", "--device", "cpu").out
    assert "no face was found in 2 pictures" in said
    missing = run("fishprep", "parser", "eval", weights, drawn, "--split", "dev", "--device", "cpu", code=1)
    assert "no dev.txt" in missing.err
