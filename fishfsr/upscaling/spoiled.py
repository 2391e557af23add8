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


def looks_spoiled(resolver: Resolver, crop: np.ndarray, lr: np.ndarray) -> bool:
    """Whether `resolver`, trained on spoiled faces among others, takes more from a face than from a sharp one.

    `crop` (h, w, 3) uint8: the face as it is in the picture. `lr`: the same at the LR size.
    """
    return taken_away(resolver, crop, lr) >= SPOILED_FROM.get(resolver.scale, ELSEWHERE)


def taken_away(resolver: Resolver, crop: np.ndarray, lr: np.ndarray) -> float:
    """Grey levels (root of the mean square) between a face and what the restored face shrinks to.

    A pair that knows noise and JPEG blocks leaves them out, and sharpens what is blurred: its face shrinks to another one. Where the
    crop was enlarged to the LR size that is no fault of the face: the two are compared at the crop's own size.
    """
    own = as_tensor((crop if crop.size < lr.size else lr)[None])
    left = shrunk(resolver.upscale(as_tensor(lr[None])).cpu(), own)
    return 255 * float((left - own).square().mean().sqrt())
