"""FishFSRNet (section III-B, Fig. 2): LR face and parsing map to the face enlarged by 2, 4, 8 or 16."""

from collections.abc import Sequence

from torch import Tensor, nn

from fishfsr.models.blocks import MSRB, PAFB, AttentionBranch, Concatenation, Down, ParsingBranch, Up, conv3x3, enlarged
from fishfsr.models.checks import check_image, check_map
from fishfsr.models.config import FishFSRNetConfig
from fishfsr.models.sr_net import SrNet

PAFBS_PER_STAGE = 2


class ResampleStage(nn.Module):
    """One step of head, body or tail.

    An MSRB (none in the head), an up or down module, two PAFBs (eqs. 5-19).
    """

    def __init__(
        self, config: FishFSRNetConfig, width: int, resample: nn.Module, msrb: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.msrb = msrb
        self.resample = resample
        self.blocks = nn.ModuleList(build_pafb(config, width) for _ in range(PAFBS_PER_STAGE))

    def forward(self, features: Tensor, kept: Sequence[Tensor], parsing: Tensor | None) -> tuple[Tensor, Tensor]:
        """To the resampled features, which head and body keep, and those behind the PAFBs, which go on."""
        if self.msrb is not None:
            features = self.msrb(features, kept)
        resampled = features = self.resample(features)
        for block in self.blocks:
            features = block(features, parsing)
        return resampled, features


class FishFSRNet(SrNet):
    """Feature extraction, head (n up stages), body (n down stages), tail (n up stages), reconstruction; n = log2(scale)."""

    def __init__(self, config: FishFSRNetConfig | None = None) -> None:
        super().__init__()
        self.config: FishFSRNetConfig = config or FishFSRNetConfig()
        config = self.config
        widths = config.widths
        levels = range(len(widths) - 1)
        self.first = conv3x3(3, widths[0])
        self.head = nn.ModuleList(
            ResampleStage(config, widths[level + 1], Up(widths[level], widths[level + 1])) for level in levels
        )
        # The head keeps sizes 2, 4, ..., s times LR, the body 1, 2, ..., s/2 times: level is the MSRB's place among them.
        self.body = nn.ModuleList(
            ResampleStage(
                config, widths[level], Down(widths[level + 1], widths[level]), build_msrb(config, widths[1:], level)
            )
            for level in reversed(levels)
        )
        self.tail = nn.ModuleList(
            ResampleStage(
                config, widths[level + 1], Up(widths[level], widths[level + 1]), build_msrb(config, widths[:-1], level)
            )
            for level in levels
        )
        self.last = conv3x3(widths[-1], 3)

    def forward(self, lr: Tensor, parsing: Tensor | None = None) -> Tensor:
        """LR image (N, 3, h, w) and map (N, map_channels, h, w), both in [0, 1], to (N, 3, s·h, s·w), near [0, 1].

        Any h and w >= 1. The map is ignored, and may be None, where `config.needs_map` is false. Raises
        InputError on an empty batch, another shape, or a missing map.
        """
        check_image(lr, "the LR image")
        if self.config.needs_map:
            check_map(parsing, lr, self.config.map_channels)
        features = self.first(lr)
        kept_head: list[Tensor] = []
        for stage in self.head:
            kept, features = stage(features, (), parsing)
            kept_head.append(kept)
        kept_body: list[Tensor] = []
        for stage in self.body:
            kept, features = stage(features, kept_head, parsing)
            kept_body.insert(0, kept)
        for stage in self.tail:
            _, features = stage(features, kept_body, parsing)
        sr = self.last(features)
        if self.config.global_residual:
            sr = sr + enlarged(lr, self.config.scale)
        return sr


def build_pafb(config: FishFSRNetConfig, width: int) -> PAFB:
    """The PAFB of `width` features with the branches that `config` leaves on."""
    attention = None
    if config.spatial_attention or config.channel_attention:
        attention = AttentionBranch(width, config.spatial_attention, config.channel_attention)
    parsing = ParsingBranch(width, config.map_channels, config.use_map) if config.parsing_branch else None
    return PAFB(width, attention, parsing)


def build_msrb(config: FishFSRNetConfig, widths: Sequence[int], level: int) -> MSRB | Concatenation:
    """The MSRB, or the concatenation in its place, for features at place `level` among kept ones of `widths`."""
    return (MSRB if config.multi_scale_refine else Concatenation)(widths, level)
