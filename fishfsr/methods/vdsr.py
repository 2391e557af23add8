"""VDSR: twenty convolutions on the bicubic face, whose change they learn (Kim et al., CVPR 2016)."""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from fishfsr.errors import ConfigurationError
from fishfsr.methods.base import Method, RivalConfig, Said
from fishfsr.methods.layers import conv
from fishfsr.models.blocks import enlarged
from fishfsr.models.checks import check_image
from fishfsr.models.config import DEEPEST
from fishfsr.models.sr_net import SrNet


@dataclass(frozen=True)
class VDSRConfig(RivalConfig):
    """VDSR with `layers` convolutions, the first and the last among them."""

    layers: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.layers <= DEEPEST:
            raise ConfigurationError(f"layers = {self.layers}: must be from 2 to {DEEPEST}")


class VDSR(SrNet):
    """3x3 convolutions with ReLU between them, without bias; the output is added to the bicubic face."""

    def __init__(self, config: VDSRConfig | None = None) -> None:
        super().__init__()
        self.config: VDSRConfig = config or VDSRConfig()
        widths = [3, *[self.config.width] * (self.config.layers - 1), 3]
        parts: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layer = conv(inputs, outputs, bias=False)
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            parts += [layer, nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*parts[:-1])

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        check_image(lr, "the LR image")
        bicubic = enlarged(lr, self.config.scale)
        return bicubic + self.layers(bicubic)


METHOD = Method(
    name="vdsr",
    title="VDSR",
    paper="Kim et al., Accurate Image Super-Resolution Using Very Deep Convolutional Networks, CVPR 2016",
    reads=("bicubic",),
    supervised_by=("hr",),
    config=VDSRConfig,
    network=VDSR,
    published={"loss": "mse", "lr": 1e-4, "batch_size": 64},
    said=(
        Said(
            "published",
            "20 layers of 64 features, mean squared error on bicubic plus residual, batches of 64",
            "the article",
        ),
        Said(
            "adapted",
            "Adam at 1e-4 without clipping: SGD at 0.1 belongs to a loss that is a sum",
            "users of re-implementations",
        ),
        Said("adapted", "one network a scale, where the article mixes x2, x3 and x4; all three colours", "the harness"),
    ),
    scales=(2, 3, 4),
)
