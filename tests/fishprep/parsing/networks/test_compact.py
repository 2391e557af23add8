"""The compact network: its sizes, its fold, its weights' header, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from fishprep.common.errors import WeightsError
from fishprep.common.weights import WeightStore
from fishprep.parsing import PARSERS, ParserRequest, create_parser, named
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.compact import Compact, CompactShape, refined
from fishprep.parsing.networks.kinds import header_of, load_network, whole_network

SMALL = CompactShape((8, 8, 16, 16), (1, 2, 1), (1, 1))
COARSE = replace(SMALL, fine=False)
SHAPE = json.dumps(
    {"widths": SMALL.widths, "down": SMALL.down, "up": SMALL.up}
)  # as it was before `fine`, which it was not
LANDMARKS = np.zeros((0, 68, 2), np.float32)


def _net(shape: CompactShape) -> Compact:
    """With statistics that batch normalisation has seen."""
    torch.manual_seed(0)
    made = Compact(shape)
    for _ in range(3):
        made(torch.randn(4, 3, 64, 64))
    return made.eval()


@pytest.fixture
def net() -> Compact:
    return _net(COARSE)


def _saved(net: Compact, path: Path, **header: str) -> Path:
    file = path / "compact.safetensors"
    save_file(net.state_dict(), file, {**header_of(net), "input": "64x64 RGB", **header})
    return file


@pytest.mark.parametrize(("shape", "side"), [(COARSE, 48), (SMALL, 96)])
def test_logits_are_half_the_input_or_all_of_it(shape: CompactShape, side: int) -> None:
    assert Compact(shape)(torch.zeros(2, 3, 96, 96)).shape == (2, 19, side, side)


def test_a_refined_network_gives_what_it_gave_and_means_between(net: Compact) -> None:
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        coarse, fine = net(images), refined(net)(images)
    assert torch.allclose(fine[..., ::2, ::2], coarse, atol=1e-5)
    across = (coarse[..., :-1] + coarse[..., 1:]) / 2
    assert torch.allclose(fine[..., ::2, 1:-1:2], across, atol=1e-5)
    assert torch.allclose(fine[..., 1:-1:2, 1:-1:2], (across[..., :-1, :] + across[..., 1:, :]) / 2, atol=1e-5)
    assert refined(fine_net := refined(net)) is fine_net


def test_weights_of_before_fine_logits_are_read_as_they_were(net: Compact, tmp_path: Path) -> None:
    loaded = whole_network(_saved(net, tmp_path, shape=SHAPE))
    assert loaded.state_dict().keys() == net.state_dict().keys()
    assert json.loads(header_of(loaded)["shape"]) == json.loads(json.dumps(asdict(COARSE)))


def test_it_is_as_small_and_as_cheap_as_said() -> None:
    net = Compact().eval()
    assert sum(value.numel() for value in net.state_dict().values()) * 2 < 10e6  # bytes in float16
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, 3, 128, 128))
    assert counter.get_total_flops() / 2 < 0.77e9


@pytest.mark.parametrize("shape", [COARSE, SMALL])
def test_saved_and_folded_it_gives_the_same_logits(shape: CompactShape, tmp_path: Path) -> None:
    net, images = _net(shape), torch.randn(2, 3, 64, 64)
    loaded = load_network(_saved(net, tmp_path))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in loaded.modules())
    with torch.inference_mode():
        assert torch.allclose(loaded(images), net(images), atol=1e-4)
    assert whole_network(_saved(net, tmp_path)).state_dict().keys() == net.state_dict().keys()


def test_the_header_that_training_writes_gives_the_usual_shape(tmp_path: Path) -> None:
    usual = Compact()
    save_file(usual.state_dict(), tmp_path / "usual.safetensors", header_of(usual))
    assert whole_network(tmp_path / "usual.safetensors").state_dict().keys() == usual.state_dict().keys()


@pytest.mark.parametrize("head", [lambda net: net, refined])
def test_its_map_lies_where_the_crop_does(head: Callable[[Compact], Compact], tmp_path: Path) -> None:
    """Made to call bright pixels hair: a bright square must be found where it stands, and nowhere else."""
    net = Compact(COARSE)
    with torch.no_grad():
        for value in net.parameters():
            value.zero_()
        net.stem.conv.weight[0, :, 1, 1] = 1.0
        net.stem.bn.weight.fill_(1.0)
        net.last.conv.weight[0, 0, 1, 1] = 1.0
        net.last.bn.weight.fill_(1.0)
        net.head.weight[17, 0] = 1.0  # hair in facexlib's order
        net.head.bias[0] = 1.0
    crop = np.zeros((1, 128, 128, 3), np.uint8)
    crop[0, 40:80, 16:100] = 255
    parser = NetworkParser(NetworkSettings(), _saved(head(net), tmp_path, input="128x128 RGB"))
    found = parser.parse(crop, LANDMARKS).classes
    assert found is not None
    wrong = (found[0] == 13) != (crop[0, ..., 0] > 0)  # hair in CelebAMask-HQ's
    border = np.zeros_like(wrong)
    border[38:82, 14:102] = True
    border[42:78, 18:98] = False
    assert not (wrong & ~border).any()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"network": "vast"}, "unknown network"),
        ({"shape": "{}"}, "shape in the header"),
        ({"shape": "nonsense"}, "shape in the header"),
        ({"shape": SHAPE.replace("16", "1e999")}, "shape in the header"),
        ({"shape": "[" * 100_000}, "shape in the header"),
        ({"shape": SHAPE.replace("16", "99999999")}, "shape in the header"),
        ({"shape": SHAPE.replace("8", "4")}, "do not fit the compact parser"),
    ],
)
def test_a_header_that_lies_is_refused(net: Compact, tmp_path: Path, header: dict[str, str], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        load_network(_saved(net, tmp_path, **header))


def test_weights_of_the_compact_network_are_no_bisenet(net: Compact, tmp_path: Path) -> None:
    save_file(net.state_dict(), tmp_path / "bare.safetensors")
    with pytest.raises(WeightsError, match="do not fit BiSeNet"):
        load_network(tmp_path / "bare.safetensors")


def test_weights_say_what_the_parser_is_called(net: Compact, tmp_path: Path) -> None:
    """A build records the name: maps of another network are not those of a BiSeNet."""
    file = _saved(net, tmp_path)
    name = named("bisenet-fishfsr", file)
    assert name == "compact" and name in PARSERS
    assert create_parser(ParserRequest(name, file), WeightStore(tmp_path, offline=True)).name == "compact"
    save_file(net.state_dict(), tmp_path / "bare.safetensors")
    (tmp_path / "notes.safetensors").write_text("no weights")
    for other in ("bare.safetensors", "notes.safetensors", "absent.safetensors"):
        assert named("bisenet", tmp_path / other) == "bisenet"
    with pytest.raises(WeightsError, match="--parser-weights FILE"):
        create_parser(ParserRequest("compact"), WeightStore(tmp_path, offline=True))
