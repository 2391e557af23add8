"""Shards of made-up smooth pictures, whose maps and landmarks are random but known."""

import json
from typing import Any

import numpy as np
import torch

from fishprep.faces.pyramid import lr_pyramid
from fishprep.shards.schema import LR_SIZES
from fishprep.shards.writer import Samples

RECIPE = "ab" * 32
SIZES = (128, *LR_SIZES)


def samples(count: int, split: str = "test", seed: int = 0) -> Samples:
    """Smooth random pictures with a map that is another for each, and known at every size."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((count, 3, 12, 12), np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (128, 128), mode="bicubic").clamp(0, 1)
    noise = torch.from_numpy(rng.normal(0, 0.02 * (1 + np.arange(count))[:, None, None, None], smooth.shape))
    hr = ((smooth + noise).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    skin = rng.integers(0, 2, (count, 8, 8)).astype(np.uint8)
    landmarks = rng.uniform(20, 108, (count, 68, 2)).astype(np.float32)
    return Samples(
        images={128: hr, **lr_pyramid(hr, "pillow-bicubic")},
        skin={size: skin.repeat(size // 8, 1).repeat(size // 8, 2) for size in SIZES},
        classes=None,
        landmarks=landmarks,
        boxes=np.tile(np.array([[0, 0, 128, 128]], np.float32), (count, 1)),
        ids=[f"{split}/{seed}-{number}" for number in range(count)],
        split=split,
    )


def attributes(recipe: str = RECIPE, **configuration: Any) -> dict[str, str]:
    """Of a shard."""
    said = {"crop": "square", "resizer": "pillow-bicubic", "weights": {}} | configuration
    return {
        "producer": "test",
        "recipe": recipe,
        "inputs": "cd" * 32,
        "configuration": json.dumps(said),
        "versions": "{}",
        "weights": '{"parser.pth": "00"}',
    }
