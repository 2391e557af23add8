"""The first weights: what the input says is still there at the end of the network."""

import pytest
import torch

from fishfsr.models.ablations import ABLATIONS
from fishfsr.models.config import FishFSRNetConfig
from fishfsr.models.fishfsrnet import FishFSRNet
from fishfsr.registry import create_model
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


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
def test_all_ablations_start_equal(scale: int) -> None:
    """Whatever branches are switched off: what goes in front of the last layer, and out of it, has the same size."""
    torch.manual_seed(0)
    lr, parsing = torch.rand(2, 3, 64 // scale, 64 // scale), torch.rand(2, 1, 64 // scale, 64 // scale).round()
    features: dict[str, float] = {}
    outputs: dict[str, float] = {}
    for name, switches in ABLATIONS.items():
        network = FishFSRNet(FishFSRNetConfig(width=16, scale=scale, **switches))
        unit_variance(network)
        network.last.register_forward_pre_hook(
            lambda module, inputs, name=name: features.update({name: inputs[0].std().item()})
        )
        with torch.no_grad():
            outputs[name] = network(lr, parsing).std().item()
    assert len(features) == 9
    assert all(0.2 < value < 1 for value in features.values()), features
    assert all(0.015 < value < 0.12 for value in outputs.values()), outputs
    assert max(features.values()) < 2.5 * min(features.values()), features
