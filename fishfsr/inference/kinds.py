"""The kinds of pictures that go in: each comes back as the kind that it was."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fishfsr.errors import FishFSRError, InputError

Given = TypeVar("Given", Image.Image, np.ndarray, Tensor)
KINDS = "a Pillow image, an (H, W, 3) uint8 array, or a float tensor (3, H, W) or (N, 3, H, W) in [0, 1]"
LARGEST_VALUE = 2.0
"""Of a tensor: resampling may go a little beyond [0, 1], values of 0 to 255 are a mistake."""


def alike(picture: Given, enlarge: Callable[[Tensor], Tensor]) -> Given:
    """What `enlarge`, from (N, 3, h, w) to (N, 3, s·h, s·w) in [0, 1], makes of a picture, as the same kind of picture.

    Images and arrays come back clamped and rounded to 256 levels; tensors as they are, with their gradients, on their device.
    Raises InputError for anything else, FishFSRError where an image or array would hold NaN.
    """
    if isinstance(picture, Tensor):
        return _tensor(picture, enlarge)
    return like(levels(enlarge(as_tensor(pixels_of(picture)[None]))[0]), picture)


def pixels_of(picture: Any) -> np.ndarray:
    """(H, W, 3) uint8 of a Pillow image or an array, a copy. Raises InputError for anything else."""
    if isinstance(picture, Image.Image):
        if picture.mode != "RGB":
            raise InputError(f'the image is of mode {picture.mode}: give one of mode RGB, as image.convert("RGB") is')
        picture = np.array(picture)
    if not isinstance(picture, np.ndarray):
        raise InputError(f"a {type(picture).__name__} is no picture: give {KINDS}")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(
            f"an array of shape {picture.shape} and {picture.dtype} is no picture: it is (H, W, 3) uint8, RGB"
        )
    if not picture.size:
        raise InputError(f"the picture is empty: its shape is {picture.shape}")
    return np.array(picture, order="C")


def as_tensor(images: np.ndarray) -> Tensor:
    """Images (N, h, w, 3) uint8 to (N, 3, h, w) float32 in [0, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def levels(face: Tensor) -> np.ndarray:
    """A face (3, h, w), clamped to [0, 1] and rounded to 256 levels, as (h, w, 3) uint8.

    Raises FishFSRError where it holds NaN or infinite values.
    """
    if not torch.isfinite(face).all():
        raise FishFSRError("the network gave NaN or infinite values")
    rounded = (face.detach().clamp(0, 1) * 255).round().to(torch.uint8)
    return rounded.permute(1, 2, 0).contiguous().cpu().numpy()


def like(image: np.ndarray, picture: Image.Image | np.ndarray) -> Any:
    """An image (h, w, 3) uint8 as the kind of `picture`: a Pillow image, with the colour profile of that one, or an array."""
    return _with_profile(Image.fromarray(image), picture) if isinstance(picture, Image.Image) else image


def _tensor(picture: Tensor, enlarge: Callable[[Tensor], Tensor]) -> Tensor:
    if picture.ndim not in (3, 4):
        raise InputError(f"a tensor of shape {tuple(picture.shape)} is no picture: it is (3, H, W) or (N, 3, H, W)")
    if picture.is_floating_point() and picture.numel() and picture.detach().amax() > LARGEST_VALUE:
        raise InputError(f"the tensor has values up to {picture.detach().amax():g}, not in [0, 1]: divide by 255 first")
    enlarged = enlarge(picture if picture.ndim == 4 else picture[None]).to(picture.device)
    return enlarged if picture.ndim == 4 else enlarged[0]


def _with_profile(image: Image.Image, given: Image.Image) -> Image.Image:
    """With the colour profile of the picture given, as its numbers are in those colours."""
    if profile := given.info.get("icc_profile"):
        image.info["icc_profile"] = profile
    return image
