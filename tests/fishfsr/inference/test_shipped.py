"""The pairs that come with the project: they load, they are what runs without --model, and they say what they may be used for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import astronaut, run

from fishfsr.checkpoint import load_checkpoint, save_checkpoint
from fishfsr.data import Degradation
from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.pictures import to_uint8
from fishfsr.inference.find import find_checkpoint
from fishfsr.inference.resolver import FaceSuperResolver, load
from fishfsr.inference.shipped import shipped, shipped_models
from fishfsr.metrics import psnr
from fishfsr.upscaling.models import load_models
from fishprep.common.weights import WeightStore
from fishprep.faces.pyramid import pillow_bicubic
from fishprep.shards.schema import HR_SIZE


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return shipped(WeightStore.from_environment())


def test_each_is_a_pair_of_its_scale_under_its_terms(files: list[Path]) -> None:
    names = ("x2", "x4", "x8", "x16", "x4-wild", "x8-wild")
    assert [path.name for path in files] == [f"fishfsr-{name}.safetensors" for name in names]
    for path in files:
        checkpoint = load_checkpoint(path)
        assert checkpoint.sr_net is not None
        assert (checkpoint.parsing_net is not None) == checkpoint.sr_net.config.needs_map
        assert path.stem.split("-")[1] == f"x{checkpoint.details.scale}"
        assert "non-commercial" in (checkpoint.details.licence or "")
        assert (
            checkpoint.details.recipe
            and checkpoint.details.training["configuration"]["scale"] == checkpoint.details.scale
        )


def test_photos_are_super_resolved_without_naming_a_model(tmp_path: Path) -> None:
    Image.fromarray(astronaut()).resize((60, 60), Image.Resampling.BICUBIC).save(tmp_path / "small.png")
    flags = ("--kind", "photo", "--smallest", 8, "--outscale", 8, "--device", "cpu")
    done = run("fishfsr", "upscale", tmp_path / "small.png", "-o", tmp_path / "out", *flags)
    assert "fishfsr-x8.safetensors" in done.err and done.out.startswith("1 face restored in 1 input: ")
    with Image.open(tmp_path / "out" / "restored_photos" / "small.png") as restored:
        assert restored.size == (480, 480)


def test_packed_it_is_half_as_large_and_nearly_the_same(files: list[Path], tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    loaded = load_checkpoint(files[0])
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in loaded.sr_net.parameters():  # type: ignore[union-attr]
            weight.add_(torch.randn_like(weight) * 1e-4)  # numbers that float16 does not hold
    save_checkpoint(whole, loaded)
    packed = tmp_path / "packed.safetensors"
    said = run("fishfsr", "models", "pack", whole, packed, "--licence", "mine")
    assert "written" in said.out and packed.stat().st_size < 0.52 * whole.stat().st_size
    again = load_checkpoint(packed)
    assert again.details.licence == "mine" and again.details.recipe == loaded.details.recipe
    lr = torch.rand(1, 3, 16, 16)
    one, other = (FaceSuperResolver(checkpoint).upscale(lr) for checkpoint in (loaded, again))
    assert 0 < (one - other).abs().max() < 0.01
    assert "exists" in run("fishfsr", "models", "pack", whole, packed, code=1).err


def test_whatever_the_size_the_chosen_pair_makes_more_of_a_face_than_bicubic(files: list[Path]) -> None:
    """Also between the sizes that they were trained on; benchmarks/sizes.py has the mean over many faces."""
    models = load_models(files, device="cpu")
    hr = pillow_bicubic(astronaut()[None, :180, 130:310], HR_SIZE)
    for side in (8, 9, 10, 11, 12, 16, 20, 22, 23, 28, 32, 44, 55, 56, 64, 96, 120):
        lr = pillow_bicubic(hr, side)
        model = models.for_crop(side, force=False)
        assert model is not None
        restored = to_uint8(model.resolver.upscale(torch.from_numpy(lr).permute(0, 3, 1, 2) / 255))
        whole = restored if restored.shape[1] == HR_SIZE else pillow_bicubic(restored, HR_SIZE)
        truth, ours, plain = (
            torch.from_numpy(image).permute(0, 3, 1, 2) / 255 for image in (hr, whole, pillow_bicubic(lr, HR_SIZE))
        )
        assert psnr(ours, truth, 8).mean() > psnr(plain, truth, 8).mean() + 0.5, f"{side} px by x{model.scale}"


def test_they_load_by_name(files: list[Path]) -> None:
    assert [find_checkpoint(model.name) for model in shipped_models() if model.by_itself] == files
    for model in shipped_models():
        assert model.status == "present" and load(model.name, "cpu").scale == model.scale
    earlier = [model.name for model in shipped_models() if not model.by_itself]
    assert earlier == ["x4-fishfsrnet", "x8-fishfsrnet", "x16-fishfsrnet"]
    with pytest.raises(
        ConfigurationError, match=r"'x3' is shipped: there are x2, x4, .*; a file of this name is \./x3"
    ):
        load("x3")


def test_the_cards_are_those_of_the_documentation() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "weights.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[2:-1] for line in lines if line.startswith("| PSNR-Y, 998 test faces")]
    said = [f"{model.psnr:.2f} dB (bicubic {model.bicubic_psnr:.2f})" for model in shipped_models()]
    assert [cell.strip() for line in cells for cell in line] == said
    sides = {"x2": (56, 127), "x4": (23, 55), "x8": (11, 22), "x16": (8, 10)}
    assert all(model.sides == sides[f"x{model.scale}"] for model in shipped_models())


@pytest.mark.parametrize("side", [18, 28, 32, 50])
def test_a_spoiled_face_goes_to_the_pair_for_those_and_a_sharp_one_does_not(files: list[Path], side: int) -> None:
    models = load_models(files, device="cpu")
    sharp = pillow_bicubic(astronaut()[None, :180, 130:310], side)
    spoiled = sharp.copy()
    Degradation(share=1, noise=(6, 6), jpeg=(50, 50)).apply(sharp, spoiled, 0, np.arange(1))
    model = models.for_crop(side, force=False)
    assert model is not None
    names = [models.for_pixels(model, crop[0]).name for crop in (sharp, spoiled)]
    assert names == [f"fishfsr-x{model.scale}.safetensors", f"fishfsr-x{model.scale}-wild.safetensors"]
