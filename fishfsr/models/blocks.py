"""The parts of the two networks, as section III of the paper names them.

Features are float tensors (N, w, h, w'), w the width. Every 3x3 convolution pads with zeros and keeps the
size. Where the paper is silent the blocks follow the authors' code; `docs/networks.md` lists those places.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

REDUCTION = 4
HIDDEN_BIAS = 0.25


def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution with bias that keeps the size (halves it, rounded up, at stride 2)."""
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


def enlarged(lr: Tensor, scale: int) -> Tensor:
    """(N, 3, h, w) by PyTorch's bicubic kernel to (N, 3, s·h, s·w): what a network's output is added to."""
    return F.interpolate(lr, scale_factor=scale, mode="bicubic", align_corners=False)


def conv_relu_conv(width: int) -> nn.Sequential:
    """3x3 convolution, ReLU, 3x3 convolution: the residual body of EDSR, which the paper uses throughout."""
    return nn.Sequential(conv3x3(width, width), nn.ReLU(), conv3x3(width, width))


class ResidualBlock(nn.Module):
    """EDSR's residual block, F + conv(ReLU(conv(F))): the body of ParsingNet (Fig. 3)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = conv_relu_conv(width)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.body(features)


class ChannelAttention(nn.Module):
    """Scales each channel by a gate: sigmoid of the sum of MLP(average), MLP(maximum) and MLP(variance).

    The paper does not say how it pools; this is the authors' code, with a reduction of 4.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = nn.Linear(width, width // REDUCTION)
        # The few hidden units of a narrow network can all start dead, and then never learn.
        nn.init.constant_(hidden.bias, HIDDEN_BIAS)
        self.mlp = nn.Sequential(hidden, nn.ReLU(), nn.Linear(width // REDUCTION, width))

    def gate(self, features: Tensor) -> Tensor:
        """(N, w, h, w') to the gates (N, w, 1, 1) in (0, 1)."""
        variance, mean = torch.var_mean(features, (2, 3), correction=0)
        maximum = F.adaptive_max_pool2d(features, 1).flatten(1)  # its gradient costs less than that of amax
        pooled = torch.stack((mean, maximum, variance))
        return torch.sigmoid(self.mlp(pooled).sum(0))[:, :, None, None]

    def forward(self, features: Tensor) -> Tensor:
        return features * self.gate(features)


class SpatialAttention(nn.Module):
    """Scales every pixel of every channel: 1x1 convolution w to 2w, ReLU, 1x1 convolution back to w, sigmoid.

    The paper does not give its form; this is the authors' code.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, 2 * width, 1), nn.ReLU(), nn.Conv2d(2 * width, width, 1))

    def forward(self, features: Tensor) -> Tensor:
        return features * torch.sigmoid(self.body(features))


class AttentionBranch(nn.Module):
    """F_A of the PAFB (Fig. 5, top): two convolutions, the attentions side by side, concatenation, 1x1 fusion."""

    def __init__(self, width: int, spatial: bool, channel: bool) -> None:
        super().__init__()
        self.body = conv_relu_conv(width)
        attentions: list[nn.Module] = []
        if spatial:
            attentions.append(SpatialAttention(width))
        if channel:
            attentions.append(ChannelAttention(width))
        self.attentions = nn.ModuleList(attentions)
        self.fusion = nn.Conv2d(len(attentions) * width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        features = self.body(features)
        return self.fusion(torch.cat([attention(features) for attention in self.attentions], 1))


class ParsingBranch(nn.Module):
    """F_P of the PAFB (Fig. 5, bottom): F and the map, one convolution each, concatenation, 3x3 fusion.

    Without the map (Fig. 14) the mean of F over its channels takes the map's place: the parameters stay equal
    to the last one, and nothing of the map comes in.
    """

    def __init__(self, width: int, map_channels: int, use_map: bool) -> None:
        super().__init__()
        self.use_map = use_map
        self.features = nn.Sequential(conv3x3(width, width), nn.ReLU())
        self.map = nn.Sequential(conv3x3(map_channels, width), nn.ReLU())
        self.fusion = conv3x3(2 * width, width)

    def forward(self, features: Tensor, parsing: Tensor | None) -> Tensor:
        if self.use_map:
            assert parsing is not None  # FishFSRNet has asked for it
            prior = F.interpolate(parsing, size=features.shape[-2:], mode="nearest")
        else:
            prior = features.mean(1, keepdim=True)
        return self.fusion(torch.cat((self.features(features), self.map(prior)), 1))


class PAFB(nn.Module):
    """Parsing map attention fusion block (section III-D, Fig. 5): conv(concat(F_A, F_P)) + F.

    With one branch switched off its concatenation and last convolution go too; with both off it is a plain
    residual block (Table III, Model 1).
    """

    def __init__(self, width: int, attention: AttentionBranch | None, parsing: ParsingBranch | None) -> None:
        super().__init__()
        self.attention = attention
        self.parsing = parsing
        self.body = conv_relu_conv(width) if attention is None and parsing is None else None
        self.join = nn.Conv2d(2 * width, width, 1) if attention is not None and parsing is not None else None

    def forward(self, features: Tensor, parsing: Tensor | None) -> Tensor:
        """Features (N, w, h, w') to the same; the map comes at the LR size and is enlarged by nearest."""
        branches = []
        if self.body is not None:
            branches.append(self.body(features))
        if self.attention is not None:
            branches.append(self.attention(features))
        if self.parsing is not None:
            branches.append(self.parsing(features, parsing))
        if self.join is not None:
            return self.join(torch.cat(branches, 1)) + features
        return branches[0] + features


class RefineBlock(nn.Module):
    """Error feedback from one kept feature (eqs. 22-23): F_ko = f_P(F - F_kc) + F, f_P two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = conv_relu_conv(width)

    def forward(self, features: Tensor, kept: Tensor) -> Tensor:
        return self.project(features - kept) + features


def resampling(inputs: int, outputs: int, steps: int) -> nn.Module:
    """Doubles the size `steps` times by nearest; for `steps` < 0 halves it by strided convolutions.

    "Nearest interpolation or a convolution layer" is all that the paper says; which when, and the ReLU
    between two strided convolutions, is the authors' code. Where the number of features changes, which it does not in the
    paper, the first convolution changes it: a 1x1 convolution ahead of nearest.
    """
    if steps > 0:
        nearest = nn.Upsample(scale_factor=2**steps, mode="nearest")
        return nearest if inputs == outputs else nn.Sequential(nn.Conv2d(inputs, outputs, 1), nearest)
    layers: list[nn.Module] = []
    for step in range(-steps):
        layers += [conv3x3(outputs if step else inputs, outputs, stride=2), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class MSRB(nn.Module):
    """Multi-scale refine block (section III-C, Fig. 4).

    Refines F by every kept feature, concatenates, fuses by a 1x1 convolution (n·w to w), gates by channel
    attention, adds F.

    `level` is F's place among the sizes of the kept features, which come from coarse to fine, each twice
    the one before; `widths` are their numbers of features.
    """

    def __init__(self, widths: Sequence[int], level: int) -> None:
        super().__init__()
        width = widths[level]
        self.resize = _resampled(widths, level)
        self.refine = nn.ModuleList(RefineBlock(width) for _ in widths)
        self.fusion = nn.Conv2d(len(widths) * width, width, 1)
        self.attention: nn.Module = ChannelAttention(width)

    def forward(self, features: Tensor, kept: Sequence[Tensor]) -> Tensor:
        refined = [
            refine(features, resize(old)) for refine, resize, old in zip(self.refine, self.resize, kept, strict=True)
        ]
        return self.attention(self.fusion(torch.cat(refined, 1))) + features


class Concatenation(nn.Module):
    """What stands in the MSRB's place when it is switched off (Table III).

    Concatenation with F and a 1x1 convolution.
    """

    def __init__(self, widths: Sequence[int], level: int) -> None:
        super().__init__()
        width = widths[level]
        self.resize = _resampled(widths, level)
        self.fusion = nn.Conv2d((len(widths) + 1) * width, width, 1)

    def forward(self, features: Tensor, kept: Sequence[Tensor]) -> Tensor:
        resized = [resize(old) for resize, old in zip(self.resize, kept, strict=True)]
        return self.fusion(torch.cat((features, *resized), 1))


def _resampled(widths: Sequence[int], level: int) -> nn.ModuleList:
    """What brings each of the kept features to the size and number of those at `level`."""
    return nn.ModuleList(resampling(inputs, widths[level], level - index) for index, inputs in enumerate(widths))


class Up(nn.Module):
    """x2: 3x3 convolution w to 4w, pixel shuffle (eq. 5)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = conv3x3(inputs, 4 * outputs)

    def forward(self, features: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(features), 2)


class Down(nn.Module):
    """x1/2: inverse pixel shuffle, 3x3 convolution 4w to w (eq. 10; the order is the authors')."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = conv3x3(4 * inputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(F.pixel_unshuffle(features, 2))
