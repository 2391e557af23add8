"""The faces of shards beside what trained pairs make of their LR images, as one picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fishfsr.evaluation.pictures import Pixels, grey, grid, to_uint8
from fishfsr.inference.resolver import FaceSuperResolver, load
from fishfsr.registry import ARCHITECTURES, architecture_of
from fishprep.faces.pyramid import pillow_bicubic
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, shard_paths

SIDE = 2 * HR_SIZE  # pixels


def restored_sheet(shards: Path, models: Sequence[str | Path]) -> Image.Image:
    """A row for each face and model, as `fishfsr.load` takes it: LR | bicubic | SR | HR | the map that ParsingNet estimated,
    white where the network reads none.

    Meant for a handful of faces: all are in memory. Raises ShardError, and what `load` does.
    """
    rows: list[list[Pixels]] = []
    resolvers = sorted((load(model, device="cpu") for model in models), key=lambda resolver: resolver.scale)
    for path in shard_paths(shards):
        with Shard(path) as shard:
            for index in range(len(shard)):
                rows += [_row(shard, index, resolver) for resolver in resolvers]
    networks = dict.fromkeys(ARCHITECTURES[architecture_of(resolver.sr_net)].title for resolver in resolvers)
    scales = ", ".join(f"x{resolver.scale}" for resolver in resolvers)
    return grid(("LR", "Bicubic", f"{', '.join(networks)} {scales}", "HR", "Map"), rows, SIDE)


def _row(shard: Shard, index: int, resolver: FaceSuperResolver) -> list[Pixels]:
    hr = shard.images(HR_SIZE)[index]
    lr = np.array(shard.images(HR_SIZE // resolver.scale)[index])  # a copy: torch wants memory that can be written to
    batch = torch.from_numpy(lr)[None].permute(0, 3, 1, 2).float() / 255
    parsing = resolver.parse(batch) if resolver.sr_net.config.needs_map else None
    [sr] = to_uint8(resolver.upscale(batch, parsing))
    [shown] = grey(torch.ones_like(batch[:, :1]) if parsing is None else parsing.mean(1, keepdim=True))
    [plain] = pillow_bicubic(lr[None], HR_SIZE)
    return [lr, plain, sr, hr, shown]
