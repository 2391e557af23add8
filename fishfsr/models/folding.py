"""Networks rewritten for inference: the same function, fewer operations, wider convolutions.

Three facts make it exact (up to the rounding of float32):

- between the last convolutions of a PAFB, and between those of an MSRB, there is no non-linearity: they
  multiply out into one;
- the first convolutions of the PAFB's two branches read the same input: side by side they are one;
- the map that a PAFB sees is constant over blocks of k x k pixels (nearest enlargement by k). Two 3x3
  convolutions look two pixels far, so inside a block only the two outermost pixels on each side differ from
  its middle: computed at 5x instead of kx and spread out.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.models.blocks import MSRB, PAFB, REDUCTION, RefineBlock, conv_relu_conv

PHASES = 5
"""Different pixels along one side of a block of the enlarged map: two at each end, and the middle."""


def fold(network: nn.Module) -> nn.Module:
    """A copy of `network` for inference, with every PAFB and MSRB folded that can be."""
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    # New layers draw first weights, which are replaced; the caller's random numbers go on as if they had not.
    with torch.random.fork_rng(devices=[]):
        for parent in list(folded.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, PAFB) and FoldedPAFB.fits(child):
                    setattr(parent, name, FoldedPAFB(child))
                elif isinstance(child, MSRB) and FoldedMSRB.fits(child):
                    setattr(parent, name, FoldedMSRB(child))
    return folded


class FoldedPAFB(nn.Module):
    """A PAFB with both branches: its last 1x1 convolution goes into the two fusions before it."""

    def __init__(self, block: PAFB) -> None:
        super().__init__()
        attention, parsing, join = block.attention, block.parsing, block.join
        assert attention is not None and parsing is not None and join is not None
        self.width = width = join.out_channels
        self.entry = _stack(_conv(attention.body[0]), _conv(parsing.features[0]))
        self.body = attention.body[2]
        self.attentions = attention.attentions
        self.attended = _behind(attention.fusion, join.weight[:, :width])
        fusion = _behind(parsing.fusion, join.weight[:, width:])
        self.features = _part(fusion, slice(0, width))
        self.map = parsing.map
        self.prior = _part(fusion, slice(width, None))
        self.features.bias = _frozen(_bias(fusion) + _bias(join) + _bias(self.attended))
        self.prior.bias = self.attended.bias = None

    @staticmethod
    def fits(block: PAFB) -> bool:
        """Whether the block has both branches and reads the map."""
        return block.join is not None and block.parsing is not None and block.parsing.use_map

    def forward(self, features: Tensor, parsing: Tensor) -> Tensor:
        attended, projected = self.entry(features).relu_().split(self.width, 1)
        attended = self.body(attended)
        fused = self.attended(torch.cat([attention(attended) for attention in self.attentions], 1))
        # Conv outputs belong to nobody else: adding in place saves writing the full size anew.
        return fused.add_(self.features(projected)).add_(self.prior_term(parsing, features)).add_(features)

    def prior_term(self, parsing: Tensor, features: Tensor) -> Tensor:
        """What the map adds to the output, at the size of `features`."""
        factor = features.shape[-1] // parsing.shape[-1]
        computed = min(factor, PHASES)
        term = self.prior(self.map(F.interpolate(parsing, scale_factor=computed, mode="nearest")))
        if computed == factor:
            return term
        rows = _spread(parsing.shape[-2], factor, term.device)
        columns = _spread(parsing.shape[-1], factor, term.device)
        pixels = (rows[:, None] * term.shape[-1] + columns).flatten()
        spread = term.permute(0, 2, 3, 1).flatten(1, 2).index_select(1, pixels)
        return spread.unflatten(1, features.shape[-2:]).permute(0, 3, 1, 2)


class FoldedMSRB(nn.Module):
    """An MSRB whose refine blocks' last convolutions are one with the fusion behind them."""

    def __init__(self, block: MSRB) -> None:
        super().__init__()
        width = block.fusion.out_channels
        self.resize = block.resize
        projections = [_projection(refine) for refine in block.refine]
        self.first = nn.ModuleList(project[0] for project in projections)
        last = [_conv(project[2]) for project in projections]
        parts = block.fusion.weight.split(width, 1)
        self.last = nn.Conv2d(width * len(last), width, 3, padding=1)
        merged = [_behind(conv, part) for conv, part in zip(last, parts, strict=True)]
        self.last.weight = _frozen(torch.cat([conv.weight for conv in merged], 1))
        self.last.bias = _frozen(_bias(block.fusion) + torch.stack([_bias(conv) for conv in merged]).sum(0))
        self.direct = nn.Conv2d(width, width, 1, bias=False)
        self.direct.weight = _frozen(torch.stack(parts).sum(0))
        self.attention = block.attention

    @staticmethod
    def fits(block: MSRB) -> bool:
        """Whether every f_P is convolution, ReLU, convolution (the authors' is not)."""
        kinds = [type(module) for module in conv_relu_conv(REDUCTION)]
        return all([type(module) for module in _projection(refine)] == kinds for refine in block.refine)

    def forward(self, features: Tensor, kept: list[Tensor]) -> Tensor:
        hidden = [
            first(features - resize(old)).relu_()
            for first, resize, old in zip(self.first, self.resize, kept, strict=True)
        ]
        return self.attention(self.last(torch.cat(hidden, 1)).add_(self.direct(features))).add_(features)


def _conv(module: nn.Module) -> nn.Conv2d:
    assert isinstance(module, nn.Conv2d)
    return module


def _projection(refine: nn.Module) -> nn.Sequential:
    assert isinstance(refine, RefineBlock)
    return refine.project


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def _frozen(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone(), requires_grad=False)


def _behind(conv: nn.Conv2d, one: Tensor) -> nn.Conv2d:
    """`conv` (m outputs) with a 1x1 kernel (o, m, 1, 1) behind it, as one convolution; multiplied out in float64."""
    matrix = one[:, :, 0, 0].double()
    merged = copy.deepcopy(conv)
    merged.weight = _frozen(torch.einsum("om,mikl->oikl", matrix, conv.weight.double()).to(one.dtype))
    merged.bias = _frozen((matrix @ _bias(conv).double()).to(one.dtype))
    merged.out_channels = len(matrix)
    return merged


def _part(conv: nn.Conv2d, inputs: slice) -> nn.Conv2d:
    """The share of `conv` that reads the channels `inputs`; the bias stays with it."""
    part = copy.deepcopy(conv)
    part.weight = _frozen(conv.weight[:, inputs])
    part.in_channels = part.weight.shape[1]
    return part


def _stack(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """Two convolutions of one input as one, their outputs side by side."""
    stacked = copy.deepcopy(first)
    stacked.weight = _frozen(torch.cat((first.weight, second.weight)))
    stacked.bias = _frozen(torch.cat((_bias(first), _bias(second))))
    stacked.out_channels = stacked.weight.shape[0]
    return stacked


def _spread(blocks: int, factor: int, device: torch.device) -> Tensor:
    """Indices that spread blocks of PHASES pixels to blocks of `factor`.

    The ends stay ends, the middle is repeated.
    """
    pixel = torch.arange(factor, device=device)
    phase = torch.where(pixel < factor // 2, pixel.clamp(max=2), (pixel - factor + PHASES).clamp(min=2))
    return (torch.arange(blocks, device=device)[:, None] * PHASES + phase).flatten()
