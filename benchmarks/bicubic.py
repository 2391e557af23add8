"""What bicubic enlargement scores on shards: the check that the crop is the paper's.

    python benchmarks/bicubic.py SHARDS [--split test]

PSNR and SSIM on Y by the `reference` protocol of image/32, image/16 and image/8, enlarged by Pillow's bicubic, against
image/128, beside the Bicubic row of the paper's Table I (CelebA). Prints a table.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from fishfsr.metrics import psnr, ssim
from fishprep.faces.pyramid import pillow_bicubic
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, shard_paths

PAPER = {4: 27.48, 8: 23.68, 16: 20.34}


def tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).double() / 255


def scores(folder: Path, split: str, scale: int) -> tuple[np.ndarray, np.ndarray]:
    psnrs, ssims = [], []
    for path in shard_paths(folder):
        with Shard(path) as shard:
            if shard.attributes.split != split:
                continue
            for start in range(0, len(shard), 64):
                hr = tensor(shard.images(HR_SIZE)[start : start + 64])
                sr = tensor(pillow_bicubic(shard.images(HR_SIZE // scale)[start : start + 64], HR_SIZE))
                psnrs.append(psnr(sr, hr, scale).numpy())
                ssims.append(ssim(sr, hr, scale).numpy())
    return np.concatenate(psnrs), np.concatenate(ssims)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("shards", type=Path)
    arguments.add_argument("--split", default="test")
    given = arguments.parse_args()
    table = Table(title=f"Bicubic, {given.split}, PSNR-Y and SSIM-Y, protocol reference")
    for column in ("scale", "faces", "PSNR", "SSIM", "paper, CelebA"):
        table.add_column(column, justify="right")
    for scale, printed in PAPER.items():
        found, similar = scores(given.shards, given.split, scale)
        table.add_row(f"x{scale}", f"{len(found):,}", f"{found.mean():.2f}", f"{similar.mean():.4f}", f"{printed:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
