"""SRCNN: three convolutions on the bicubic face (Dong et al., TPAMI 38(2), 2016)."""

from dataclasses import dataclass

from torch import Tensor, nn

from fishfsr.methods.base import Method, RivalConfig, Said
from fishfsr.methods.layers import conv, scaled
from fishfsr.models.blocks import enlarged
from fishfsr.models.checks import check_image
from fishfsr.models.sr_net import SrNet


@dataclass(frozen=True)
class SRCNNConfig(RivalConfig):
    """SRCNN: kernels 9, `middle` (5, the better one of the article; 1 in its first version) and 5."""

    middle: int = 5


class SRCNN(SrNet):
    """9x9 to 64 features, ReLU, `middle` to 32, ReLU, 5x5 to RGB; no residual, no norm."""

    def __init__(self, config: SRCNNConfig | None = None) -> None:
        super().__init__()
        self.config: SRCNNConfig = config or SRCNNConfig()
        first, second = scaled(64, self.config.width), scaled(32, self.config.width)
        self.layers = nn.Sequential(
            conv(3, first, 9),
            nn.ReLU(inplace=True),
            conv(first, second, self.config.middle),
            nn.ReLU(inplace=True),
            conv(second, 3, 5),
        )

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """As `SrNet.forward`; the map is not read."""
        check_image(lr, "the LR image")
        return self.layers(enlarged(lr, self.config.scale))


METHOD = Method(
    name="srcnn",
    title="SRCNN",
    paper="Dong et al., Image Super-Resolution Using Deep Convolutional Networks, TPAMI 38(2), 2016",
    reads=("bicubic",),
    supervised_by=("hr",),
    config=SRCNNConfig,
    network=SRCNN,
    published={"loss": "mse", "lr": 1e-4, "batch_size": 16},
    said=(
        Said("published", "9-5-5 kernels, 64 and 32 features, mean squared error", "the article"),
        Said("adapted", "all three colours, where the article enlarges Y alone", "PSNR-Y hardly differs"),
        Said(
            "adapted",
            "zero padding and Adam at 1e-4, where the article cuts its output and uses SGD",
            "public re-implementations",
        ),
    ),
    scales=(2, 3, 4),
)
