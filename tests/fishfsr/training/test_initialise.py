"""The first weights: what the input says is still there at the end of the network."""

import torch

from fishfsr.models.registry import create_model
from fishfsr.training.initialise import unit_variance


def test_different_faces_still_differ_at_the_end() -> None:
    torch.manual_seed(0)
    network = create_model("fishfsrnet_x8", width=16)
    lr, parsing = torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16).round()
    spread: list[float] = []
    network.last.register_forward_pre_hook(lambda module, inputs: spread.append(inputs[0].std(0).mean().item()))
    with torch.no_grad():
        network(lr, parsing)
        unit_variance(network)
        sr = network(lr, parsing)
    before, after = spread
    assert before < 0.05 and 0.1 < after < 3
    assert sr.abs().max() < 1  # and the output starts small


def test_parsing_net_is_drawn_too() -> None:
    torch.manual_seed(0)
    network = create_model("parsingnet_x8", width=16)
    unit_variance(network)
    with torch.no_grad():
        assert 0.01 < network(torch.rand(2, 3, 16, 16)).std() < 1
