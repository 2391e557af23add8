"""ParsingNet (section III-A, Fig. 3): LR face to parsing map."""

from torch import Tensor, nn

from fishfsr.models.blocks import ResidualBlock, conv3x3
from fishfsr.models.checks import check_image
from fishfsr.models.config import ParsingNetConfig


class ParsingNet(nn.Module):
    """Convolution, residual blocks, convolution (eq. 1).

    The last convolution is linear: the map leaves [0, 1] now and then, and is clamped before FishFSRNet sees
    it.
    """

    def __init__(self, config: ParsingNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or ParsingNetConfig()
        width = self.config.width
        self.first = conv3x3(3, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(self.config.blocks)))
        self.last = conv3x3(width, self.config.map_channels)

    def forward(self, lr: Tensor) -> Tensor:
        """LR image (N, 3, h, w), RGB in [0, 1], to the map (N, map_channels, h, w), near [0, 1]; 1 is skin.

        Raises InputError on an empty batch or another shape.
        """
        check_image(lr, "the LR image")
        return self.last(self.blocks(self.first(lr)))
