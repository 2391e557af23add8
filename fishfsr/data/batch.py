"""A batch as it lies in the shards, and as the networks take it."""

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """N samples, uint8, on the host.

    `hr` (N, 128, 128, 3) and `lr` (N, s, s, 3) RGB, `skin` (N, s, s) in {0, 1}, s the LR size; `indices` (N,) int64,
    their places in the dataset.
    """

    hr: Tensor
    lr: Tensor
    skin: Tensor
    indices: Tensor


class Faces(NamedTuple):
    """N samples, float32, on the device: `hr` (N, 3, 128, 128), `lr` (N, 3, s, s), `skin` (N, 1, s, s), all in [0, 1]."""

    hr: Tensor
    lr: Tensor
    skin: Tensor


def to_faces(batch: Batch, device: torch.device, flip: Tensor | None = None) -> Faces:
    """Move a batch as uint8, then convert it there; images come out channels_last.

    `flip` (N,) bool: which faces are mirrored left to right, HR, LR and map alike.
    """
    hr, lr, skin = (part.to(device, non_blocking=True) for part in (batch.hr, batch.lr, batch.skin))
    if flip is not None:
        chosen = flip.to(device, non_blocking=True)
        hr, lr, skin = (_mirrored(part, chosen) for part in (hr, lr, skin))
    return Faces(_image(hr), _image(lr), skin[:, None].float())


def _mirrored(part: Tensor, chosen: Tensor) -> Tensor:
    """Axis 2 is x in images (N, y, x, 3) and maps (N, y, x)."""
    return torch.where(chosen.view(-1, *[1] * (part.ndim - 1)), part.flip(2), part)


def _image(image: Tensor) -> Tensor:
    return image.permute(0, 3, 1, 2).float() / 255
