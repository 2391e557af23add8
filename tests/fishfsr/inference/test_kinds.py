"""Every kind of picture comes back as what it was, and another kind is refused in words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from fishfsr.checkpoint import Checkpoint
from fishfsr.errors import FishFSRError, InputError
from fishfsr.inference.resolver import FaceSuperResolver

Images = Callable[..., Tensor]


@pytest.fixture
def resolver(pair: Checkpoint) -> FaceSuperResolver:
    return FaceSuperResolver(pair, "cpu")


def face(height: int = 8, width: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_one_face_in_every_kind(resolver: FaceSuperResolver) -> None:
    pixels = face()
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    plain = resolver.upscale(batch)
    assert plain.shape == (1, 3, 32, 24) and (plain.min() < 0 or plain.max() > 1)  # not clamped
    assert torch.equal(resolver.upscale(batch[0]), plain[0])
    expected = (plain[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    array, image = resolver.upscale(pixels), resolver.upscale(Image.fromarray(pixels))
    assert array.dtype == np.uint8 and np.array_equal(array, expected)
    assert isinstance(image, Image.Image) and image.mode == "RGB" and np.array_equal(np.asarray(image), expected)


def test_views_and_colour_profiles(resolver: FaceSuperResolver) -> None:
    mirrored = face()[:, ::-1]
    mirrored.flags.writeable = False
    assert np.array_equal(resolver.upscale(mirrored), resolver.upscale(mirrored.copy()))
    image = Image.fromarray(face())
    image.info["icc_profile"] = b"profile"
    assert resolver.upscale(image).info == {"icc_profile": b"profile"}


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("face.png", "a str is no picture: give a Pillow image"),
        (Image.new("RGBA", (8, 8)), r'mode RGBA: give one of mode RGB, as image.convert\("RGB"\) is'),
        (face().astype(np.float32), r"\(8, 6, 3\) and float32"),
        (face()[..., 0], r"\(8, 6\) and uint8"),
        (face()[:0], "empty"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "divide by 255"),
        (torch.full((3, 8, 8), 255.0), "up to 255, not in"),
        (torch.zeros(8, 8), r"tensor of shape \(8, 8\)"),
        (torch.zeros(8, 8, 3), r"\(N, 3, h, w\)"),
    ],
)
def test_other_kinds_are_refused(picture: Any, words: str, resolver: FaceSuperResolver) -> None:
    with pytest.raises(InputError, match=words):
        resolver.upscale(picture)


def test_no_picture_is_made_of_nan(resolver: FaceSuperResolver) -> None:
    with torch.no_grad():
        resolver.sr_net.last.bias.fill_(float("nan"))
    resolver.prepare(resolver.options)
    with pytest.raises(FishFSRError, match="NaN"):
        resolver.upscale(face())
    assert resolver.upscale(torch.rand(3, 4, 4)).isnan().all()
