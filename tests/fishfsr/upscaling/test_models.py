"""Which model fits, and the recipe that checkpoints agree on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from resolvers import BicubicResolver

from fishfsr.checkpoint import Checkpoint, Details, save_checkpoint
from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.inference.sizes import side_given
from fishfsr.upscaling.models import FaceModel, FaceRecipe, ModelSet, load_models, needed_scale
from fishprep.faces.crop import CropRecipe

Models = Callable[..., ModelSet]


def trained_on(scale: int, **shards: object) -> FaceModel:
    return FaceModel(f"x{scale}", BicubicResolver(scale, Details(training={"shards": shards})))


@pytest.mark.parametrize(
    ("side", "scale"),
    [
        (8, 16),
        (9, 16),
        (10, 16),
        (11, 8),
        (12, 8),
        (16, 8),
        (22, 8),
        (23, 4),
        (32, 4),
        (55, 4),
        (64, 4),
        (65, None),
        (127, None),
    ],
)
def test_the_smallest_lr_size_that_takes_it(bicubic: Models, side: int, scale: int | None) -> None:
    models = bicubic(4, 16, 8)
    found = models.for_crop(side, force=False)
    assert (found and found.scale) == scale
    forced = models.for_crop(side, force=True)
    assert forced is not None and forced.scale == (scale or 4)


def test_aligned_faces_go_to_the_nearest_size(bicubic: Models) -> None:
    models = bicubic(2, 4, 8, 16)
    assert [models.for_aligned(side).scale for side in (8, 11, 12, 16, 24, 32, 64)] == [16, 16, 8, 8, 4, 4, 2]


def test_needed_scale() -> None:
    sides = (5, 8, 10, 11, 22, 23, 55, 56, 127, 128)
    assert [needed_scale(side) for side in sides] == [16, 16, 16, 8, 8, 4, 4, 2, 2, None]


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
def test_a_crop_goes_through_as_it_is(scale: int) -> None:
    for side in range(8, 128):
        given, largest = side_given(side, scale), min(127, 256 // scale)
        assert given == side <= largest or side > given == largest


def test_recipe_of_the_checkpoints() -> None:
    assert ModelSet([trained_on(8)]).recipe == FaceRecipe()
    assert not ModelSet([trained_on(8)]).recipe_known
    dic = ModelSet([trained_on(8, crop="dic", expand=None, resizer="matlab-bicubic"), trained_on(4)])
    assert dic.recipe_known and dic.recipe.to_dict() == {"crop": "dic", "expand": 1.3, "resizer": "matlab-bicubic"}
    chosen = ModelSet([trained_on(8, crop="dic")], FaceRecipe(CropRecipe("square", 2.0)))
    assert chosen.recipe.to_dict()["expand"] == 2.0
    same = ModelSet([trained_on(8, crop="square", expand=None), trained_on(4, crop="square", expand=1.5)])
    assert same.recipe.to_dict() == FaceRecipe().to_dict()


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "fishfsr train"),
        ([trained_on(8), trained_on(8)], "both x8"),
        ([trained_on(8, crop="dic"), trained_on(4, crop="square")], "another recipe"),
        ([trained_on(8, crop="oval")], "oval"),
    ],
)
def test_models_that_do_not_go_together(models: list[FaceModel], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ModelSet(models)


def test_a_checkpoint_says_whether_it_was_trained_clean() -> None:
    for training, clean in (
        ({}, False),
        ({"configuration": {"degradation": {"share": 0.0}}}, True),
        ({"configuration": {"degradation": {"share": 0.5}}}, False),
    ):
        assert FaceModel("a", BicubicResolver(8, Details(training=training))).trained_clean is clean


def degraded_in_training(scale: int, share: float) -> FaceModel:
    details = Details(training={"configuration": {"degradation": {"share": share}}})
    return FaceModel(f"x{scale}-{share}", BicubicResolver(scale, details))


def test_of_two_of_a_scale_the_face_decides() -> None:
    sharp, spoiled, alone = degraded_in_training(8, 0.0), degraded_in_training(8, 0.7), degraded_in_training(4, 0.0)
    models = ModelSet([spoiled, alone, sharp])
    assert models.for_crop(16, force=False) is models.for_aligned(16) is sharp and models.sharp_only == (alone,)
    assert set(models.to_dict()) == {"x8", "x8-wild", "x4"}
    # what bicubic "takes away": all that is finer than it can draw, so noise and not a gentle slope
    slope = np.repeat(np.linspace(90, 160, 16).astype(np.uint8)[None, :, None], 16, 0).repeat(3, 2)
    noisy = np.clip(slope + np.random.default_rng(0).normal(0, 30, slope.shape), 0, 255).astype(np.uint8)
    assert models.for_pixels(sharp, slope) is sharp and models.for_pixels(sharp, noisy) is spoiled
    assert models.for_pixels(alone, noisy) is alone
    with pytest.raises(ConfigurationError, match="both x8: give one per scale, or one trained on sharp"):
        ModelSet([sharp, degraded_in_training(8, 0.0)])


def test_a_checkpoint_that_lacks_a_network_is_refused_by_name(pair: Checkpoint, tmp_path: Path) -> None:
    for name, half in (("sr", Checkpoint(sr_net=pair.sr_net)), ("parsing", Checkpoint(pair.parsing_net))):
        path = tmp_path / f"{name}.safetensors"
        save_checkpoint(path, half)
        with pytest.raises(CheckpointError, match=rf"{name}\.safetensors: this checkpoint holds"):
            load_models([path], "cpu")
