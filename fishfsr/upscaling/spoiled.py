"""Whether an LR face is sharp, or spoiled by blur, noise or JPEG: asked of the pair that was trained to take those away."""

import numpy as np

from fishfsr.inference.consistency import shrunk
from fishfsr.inference.kinds import as_tensor
from fishfsr.upscaling.resolver import Resolver

SPOILED_FROM = 3.0
"""Grey levels (root of the mean square) that the pair for spoiled faces takes away from an LR face that is one."""


def looks_spoiled(resolver: Resolver, lr: np.ndarray) -> bool:
    """Whether `resolver`, trained on spoiled faces among others, takes more from an LR face (h, w, 3) uint8 than from a sharp one."""
    return taken_away(resolver, lr) >= SPOILED_FROM


def taken_away(resolver: Resolver, lr: np.ndarray) -> float:
    """Grey levels (root of the mean square) between an LR face (h, w, 3) uint8 and what the restored face shrinks to.

    A pair that knows noise and JPEG blocks leaves them out, and sharpens what is blurred: its face shrinks to another LR face.
    """
    given = as_tensor(lr[None])
    left = shrunk(resolver.upscale(given).cpu(), given)
    return 255 * float((left - given).square().mean().sqrt())
