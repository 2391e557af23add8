"""`fishfsr upscale` as a user runs it: an untrained pair, public-domain portraits, and files that are no good."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import astronaut, hopper, run
from torch import nn

from fishfsr.checkpoint import Checkpoint, save_checkpoint
from fishfsr.registry import create_model

PLAIN = ("--device", "cpu", "--threads", 1, "--smallest", 24)


@pytest.fixture
def x4(pair: Checkpoint, tmp_path: Path) -> Path:
    path = tmp_path / "x4.safetensors"
    save_checkpoint(path, pair)
    return path


@pytest.fixture
def x8(lively: Callable[..., nn.Module], tmp_path: Path) -> Path:
    path = tmp_path / "x8.safetensors"
    parsing_net = lively(create_model("parsingnet_x8", width=8, blocks=2), 5)
    save_checkpoint(path, Checkpoint(parsing_net, lively(create_model("fishfsrnet_x8", width=8), 6)))  # type: ignore[arg-type]
    return path


def shrunk(image: np.ndarray, width: int) -> Image.Image:
    picture = Image.fromarray(image)
    return picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.BICUBIC)


def rows(out: Path) -> dict[str, dict[str, Any]]:
    stored = json.loads((out / "faces.json").read_text(encoding="utf-8"))
    return {row["name"]: row for row in stored["inputs"]}


def two_people() -> Image.Image:
    """Hopper left, with a crop of about 49 px; the astronaut right, with one of about 28."""
    sheet = Image.new("RGB", (220, 130), (90, 90, 90))
    sheet.paste(shrunk(hopper(), 90), (0, 10))
    sheet.paste(shrunk(astronaut(), 104), (110, 20))
    return sheet


def test_a_batch_of_all_kinds_of_files(x4: Path, x8: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    group = two_people()
    group.save(photos / "group.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    group.transpose(Image.Transpose.ROTATE_90).save(photos / "turned.jpg", exif=exif, quality=97)
    group.convert("CMYK").save(photos / "cmyk.jpg", quality=97)
    Image.fromarray(np.asarray(group.convert("L")).astype(np.uint16) * 257).save(photos / "sixteen.png")
    shrunk(astronaut()[:180, 130:310], 17).save(photos / "lr.png")
    Image.new("RGB", (150, 99)).save(photos / "black.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xffgarbage")
    (photos / "empty.png").write_bytes(b"")
    shrunk(hopper(), 300).save(photos / "large.png")
    done = run("fishfsr", "upscale", photos, "-o", out, "-m", x4, "-m", x8, *PLAIN, code=3)
    table = rows(out)
    assert {name: row["status"] for name, row in table.items()} == {
        **dict.fromkeys(("group", "turned", "cmyk", "sixteen", "lr"), "ok"),
        **dict.fromkeys(("broken", "empty"), "undecodable"),
        "black": "no_face",
        "large": "left_alone",
    }
    assert all(bool(row["reason"]) for row in table.values() if row["status"] != "ok")
    assert table["lr"]["kind"] == "aligned" and "was trained on 16 x 16" in table["lr"]["faces"][0]["warnings"][0]
    for name in ("group", "turned", "cmyk", "sixteen"):
        left, right = table[name]["faces"]
        assert left["status"] == right["status"] == "ok" and left["scale"] == right["scale"] == 4
        for face in (left, right):
            assert face["lr_size"] == [face["side"], face["side"]], "nothing is resampled"
        np.testing.assert_allclose(right["box"], table["group"]["faces"][1]["box"], atol=3)
        assert Image.open(out / "restored_photos" / f"{name}.png").size == (880, 520)
    for folder, names in {
        "restored_photos": {"group", "turned", "cmyk", "sixteen"},
        "restored_faces": {
            "lr_00",
            *(f"{name}_0{k}" for name in ("group", "turned", "cmyk", "sixteen") for k in (0, 1)),
        },
    }.items():
        assert {path.stem for path in (out / folder).iterdir()} == names
    assert "taken for a photo" in done.err and "guessed: 6 photo, 1 aligned" in done.out
    assert "broken.jpg" in done.out and "the checkpoint does not say" in done.err
    again = run("fishfsr", "upscale", photos, "-o", out, "-m", x4, "-m", x8, *PLAIN, code=3)
    assert "5 done before" in again.out
    refused = run("fishfsr", "upscale", photos, "-o", out, "-m", x8, *PLAIN, code=1)
    assert "models:" in refused.err and "Traceback" not in refused.err


def test_aligned_faces_equal_the_library_s(x8: Path, tmp_path: Path) -> None:
    import torch

    import fishfsr

    source, out = tmp_path / "face.png", tmp_path / "out"
    shrunk(astronaut()[:180, 130:310], 19).save(source)
    run("fishfsr", "upscale", source, "-o", out, "--model", x8, "--aligned", *PLAIN)
    lr = torch.from_numpy(np.asarray(Image.open(source)) / np.float32(255)).permute(2, 0, 1)[None]
    expected = (fishfsr.load(x8, "cpu").upscale(lr)[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    found = np.asarray(Image.open(out / "restored_faces" / "face_00.png"))
    assert found.shape == (152, 152, 3)
    np.testing.assert_allclose(found, expected, atol=1)
    assert not (out / "restored_photos").exists()


def test_a_shipped_pair_by_its_name(tmp_path: Path) -> None:
    picture = tmp_path / "hopper.png"
    shrunk(hopper(), 60).save(picture)
    run("fishfsr", "upscale", picture, "-o", tmp_path / "out", *PLAIN, "--model", "x4", "--json")
    assert rows(tmp_path / "out")["hopper"]["faces"][0]["model"] == "fishfsr-x4.safetensors"


def test_json_and_force(x8: Path, tmp_path: Path) -> None:
    two_people().save(tmp_path / "group.png")
    out = tmp_path / "out"
    flags = ("--kind", "photo", "--force", "--outscale", "2.5", "--json", "--quiet")
    done = run("fishfsr", "upscale", tmp_path / "group.png", "-o", out, "-m", x8, *flags, *PLAIN)
    result = json.loads(done.out)
    assert done.err == "" and result["counts"] == {"ok": 1} and result["restored"] == 2
    (row,) = result["inputs"]
    assert [face["shrunk"] for face in row["faces"]] == [True, False]
    assert "detail of the photo is lost" in row["faces"][0]["warnings"][0]
    assert Image.open(out / row["files"][-1]).size == (550, 325)


def test_without_a_checkpoint_it_says_which_and_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "fishfsr.inference.shipped.PAIRS", ()
    )  # as if the distribution fishfsr-weights was not installed
    two_people().save(tmp_path / "group.png")
    done = run("fishfsr", "upscale", tmp_path / "group.png", "-o", tmp_path / "out", code=1)
    for text in ("--model", "x8", "./weights", "fishfsr train", "fishfsr models import"):
        assert text in done.err
    assert not (tmp_path / "out").exists()


def test_wrong_usage(x8: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    arguments: list[tuple[int, tuple[object, ...]]] = [
        (2, (tmp_path / "absent.jpg", "-o", tmp_path / "out", "-m", x8)),
        (2, (tmp_path / "in", "-m", x8)),
        (2, (tmp_path / "in", "-o", tmp_path / "out", "-m", x8, "--aligned", "--kind", "photo")),
        (2, (tmp_path / "in", "-o", tmp_path / "out", "-m", x8, "--expand", "2")),
        (1, (tmp_path / "in", "-o", tmp_path / "out", "-m", x8, "--aligned")),
        (1, (tmp_path / "in", "-o", tmp_path / "out", "-m", x8, "--outscale", "0.5")),
        (1, (tmp_path / "in", "-o", tmp_path / "in", "-m", x8, "--aligned")),
    ]
    for code, given in arguments:
        done = run("fishfsr", "upscale", *given, code=code)
        assert done.err and "Traceback" not in done.err
