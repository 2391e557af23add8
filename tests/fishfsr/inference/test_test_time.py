"""What costs no training: faces consistent with their LR face, and the mean with the mirrored face."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import training
from PIL import Image
from torch import Tensor, nn

from fishfsr.checkpoint import Checkpoint
from fishfsr.inference.consistency import consistent
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.inference.runner import InferenceOptions
from fishfsr.registry import create_model

Lively = Callable[..., nn.Module]
Images = Callable[..., Tensor]


def shrunk(face: Tensor, size: int) -> Tensor:
    """(3, H, W) by Pillow, channel by channel in float: neither rounded nor clamped."""
    parts = [Image.fromarray(channel.numpy()).resize((size, size), Image.Resampling.BICUBIC) for channel in face]
    return torch.from_numpy(np.stack([np.asarray(part) for part in parts]))


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_a_consistent_face_shrinks_to_the_lr_face_by_pillow(size: int, images: Images) -> None:
    sr, lr = images(2, 128), images(2, size, seed=2)
    found = consistent(sr, lr)
    for face, wanted in zip(found, lr, strict=True):
        torch.testing.assert_close(shrunk(face, size), wanted, rtol=0, atol=2e-5)
    torch.testing.assert_close(consistent(found, lr), found, rtol=0, atol=2e-5)


def test_of_a_sharp_face_consistency_only_takes_error_away(images: Images) -> None:
    hr = torch.from_numpy(training.drawn(3, "train").images[128]).permute(0, 3, 1, 2).float() / 255
    lr = torch.stack([shrunk(face, 16) for face in hr])
    for seed in range(3):
        sr = hr + 0.1 * (images(3, 128, seed=seed) - 0.5)
        before, after = ((face - hr).square().sum((1, 2, 3)) for face in (sr, consistent(sr, lr)))
        assert (after < before).all()


def test_the_mean_with_the_mirrored_face_is_the_same_for_both(lively: Lively, images: Images) -> None:
    pair = Checkpoint(
        lively(create_model("parsingnet_x8", width=4, blocks=1)), lively(create_model("tapernet_x8", width=8, blocks=1))
    )
    lr, skin = images(2, 16), images(2, 16, channels=1)
    plain, mean = (FaceSuperResolver(pair, "cpu", InferenceOptions(mirrored=mirrored)) for mirrored in (False, True))
    both = (plain.upscale(lr, skin) + plain.upscale(lr.flip(3), skin.flip(3)).flip(3)) / 2
    torch.testing.assert_close(mean.upscale(lr, skin), both)
    torch.testing.assert_close(mean.upscale(lr.flip(3), skin.flip(3)).flip(3), both)
    assert (both - plain.upscale(lr, skin)).abs().max() > 1e-3
    assert "mean with the mirrored face" in str(mean) and "mirrored" not in str(plain)


def test_consistency_is_the_last_layer_of_a_resolver(pair: Checkpoint, images: Images) -> None:
    options = InferenceOptions(mirrored=True, consistent=True)
    resolver = FaceSuperResolver(pair, "cpu", options)
    size = 128 // resolver.scale
    lr = images(1, size).requires_grad_()
    enlarged = resolver.upscale(lr)
    torch.testing.assert_close(shrunk(enlarged[0].detach(), size), lr[0].detach(), rtol=0, atol=1e-4)
    enlarged.sum().backward()
    assert lr.grad is not None and lr.grad.abs().max() > 0
    assert "consistent with the LR face" in str(resolver)
