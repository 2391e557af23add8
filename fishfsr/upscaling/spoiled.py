"""Whether a face is sharp, or spoiled by blur, noise or JPEG: asked of the pair that was trained to take those away."""

import numpy as np

from fishfsr.inference.consistency import shrunk
from fishfsr.inference.kinds import as_tensor
from fishfsr.upscaling.resolver import Resolver

SPOILED_FROM = {4: 3.5, 8: 4.2}
"""Scale → grey levels (root of the mean square) from which on what a pair takes away is more than of a sharp face.

Measured on 80 faces (docs/upscaling.md), with as many sharp ones of the LR size, of other sizes, and spoiled ones.
"""
ELSEWHERE = 3.8


def looks_spoiled(resolver: Resolver, lr: np.ndarray) -> bool:
    """Whether `resolver`, trained on spoiled faces among others, takes more from a face `lr` (h, w, 3) uint8 than from a sharp one."""
    return taken_away(resolver, lr) >= SPOILED_FROM.get(resolver.scale, ELSEWHERE)


def taken_away(resolver: Resolver, lr: np.ndarray) -> float:
    """Grey levels (root of the mean square) between a face and what the restored face shrinks to.

    A pair that knows noise and JPEG blocks leaves them out, and sharpens what is blurred: its face shrinks to another one.
    """
    face = as_tensor(lr[None])
    left = shrunk(resolver.upscale(face).cpu(), face)
    return 255 * float((left - face).square().mean().sqrt())
