"""TaperNet: its size by hand, what it depends on, that it learns, and that it goes wherever FishFSRNet goes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fishfsr.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fishfsr.errors import ConfigurationError, InputError
from fishfsr.export import export_onnx
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.models.blocks import enlarged
from fishfsr.models.config import SCALES, TaperNetConfig
from fishfsr.models.count import count_macs, count_parameters
from fishfsr.models.tapernet import GatedBlock, TaperNet
from fishfsr.registry import create_model
from fishfsr.training.initialise import unit_variance

Lively = Callable[..., nn.Module]
Images = Callable[..., Tensor]


def conv(inputs: int, outputs: int) -> int:
    return 9 * inputs * outputs + outputs


def block(width: int) -> int:
    hidden = max(4, width // 8)
    return 2 * conv(width, width) + width * hidden + hidden + hidden * width + width


def test_widths_halve_down_to_a_floor() -> None:
    assert TaperNetConfig(width=128, scale=8).widths == (128, 64, 32)
    assert TaperNetConfig(width=96, scale=16).widths == (96, 48, 32, 32)
    assert TaperNetConfig(width=8, scale=4).widths == (8, 8)
    assert TaperNetConfig(width=36, scale=4).widths == (36, 32)


def test_parameters_and_operations_by_hand() -> None:
    network = TaperNet(TaperNetConfig(scale=8))
    ups = conv(128, 4 * 64) + conv(64, 4 * 32)
    assert count_parameters(network) == conv(4, 128) + 8 * block(128) + 2 * block(64) + 2 * block(32) + ups + conv(
        32, 12
    )
    pixels = 16 * 16
    macs = pixels * 9 * (4 * 128 + 16 * 128 * 128 + 128 * 256)
    macs += 4 * pixels * 9 * (4 * 64 * 64 + 64 * 128)
    macs += 16 * pixels * 9 * (4 * 32 * 32 + 32 * 12)
    gates = 2 * (8 * 128 * 16 + 2 * 64 * 8 + 2 * 32 * 4)
    assert count_macs(network, (1, 3, 16, 16), (1, 1, 16, 16)) == macs + gates


@pytest.mark.parametrize("scale", SCALES)
def test_any_size_is_enlarged(scale: int, lively: Lively, images: Images) -> None:
    network = lively(create_model(f"tapernet_x{scale}", width=8, blocks=1, blocks_above=1))
    assert network(images(2, 5, 3), images(2, 5, 3, channels=1)).shape == (2, 3, 5 * scale, 3 * scale)


def test_it_adds_to_the_bicubic_face(images: Images) -> None:
    network = create_model("tapernet_x4", width=8, blocks=1)
    nn.init.zeros_(network.last.weight)
    nn.init.zeros_(network.last.bias)
    lr = images(2, 6)
    torch.testing.assert_close(network(lr, images(2, 6, channels=1)), enlarged(lr, 4))


@pytest.mark.parametrize("use_map", [True, False])
def test_it_reads_the_map_where_it_says_so(use_map: bool, lively: Lively, images: Images) -> None:
    network = lively(create_model("tapernet_x4", width=8, blocks=1, use_map=use_map))
    lr, one, other = images(1, 6), images(1, 6, channels=1, seed=2), images(1, 6, channels=1, seed=3)
    assert network.config.needs_map is use_map
    if use_map:
        assert not torch.allclose(network(lr, one), network(lr, other))
        with pytest.raises(InputError, match="none was given"):
            network(lr)
    else:
        assert torch.equal(network(lr), network(lr, one))


def test_the_gate_scales_each_channel(images: Images) -> None:
    gated = GatedBlock(8)
    nn.init.zeros_(gated.gate[2].weight)
    with torch.no_grad():
        gated.gate[2].bias.copy_(torch.tensor([0.0] * 4 + [-1e4] * 4))  # sigmoid: a half, and nothing
    features = images(1, 5, channels=8)
    result = gated(features) - features
    torch.testing.assert_close(result[:, :4], gated.body(features)[:, :4] / 2)
    assert not result[:, 4:].any()


def test_every_parameter_learns(images: Images) -> None:
    network = create_model("tapernet_x8", width=16, blocks=2, blocks_above=1)
    network(images(2, 4), images(2, 4, channels=1)).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_unit_variance_reaches_its_end(images: Images) -> None:
    torch.manual_seed(0)
    network = create_model("tapernet_x8", width=32)
    unit_variance(network)
    ahead: list[Tensor] = []
    network.last.register_forward_pre_hook(lambda module, inputs: ahead.append(inputs[0]))
    with torch.no_grad():
        sr = network(images(2, 16), images(2, 16, channels=1))
    assert 0.2 < ahead[0].std() < 2
    assert (sr - enlarged(images(2, 16), 8)).std() < 0.2


def test_it_goes_through_a_checkpoint_and_onnx(lively: Lively, images: Images, tmp_path: Path) -> None:
    parsing_net = lively(create_model("parsingnet_x2", width=4, blocks=1))
    network = lively(create_model("tapernet_x2", width=8, blocks=1))
    save_checkpoint(tmp_path / "pair.safetensors", Checkpoint(parsing_net, network))
    again = load_checkpoint(tmp_path / "pair.safetensors")
    assert again.sr_net is not None and again.sr_net.config == network.config
    lr, parsing = images(1, 5), images(1, 5, channels=1)
    assert torch.equal(again.sr_net(lr, parsing), network(lr, parsing))
    pytest.importorskip("onnxscript")
    assert max(export_onnx(FaceSuperResolver(again), tmp_path / "pair.onnx", 5)) <= 1e-4


@pytest.mark.parametrize("option", ["blocks", "blocks_above"])
def test_a_network_without_blocks_is_refused(option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} = 0"):
        TaperNetConfig(**{option: 0})
