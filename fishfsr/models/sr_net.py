"""What a network is that enlarges a face: checkpoints, training and inference ask for no more than this."""

from torch import Tensor, nn

from fishfsr.models.config import SrNetConfig


class SrNet(nn.Module):
    """LR face, and where `config.needs_map` the parsing map, to the face enlarged by `config.scale`."""

    config: SrNetConfig

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """LR image (N, 3, h, w) and map (N, map_channels, h, w), both in [0, 1], to (N, 3, s·h, s·w), near [0, 1]."""
        raise NotImplementedError
