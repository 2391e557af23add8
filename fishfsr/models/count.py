"""Sizes of a network, computed: parameters, and multiply-accumulates of a forward pass."""

import copy
from typing import Any

import torch
from torch import Tensor, nn


def count_parameters(network: nn.Module) -> int:
    """The number of values that `network` learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, *shapes: tuple[int, ...]) -> int:
    """Multiply-accumulates of the convolutions and linear layers for inputs of `shapes`; nothing is computed.

    Runs on a copy on the meta device. Biases, activations, additions and resizing are not counted.
    """
    shadow = copy.deepcopy(network).to("meta")
    counts: list[int] = []

    def count(module: nn.Module, inputs: Any, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d | nn.Linear)
        counts.append(output.numel() * module.weight[0].numel())

    for module in shadow.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    with torch.no_grad():
        shadow(*(torch.empty(shape, device="meta") for shape in shapes))
    return sum(counts)
