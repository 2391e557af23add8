"""Configurations, presets and the registry: what is refused, and sizes against formulas worked out by hand."""

import json

import pytest
import torch

from fishfsr.errors import ConfigurationError
from fishfsr.models.ablations import ABLATIONS
from fishfsr.models.config import SCALES, FishFSRNetConfig, ParsingNetConfig
from fishfsr.models.count import count_macs, count_parameters
from fishfsr.registry import (
    MODELS,
    ModelRecord,
    architecture_of,
    create_model,
    list_models,
    model_size,
)


def conv(size: int, inputs: int, outputs: int) -> int:
    return size * size * inputs * outputs + outputs


def by_hand(config: FishFSRNetConfig) -> int:
    """The parameters of FishFSRNet, block by block as the paper lists them."""
    w, n = config.width, config.scale.bit_length() - 1
    gate = conv(1, w, w // 4) + conv(1, w // 4, w)
    spatial = conv(1, w, 2 * w) + conv(1, 2 * w, w)
    attentions = config.spatial_attention + config.channel_attention
    pafb = 2 * conv(3, w, w) if attentions or not config.parsing_branch else 0
    pafb += config.spatial_attention * spatial + config.channel_attention * gate
    pafb += conv(1, attentions * w, w) if attentions else 0
    if config.parsing_branch:
        pafb += conv(3, w, w) + conv(3, 1, w) + conv(3, 2 * w, w)
        pafb += conv(1, 2 * w, w) if attentions else 0
    halvings = sum(other - level for level in range(n) for other in range(level, n))
    mixing = 2 * halvings * conv(3, w, w)  # in the body and in the tail
    if config.multi_scale_refine:
        mixing += 2 * n * (n * 2 * conv(3, w, w) + conv(1, n * w, w) + gate)
    else:
        mixing += 2 * n * conv(1, (n + 1) * w, w)
    resampling = 2 * n * conv(3, w, 4 * w) + n * conv(3, 4 * w, w)
    return conv(3, 3, w) + resampling + 6 * n * pafb + mixing + conv(3, w, 3)


@pytest.mark.parametrize("preset", [None, *ABLATIONS])
@pytest.mark.parametrize("scale", SCALES)
def test_parameters_are_those_of_the_paper(scale: int, preset: str | None) -> None:
    network = create_model(f"fishfsrnet_x{scale}", preset, width=16)
    assert count_parameters(network) == by_hand(network.config)


def test_full_size() -> None:
    """The authors' counts: 4,948,419 and 8,423,683 parameters, 246,352 of these unused; 31.06 and 36.28 GMAC."""
    ours, x4, x8 = (
        model_size(MODELS[name]) for name in ("fishfsrnet_x8", "authors_fishfsrnet_x4", "authors_fishfsrnet_x8")
    )
    assert ours.parameters == by_hand(FishFSRNetConfig()) == 7_011_843
    assert x4.parameters == 4_948_419
    assert x8.parameters == 8_423_683 - 246_352
    assert x4.macs / 1e9 == pytest.approx(31.06, abs=0.01)
    assert x8.macs / 1e9 == pytest.approx(36.28, abs=0.01)
    assert ours.macs < x8.macs
    # The authors' 594,371 are of a 3-channel map.
    assert model_size(MODELS["parsingnet_x8"]).parameters == 594_371 - 2 * (9 * 64 + 1)


def test_macs_of_one_convolution() -> None:
    assert count_macs(torch.nn.Conv2d(3, 5, 3, padding=1), (2, 3, 7, 4)) == 2 * 7 * 4 * 5 * 3 * 9


class Winding(torch.nn.Module):
    """Shapes of every kind that a count works out by itself, and of kinds that it leaves to PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(
            [
                torch.nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 3)),
                torch.nn.Conv2d(4, 6, 3, padding="same", groups=2),
                torch.nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect"),
                torch.nn.Conv2d(6, 2, 5, stride=3, padding=4),
            ]
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        for layer, scale in zip(self.layers, (2, 1.5, None, None), strict=True):
            features = layer(features)
            features = features * features.mean((2, 3), keepdim=True).sigmoid() + 1
            if scale is not None:
                features = torch.nn.functional.interpolate(features, scale_factor=scale, mode="nearest")
        return torch.nn.functional.interpolate(features, (7, 3)) + torch.ones(5, 1, 1, 1, device=features.device)


def test_shapes_are_those_of_pytorch() -> None:
    network, counted = Winding(), 0
    outputs: list[torch.Tensor] = []
    for layer in network.layers:
        layer.register_forward_hook(lambda module, given, output: outputs.append(output))
    assert network(torch.rand(1, 3, 23, 17)).shape == (5, 2, 7, 3)
    for layer, output in zip(network.layers, outputs, strict=True):
        counted += output.numel() * layer.weight[0].numel()
    assert count_macs(Winding(), (1, 3, 23, 17)) == counted


@pytest.mark.parametrize("scale", SCALES)
def test_the_model_without_a_map_is_as_large(scale: int) -> None:
    full = count_parameters(create_model(f"fishfsrnet_x{scale}", width=16))
    without = count_parameters(create_model(f"fishfsrnet_x{scale}", "without_map", width=16))
    assert without == pytest.approx(full, rel=0.01)


def test_model_8_is_the_default() -> None:
    assert create_model("fishfsrnet_x4", "model_8", width=4).config == create_model("fishfsrnet_x4", width=4).config


@pytest.mark.parametrize("record", list_models(), ids=lambda record: record.name)
def test_every_record_makes_its_network(record: ModelRecord) -> None:
    network = create_model(record.name, width=4)
    assert architecture_of(network) == record.architecture
    assert network.training
    if (
        record.architecture != "parsingnet" and not record.needs_map
    ):  # a method that works on faces of one size, some in batches
        assert network(torch.rand(2, 3, *record.input_size)).shape == (2, 3, 128, 128)
        return
    side = max(1, record.input_size[0] // 4)
    inputs = [torch.rand(1, 3, side, side)]
    if record.architecture != "parsingnet":
        inputs.append(torch.rand(1, network.config.map_channels, side, side))
        assert network(*inputs).shape[-1] == record.scale * side
    else:
        assert network(*inputs).shape == (1, 1, side, side)


@pytest.mark.parametrize(
    ("name", "preset", "options", "message"),
    [
        ("fishfsrnet_x3", None, {}, "there are parsingnet_x2"),
        ("fishfsrnet_x8", "model_9", {}, "there are model_1"),
        ("fishfsrnet_x8", None, {"scale": 4}, "part of the model's name"),
        ("parsingnet_x8", None, {"scale": 8}, "part of the model's name"),
        ("fishfsrnet_x8", None, {"depth": 3}, "unknown option 'depth'"),
        ("parsingnet_x8", "model_1", {}, "unknown option"),
        ("fishfsrnet_x8", None, {"width": 10}, "divisible by 4"),
        ("fishfsrnet_x8", None, {"width": 0}, "divisible by 4"),
        ("fishfsrnet_x8", None, {"width": 2**40}, "to 1024"),
        ("fishfsrnet_x8", None, {"width": 64.0}, "expected int"),
        ("fishfsrnet_x8", None, {"use_map": 1}, "expected bool"),
        ("fishfsrnet_x8", None, {"map_channels": 2}, "must be 1"),
        ("parsingnet_x8", None, {"blocks": 0}, "from 1"),
    ],
)
def test_errors_say_what_to_type(name: str, preset: str | None, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        create_model(name, preset, **options)


@pytest.mark.parametrize("config", [ParsingNetConfig(width=16, blocks=3), FishFSRNetConfig(scale=4, use_map=False)])
def test_configurations_survive_json(config: ParsingNetConfig | FishFSRNetConfig) -> None:
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_records_need_whole_weights() -> None:
    with pytest.raises(ConfigurationError, match="both a url and a SHA-256"):
        ModelRecord("x", "fishfsrnet", 8, weights_url="https://example.org/x.safetensors")
    with pytest.raises(ConfigurationError, match="is no SHA-256"):
        ModelRecord("x", "fishfsrnet", 8, weights_url="https://example.org/x.safetensors", weights_sha256="abc")
