"""Figures against scikit-image and Pillow on the images themselves; what each choice of a map does."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_shards import RECIPE, attributes, samples
from PIL import Image
from skimage.metrics import structural_similarity

import fishfsr
from fishfsr.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fishfsr.errors import CheckpointError, ConfigurationError, DataError
from fishfsr.evaluation.evaluate import Evaluation
from fishfsr.evaluation.faces import SplitBatch
from fishfsr.evaluation.measures import Measurer
from fishfsr.evaluation.methods import others
from fishfsr.evaluation.settings import parse_choices
from fishfsr.evaluation.tables import title
from fishfsr.identity import DlibEmbedder
from fishfsr.perceptual import Lpips
from fishfsr.registry import create_model
from fishprep.shards.reader import Shard
from fishprep.shards.writer import write_shard

Save = Callable[..., Path]
Run = Callable[..., Evaluation]
ALL_MAPS = parse_choices(["estimated,truth,wrong,rotate:30,none"])


def luma(image: np.ndarray) -> np.ndarray:
    """(h, w) float64 on the scale 16-235, of uint8 RGB, without its border of 8."""
    return (image / 255.0 @ np.array([65.481, 128.553, 24.966]) + 16)[8:-8, 8:-8]


def plain_psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((luma(one) - luma(other)) ** 2)))


def plain_ssim(one: np.ndarray, other: np.ndarray) -> float:
    first, second = luma(one), luma(other)
    _, each = structural_similarity(
        first, second, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    return float(each[5:-5, 5:-5].mean())


@pytest.fixture
def truth(shards: Path) -> dict[str, np.ndarray]:
    """All test faces, in order."""
    parts = [Shard(shards / f"test-{number:05d}.h5") for number in (0, 1)]
    return {
        name: np.concatenate([np.array(shard[name]) for shard in parts])
        for name in ("image/128", "image/16", "skin/16", "landmarks")
    }


def upscaled(path: Path, lr: np.ndarray, parsing: torch.Tensor) -> np.ndarray:
    """(N, 128, 128, 3) uint8 by the plain network, face by face."""
    pair = load_checkpoint(path)
    assert pair.sr_net is not None
    images = torch.from_numpy(lr).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        sr = torch.cat([pair.sr_net.eval()(images[i : i + 1], parsing[i : i + 1]) for i in range(len(images))])
    return (sr.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def test_figures_equal_scikit_images(save: Save, evaluated: Run, truth: dict[str, np.ndarray]) -> None:
    path = save()
    found = evaluated(path)
    hr, lr = truth["image/128"], truth["image/16"]
    pair = load_checkpoint(path)
    assert pair.parsing_net is not None
    with torch.no_grad():
        parsing = pair.parsing_net.eval()(torch.from_numpy(lr).permute(0, 3, 1, 2).float() / 255).clamp(0, 1)
    sr = upscaled(path, lr, parsing)
    bicubic = np.stack([np.asarray(Image.fromarray(face).resize((128, 128), Image.Resampling.BICUBIC)) for face in lr])
    for name, images in (("estimated", sr), ("bicubic", bicubic)):
        columns = found.measures.methods[name]
        # a value on the edge between two grey levels may fall to either side in the prepared network
        np.testing.assert_allclose(columns["psnr"], [*map(plain_psnr, images, hr)], atol=2e-3)
        np.testing.assert_allclose(columns["ssim"], [*map(plain_ssim, images, hr)], atol=2e-5)
    skin = truth["skin/16"]
    accuracy = [np.mean((parsing[i, 0].numpy() >= 0.5) == (skin[i] == 1)) for i in range(len(skin))]
    np.testing.assert_allclose(found.measures.parsing["accuracy"], accuracy, atol=1e-12)
    assert found.summary.sr["psnr"].mean == pytest.approx(np.mean([*map(plain_psnr, sr, hr)]), abs=1e-3)
    gain = found.summary.gain["psnr"].mean
    assert gain == pytest.approx(
        np.mean([*map(plain_psnr, sr, hr)]) - np.mean([*map(plain_psnr, bicubic, hr)]), abs=2e-3
    )


def test_each_choice_gives_the_network_its_map(save: Save, evaluated: Run, truth: dict[str, np.ndarray]) -> None:
    path = save()
    found = evaluated(path, maps=ALL_MAPS, seed=5)
    lr, hr = truth["image/16"], truth["image/128"]
    right = torch.from_numpy(truth["skin/16"])[:, None].float()
    given = {"truth": right, "wrong": right[others(7, 5)], "none": torch.zeros_like(right)}
    columns = {name: found.measures.methods[name]["psnr"] for name in (*given, "rotate:30")}
    for name, parsing in given.items():
        expected = [*map(plain_psnr, upscaled(path, lr, parsing), hr)]
        np.testing.assert_allclose(columns[name], expected, atol=2e-3)
    assert len({values.tobytes() for values in columns.values()}) == 4
    assert [row.choice.name for row in found.summary.maps] == [choice.name for choice in ALL_MAPS]
    wrong = found.summary.maps[2]
    assert wrong.differences is not None and found.summary.maps[0].differences is None
    expected = np.mean(columns["wrong"] - found.measures.methods["estimated"]["psnr"])
    assert wrong.differences["psnr"].mean == pytest.approx(expected)


def test_identity_is_the_cosine_of_dlibs_vectors(save: Save, evaluated: Run, truth: dict[str, np.ndarray]) -> None:
    found = evaluated(save(), identity="dlib", limit=2, batch=2)
    hr, lr, points = truth["image/128"][:2], truth["image/16"][:2], truth["landmarks"][:2]
    bicubic = np.stack([np.asarray(Image.fromarray(face).resize((128, 128), Image.Resampling.BICUBIC)) for face in lr])
    as_tensor = [torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 255 for images in (bicubic, hr)]
    expected = fishfsr.identity.identity_similarity(*as_tensor, DlibEmbedder(), torch.from_numpy(points))
    np.testing.assert_allclose(found.measures.methods["bicubic"]["identity"], expected.numpy(), atol=1e-9)
    assert found.summary.provenance.identity == "dlib-resnet-128"


def test_batches_do_not_matter_and_nothing_else_is_random(save: Save, evaluated: Run, tmp_path: Path) -> None:
    path = save()
    one = evaluated(path, batch=2, maps=ALL_MAPS)
    other = evaluated(path, batch=7, maps=ALL_MAPS)
    for name, columns in one.measures.methods.items():
        np.testing.assert_allclose(columns["psnr"], other.measures.methods[name]["psnr"], atol=2e-3)
    again = evaluated(path, batch=2, maps=ALL_MAPS)
    for number, found in enumerate((one, again)):
        found.save(tmp_path / str(number))
    written = [sorted((tmp_path / str(number)).rglob("*.*")) for number in (0, 1)]
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]
    assert {path.name for path in written[0]} >= {
        "index.html",
        "summary.json",
        "summary.md",
        "per_face.csv",
        "maps.png",
    }


def test_the_table_holds_every_number_and_the_grids_the_right_pixels(
    save: Save, evaluated: Run, truth: dict[str, np.ndarray], tmp_path: Path
) -> None:
    found = evaluated(save(), maps=ALL_MAPS)
    found.save(tmp_path)
    with open(tmp_path / "per_face.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == [f"test/0-{n}" for n in range(4)] + [f"test/1-{n}" for n in range(3)]
    assert rows[5]["shard"] == "test-00001.h5" and rows[5]["index"] == "1"
    for column, values in (
        ("sr_psnr", found.measures.methods["estimated"]["psnr"]),
        ("sr_rotate_30_ssim", found.measures.methods["rotate:30"]["ssim"]),
        ("bicubic_psnr", found.measures.methods["bicubic"]["psnr"]),
        ("parsing_accuracy", found.measures.parsing["accuracy"]),
    ):
        np.testing.assert_allclose([float(row[column]) for row in rows], values, atol=1e-6)
    worst = int(np.argmin(found.measures.methods["estimated"]["psnr"]))
    grid = np.asarray(Image.open(tmp_path / "grids" / "worst.png"))
    assert (grid[-128:, 3 * 132 : 3 * 132 + 128] == truth["image/128"][worst]).all()
    assert (grid[-128::8, 0:128:8] == truth["image/16"][worst]).all()
    bicubic = grid[-128:, 132 : 132 + 128]
    assert plain_psnr(bicubic, truth["image/128"][worst]) == pytest.approx(
        found.measures.methods["bicubic"]["psnr"][worst], abs=1e-9
    )


def test_a_network_without_a_map_runs_once_and_says_so(save: Save, evaluated: Run) -> None:
    found = evaluated(save(use_map=False), maps=ALL_MAPS)
    assert not found.summary.reads_map and len(found.summary.maps) == 1
    assert any("reads no parsing map" in warning for warning in found.summary.warnings)
    assert found.summary.to_dict()["provenance"]["map"] == "none"


def test_without_parsingnet_the_true_map_must_be_asked_for(save: Save, evaluated: Run) -> None:
    path = save(sr_only=True)
    with pytest.raises(CheckpointError, match="--map truth"):
        evaluated(path)
    found = evaluated(path, maps=parse_choices(["truth"]))
    assert found.summary.parsing == {} and found.summary.sr["psnr"].mean is not None


def test_maps_of_three_channels(save: Save, evaluated: Run) -> None:
    found = evaluated(save(sr_only=True, map_channels=3), maps=parse_choices(["truth,rotate:15"]))
    assert len(found.summary.maps) == 2


def test_other_recipes_and_splits_are_said(save: Save, evaluated: Run) -> None:
    assert evaluated(save()).summary.warnings == ()
    (other,) = evaluated(save("ef" * 32)).summary.warnings
    assert RECIPE[:12] in other and "efefefefefef" in other
    (unknown,) = evaluated(save(None)).summary.warnings
    assert "does not say" in unknown
    assert any("validation" in warning for warning in evaluated(save(), split="val").summary.warnings)
    assert "the first 2 of 7 test faces" in title(evaluated(save(), limit=2).summary)


def test_faces_without_a_number_are_counted(save: Save, evaluated: Run, tmp_path: Path) -> None:
    """Equal images have an infinite PSNR, which no mean can take in; JSON knows neither infinity nor NaN."""
    flat = samples(3)
    for images in flat.images.values():
        images[0] = 128
    folder = tmp_path / "flat"
    folder.mkdir()
    write_shard(folder / "test-00000.h5", flat, attributes())
    found = evaluated(save(), folder)
    assert np.isinf(found.measures.methods["bicubic"]["psnr"][0])
    figures = found.summary.bicubic["psnr"], found.summary.sr["psnr"], found.summary.gain["psnr"]
    assert all((figure.left_out, figure.faces) == (1, 2) for figure in figures)  # beside each other: of the same faces
    bicubic, sr, gain = (figure.mean for figure in figures)
    assert bicubic is not None and sr is not None and gain == pytest.approx(sr - bicubic, abs=1e-9)
    assert sr == pytest.approx(found.measures.methods["estimated"]["psnr"][1:].mean())
    assert found.summary.warnings == (
        "PSNR-Y: 1 face with no finite number by bicubic, left out of every method's figures.",
    )
    assert found.summary.sr["ssim"].faces == 3
    found.save(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["figures"]["bicubic"]["psnr"]["left_out"] == 1


def test_maps_are_compared_over_the_same_faces(save: Save, evaluated: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(self: Measurer, batch: SplitBatch) -> dict[tuple[str, str], np.ndarray]:
        found = measured(self, batch)
        values = found["none", "psnr"] = found["none", "psnr"].copy()
        values[batch.numbers == 2] = np.nan
        return found

    measured = Measurer._measured
    monkeypatch.setattr(Measurer, "_measured", half)
    found = evaluated(save(), maps=parse_choices(["estimated,none"]))
    first, last = found.summary.maps
    assert last.differences is not None
    for figure in (
        first.figures["psnr"],
        last.figures["psnr"],
        last.differences["psnr"],
        found.summary.bicubic["psnr"],
    ):
        assert (figure.faces, figure.left_out) == (6, 1)
    assert last.differences["psnr"].mean == pytest.approx(last.figures["psnr"].mean - first.figures["psnr"].mean)
    assert last.figures["ssim"].faces == 7 and len(found.summary.warnings) == 1


def test_a_single_face(save: Save, evaluated: Run, tmp_path: Path) -> None:
    found = evaluated(save(), limit=1)
    assert found.summary.sr["psnr"].low is None
    found.save(tmp_path)
    with pytest.raises(ConfigurationError, match="two faces"):
        evaluated(save(), limit=1, maps=ALL_MAPS)


def test_shards_of_two_recipes_are_refused(save: Save, evaluated: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "test-00000.h5", samples(2), attributes())
    write_shard(tmp_path / "test-00001.h5", samples(2, seed=1), attributes("99" * 32, crop="dic"))
    with pytest.raises(DataError, match=r"test-00001\.h5 were made by different recipes.*crop square and dic"):
        evaluated(save(), tmp_path)


def test_names_from_outside_are_text(save: Save, evaluated: Run, tmp_path: Path) -> None:
    hostile = samples(2)
    hostile.ids[:] = ["<script>alert(1)</script>", 'a"b,c\nd|e']
    folder = tmp_path / "hostile"
    folder.mkdir()
    write_shard(folder / "test-00000.h5", hostile, attributes("<b>" * 8, crop="<img src=x>"))
    evaluated(save(), folder).save(tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<script" not in page and "<img src=x" not in page and "<b><b>" not in page
    assert "&lt;script&gt;" in page
    with open(tmp_path / "out" / "per_face.csv", newline="") as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == hostile.ids


def test_degraded_faces_are_the_same_at_every_run_and_named(save: Save, evaluated: Run) -> None:
    path = save()
    plain, found = evaluated(path), evaluated(path, degradation="wild")
    again = evaluated(path, degradation="wild", batch=5, seed=9, limit=6)
    for method in ("bicubic", "estimated"):
        values = found.measures.methods[method]["psnr"]
        assert (values != plain.measures.methods[method]["psnr"]).all()
        np.testing.assert_allclose(again.measures.methods[method]["psnr"], values[:6], rtol=0, atol=1e-4)
    assert any("degraded (wild)" in warning for warning in found.summary.warnings)
    assert json.loads(found.summary.to_json())["provenance"]["degradation"]["sizes"] == [0.7, 1.4]
    with pytest.raises(ConfigurationError, match="degradation = 'spoilt': must be one of none, sizes, spoiled, wild"):
        evaluated(path, degradation="spoilt")


def test_the_network_that_ran_is_named(evaluated: Run, tmp_path: Path) -> None:
    taper = create_model("tapernet_x8", width=8, blocks=1, blocks_above=1)
    save_checkpoint(tmp_path / "taper.safetensors", Checkpoint(sr_net=taper))
    found = evaluated(tmp_path / "taper.safetensors", maps=parse_choices(["truth"]), limit=2)
    found.save(tmp_path / "out")
    for text in (found.text(), *((tmp_path / "out" / name).read_text() for name in ("index.html", "summary.md"))):
        assert "TaperNet x8 on the first 2" in text and "FishFSRNet" not in text


def test_lpips_is_a_column_like_others(save: Save, evaluated: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Lpips()
    monkeypatch.setattr(Lpips, "load", classmethod(lambda cls: network))
    found = evaluated(save(), lpips=True, limit=3)
    columns = {name: found.measures.methods[name]["lpips"] for name in ("bicubic", "estimated")}
    assert all(values.shape == (3,) and (values > 0).all() for values in columns.values())
    assert found.summary.gain["lpips"].mean == pytest.approx((columns["estimated"] - columns["bicubic"]).mean())
    assert "LPIPS, less is better" in found.text()
