"""Fusion to the binary map, and its sizes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fishprep.common.errors import ConfigurationError
from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.parsing.skin import MaskResize, SkinFusion, skin_pyramid

SIZES = (128, 64, 32, 16, 8)


@pytest.fixture
def masks() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, (3, 128, 128)).astype(np.uint8)


def test_the_paper_takes_skin_alone() -> None:
    every = np.arange(19, dtype=np.uint8)
    assert SkinFusion().fuse(every).tolist() == [0, 1] + [0] * 17
    assert SkinFusion().fuse(every.reshape(1, 19)).dtype == np.uint8


def test_other_classes_by_name() -> None:
    fusion = SkinFusion.of(["neck", "skin", "nose"])
    assert fusion == SkinFusion.of(["skin", "nose", "neck"])  # the order of typing means nothing
    set_ = {number(c, ClassOrder.CELEBAMASK) for c in (FaceClass.SKIN, FaceClass.NOSE, FaceClass.NECK)}
    assert set(np.nonzero(fusion.fuse(np.arange(19, dtype=np.uint8)))[0]) == set_


@pytest.mark.parametrize("names", [[], ["skin", "skin"], ["face"], ["1"]])
def test_class_names_that_do_not_fit(names: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"class"):
        SkinFusion.of(names)


def test_nearest_is_torchs(masks: np.ndarray) -> None:
    tensor = torch.from_numpy(masks)[:, None].float()
    for size, small in skin_pyramid(masks, SIZES).items():
        expected = F.interpolate(tensor, (size, size), mode="nearest")[:, 0].numpy()
        assert np.array_equal(small, expected)
        assert small.dtype == np.uint8 and small.flags.c_contiguous


@pytest.mark.parametrize("threshold", [0.25, 0.5, 1.0])
def test_area_is_torchs(masks: np.ndarray, threshold: float) -> None:
    tensor = torch.from_numpy(masks)[:, None].double()
    for size, small in skin_pyramid(masks, SIZES, f"area:{threshold}").items():
        expected = F.interpolate(tensor, (size, size), mode="area")[:, 0].numpy() >= threshold
        assert np.array_equal(small, expected)


def test_method_as_text() -> None:
    for text in ("nearest", "area:0.5", "area:0.25", "area:1"):
        assert str(MaskResize.of(text)) == text
    for text in ("", "area", "area:", "area:0", "area:1.5", "area:nan", "bilinear", "nearest:1"):
        with pytest.raises(ConfigurationError, match="mask resize"):
            MaskResize.of(text)


def test_sizes_that_do_not_divide(masks: np.ndarray) -> None:
    with pytest.raises(ValueError, match="whole factor"):
        skin_pyramid(masks, (48,))
    assert skin_pyramid(masks[:0], (16,))[16].shape == (0, 16, 16)
