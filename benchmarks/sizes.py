"""Which model makes most of a face of which size: PSNR-Y by the size of the LR face, each model against bicubic.

    python benchmarks/sizes.py SHARDS CHECKPOINT... [--faces 100] [--sizes 8 10 12 ...] [--resampled]

The HR faces of a split are made smaller to each size by Pillow's bicubic kernel, then enlarged to 128²: by bicubic, and by each
model as `fishfsr upscale` does it, the face going through at its own size (`side_given`) and what comes out brought to 128² by bicubic.
In bold the model that `upscale` takes of these. `--resampled`: instead, every face is first brought to the model's LR size. From this
come the constants of `fishfsr.inference.sizes`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from fishfsr.evaluation.pictures import to_uint8
from fishfsr.inference.resolver import FaceSuperResolver, load
from fishfsr.inference.sizes import side_given, sides_served
from fishfsr.metrics import psnr
from fishprep.faces.pyramid import pillow_bicubic
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, shard_paths

SIZES = (
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    16,
    18,
    20,
    22,
    23,
    24,
    28,
    32,
    36,
    40,
    44,
    48,
    52,
    55,
    56,
    60,
    64,
    72,
    80,
    88,
    104,
    120,
)
BATCH = 20
CUT_OFF = 8  # pixels of each side that PSNR leaves out, at every size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--faces", type=int, default=100)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--resampled", action="store_true", help="Bring every face to the model's LR size first.")
    asked = parser.parse_args()
    hr = read(asked.shards, asked.split, asked.faces)
    resolvers = sorted((load(path, device="cpu") for path in asked.checkpoints), key=lambda resolver: -resolver.scale)
    served = sides_served([resolver.scale for resolver in resolvers])
    print(f"{len(hr)} faces, PSNR-Y in dB (gain over bicubic)")
    print("| LR face | bicubic | " + " | ".join(f"x{resolver.scale}" for resolver in resolvers) + " |")
    print("|---" * (2 + len(resolvers)) + "|")
    for size in asked.sizes:
        lr = pillow_bicubic(hr, size)
        plain = decibel(pillow_bicubic(lr, HR_SIZE), hr)
        cells = []
        for resolver in resolvers:
            low, high = served[resolver.scale]
            given = HR_SIZE // resolver.scale if asked.resampled else side_given(size, resolver.scale)
            text = cell(decibel(enlarged(resolver, lr, given), hr), plain) if near(resolver, size) else ""
            cells.append(f"**{text}**" if low <= size <= high and not asked.resampled else text)
        print(f"| {size} px | {plain:.2f} | " + " | ".join(cells) + " |", flush=True)


def read(folder: Path, split: str, count: int) -> np.ndarray:
    """The first `count` HR faces of a split, (N, 128, 128, 3) uint8."""
    found: list[np.ndarray] = []
    for path in (path for path in shard_paths(folder) if path.name.startswith(f"{split}-")):
        with Shard(path) as shard:
            found.append(np.array(shard.images(HR_SIZE)[: count - sum(map(len, found))]))
    return np.concatenate(found)


def near(resolver: FaceSuperResolver, size: int) -> bool:
    """Whether a face of `size` has 0.65 to 2 times the side that the model was trained on."""
    return 0.65 <= size * resolver.scale / HR_SIZE <= 2


def enlarged(resolver: FaceSuperResolver, lr: np.ndarray, given: int) -> np.ndarray:
    """Faces of any size (N, s, s, 3) uint8 → (N, 128, 128, 3) uint8, going through the model at `given` pixels a side."""
    fitting = images(pillow_bicubic(lr, given) if given != lr.shape[1] else lr)
    restored = np.concatenate([to_uint8(resolver.upscale(part)) for part in fitting.split(BATCH)])
    return pillow_bicubic(restored, HR_SIZE) if restored.shape[1] != HR_SIZE else restored


def decibel(found: np.ndarray, hr: np.ndarray) -> float:
    return float(psnr(images(found), images(hr), CUT_OFF).mean())


def images(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def cell(value: float, plain: float) -> str:
    return f"{value:.2f} ({value - plain:+.2f})"


if __name__ == "__main__":
    main()
