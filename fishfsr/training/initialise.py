"""The first weights of a network, where PyTorch's own make a short training slow."""

import torch
from torch import nn

from fishfsr.models.blocks import MSRB, PAFB, RefineBlock, ResidualBlock
from fishfsr.models.tapernet import GatedBlock

BRANCH_GAIN = 0.2
OUTPUT_GAIN = 0.1


@torch.no_grad()
def unit_variance(network: nn.Module) -> None:
    """Draw all convolutions anew so that features keep their variance from the first layer to the last.

    PyTorch's initialisation shrinks them to a third at every convolution: FishFSRNet x8 has nine on its main path (up,
    down, up) that no shortcut bridges, and learns nothing for hundreds of steps. He et al., 2015, for the gain before a
    ReLU; what residual branches add starts small (as in EDSR and Fixup), and so does the output.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            _draw(module, 1.0)
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            _draw_before_relu(module)
        for end in _ends_of_branches(module):
            _draw(end, BRANCH_GAIN)
    assert isinstance(network.last, nn.Conv2d)
    _draw(network.last, OUTPUT_GAIN)


def _ends_of_branches(module: nn.Module) -> list[nn.Module]:
    """The last convolution of a residual branch."""
    if isinstance(module, PAFB):
        return [_end_of_pafb(module)]
    if isinstance(module, MSRB):
        return [module.fusion]
    if isinstance(module, RefineBlock):
        return [module.project[-1]]
    return [module.body[-1]] if isinstance(module, ResidualBlock | GatedBlock) else []


def _end_of_pafb(block: PAFB) -> nn.Module:
    """Of whatever branches it has: Models 1 to 4 of Table III start as small as the others."""
    if block.join is not None:
        return block.join
    if block.body is not None:
        return block.body[-1]
    branch = block.attention or block.parsing
    assert branch is not None
    return branch.fusion


def _draw_before_relu(layers: nn.Sequential) -> None:
    for layer, following in zip(layers, list(layers)[1:], strict=False):
        if isinstance(layer, nn.Conv2d) and isinstance(following, nn.ReLU | nn.LeakyReLU):
            _draw(layer, 2**0.5)


def _draw(layer: nn.Module, gain: float) -> None:
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    nn.init.normal_(layer.weight, 0.0, gain * layer.weight[0].numel() ** -0.5)
    nn.init.zeros_(layer.bias)
