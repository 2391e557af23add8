"""An enlarged face made to shrink to exactly the LR face that it was made from."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F


def consistent(sr: Tensor, lr: Tensor) -> Tensor:
    """SR + A⁺(LR - A·SR·Aᵀ)A⁺ᵀ: the face nearest to `sr` (N, c, H, W) that the recipe's shrinking A turns into `lr` (N, c, h, w).

    A is Pillow's antialiased bicubic kernel, which made the LR faces of training. Of an LR face that was made by it, and is neither
    noisy nor compressed, this brings back what the network lost; of any other it brings the faults back in. Not clamped.
    Wang et al., Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023, eq. 8.
    """
    up_y, up_x = (_shrinking(sr.shape[axis], lr.shape[axis], sr.device)[1] for axis in (2, 3))
    return sr + up_y @ (lr - shrunk(sr, lr)) @ up_x.T


def shrunk(sr: Tensor, lr: Tensor) -> Tensor:
    """A·SR·Aᵀ: `sr` (N, c, H, W) shrunk to the size of `lr`, neither rounded nor clamped."""
    down_y, down_x = (_shrinking(sr.shape[axis], lr.shape[axis], sr.device)[0] for axis in (2, 3))
    return down_y @ sr @ down_x.T


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # kept for callers who differentiate
def _shrinking(length: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """A (size, length) and its pseudo-inverse (length, size), float32."""
    unchanged = torch.eye(length, dtype=torch.float64)[None, None]
    down = F.interpolate(unchanged, (size, length), mode="bicubic", antialias=True, align_corners=False)[0, 0]
    return down.float().to(device), torch.linalg.pinv(down).float().to(device)
