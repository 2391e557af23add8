"""Small weights of a compact parser that are run in eight bits."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from fishprep.parsing.networks.compact import Compact, CompactShape
from fishprep.parsing.networks.eight_bits import measured_ranges, ranges_text
from fishprep.parsing.networks.kinds import header_of

SMALL = CompactShape((8, 8, 16, 16), (1, 2, 1), (1, 1))


def smooth_images(count: int, seed: int) -> Tensor:
    """Smooth, as photos are."""
    coarse = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic")


def with_ranges(path: Path, shape: CompactShape = SMALL, **header: str) -> Path:
    """A network that has seen pictures, with `header` beside or in place of what it says of itself; the path."""
    torch.manual_seed(0)
    net = Compact(shape)
    for seed in range(3):
        net(smooth_images(4, seed))
    with torch.no_grad():
        for value in net.parameters():
            value += 0.05 * torch.randn(value.shape)
    ranges = {"ranges": ranges_text(measured_ranges(net, smooth_images(8, 9)))}
    save_file(net.state_dict(), path, {"input": "64x64 RGB", **header_of(net), **ranges, **header})
    return path
