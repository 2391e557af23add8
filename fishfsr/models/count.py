"""Sizes of a network, computed: parameters, and multiply-accumulates of a forward pass."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(network: nn.Module) -> int:
    """The number of values that `network` learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, *shapes: tuple[int, ...]) -> int:
    """Multiply-accumulates of convolutions and matrix products for inputs of `shapes`; nothing is computed.

    Runs on a copy on the meta device. Activations, additions and resizing are not counted.
    """
    shadow = copy.deepcopy(network).to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow(*(torch.empty(shape, device="meta") for shape in shapes))
    return counter.get_total_flops() // 2
