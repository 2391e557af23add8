"""Folded and prepared networks compute what the plain ones compute, within the stated bounds."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fishfsr.checkpoint import Checkpoint
from fishfsr.errors import CheckpointError, ConfigurationError, DeviceError, InputError
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.inference.runner import InferenceOptions, Runner
from fishfsr.models.ablations import ABLATIONS
from fishfsr.models.authors import AuthorsFishFSRNet, AuthorsFishFSRNetConfig
from fishfsr.models.config import SCALES
from fishfsr.models.count import count_macs
from fishfsr.models.folding import FoldedMSRB, FoldedPAFB, fold
from fishfsr.registry import create_model

Lively = Callable[..., nn.Module]
Images = Callable[..., Tensor]
CPU = torch.device("cpu")
FLOAT32_BOUND = 1e-5
HALF_BOUND = 2e-2


def count(network: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in network.modules())


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("height", "width"), [(3, 4), (1, 1)])
def test_folding_is_exact(scale: int, height: int, width: int, lively: Lively, images: Images) -> None:
    """In float64, so that only a wrong formula can show; a map with an edge in every cell and at the borders."""
    network = lively(create_model(f"fishfsrnet_x{scale}", width=4)).double()
    folded = fold(network)
    levels = scale.bit_length() - 1
    assert count(folded, FoldedPAFB) == 6 * levels and count(folded, FoldedMSRB) == 2 * levels
    lr, parsing = images(2, height, width).double(), images(2, height, width, channels=1).round().double()
    with torch.no_grad():
        expected = network(lr, parsing)
        torch.testing.assert_close(folded(lr, parsing), expected, rtol=0, atol=1e-11 * float(expected.abs().max()))


@pytest.mark.parametrize("preset", ABLATIONS)
def test_folding_leaves_the_ablations_right(preset: str, lively: Lively, images: Images) -> None:
    network = lively(create_model("fishfsrnet_x4", preset, width=8))
    lr, parsing = images(1, 5), images(1, 5, channels=1)
    with torch.no_grad():
        torch.testing.assert_close(fold(network)(lr, parsing), network(lr, parsing), rtol=0, atol=FLOAT32_BOUND)


@pytest.mark.parametrize("scale", [4, 8])
def test_folding_the_authors_network(scale: int, lively: Lively, images: Images) -> None:
    network = lively(AuthorsFishFSRNet(AuthorsFishFSRNetConfig(width=8, scale=scale)))
    folded = fold(network)
    assert count(folded, FoldedMSRB) == 0 < count(folded, FoldedPAFB)
    lr, parsing = images(1, 4), images(1, 4, seed=2)
    with torch.no_grad():
        torch.testing.assert_close(folded(lr, parsing), network(lr, parsing), rtol=0, atol=FLOAT32_BOUND)


def test_folding_saves_operations_and_leaves_the_network_alone(images: Images) -> None:
    network = create_model("fishfsrnet_x8", width=16)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    shapes = (1, 3, 16, 16), (1, 1, 16, 16)
    assert count_macs(fold(network), *shapes) < 0.93 * count_macs(network, *shapes)
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        (InferenceOptions(), FLOAT32_BOUND),
        (InferenceOptions(fold=False), FLOAT32_BOUND),
        (InferenceOptions(channels_last=False, images=2), FLOAT32_BOUND),
        (InferenceOptions(images=100), FLOAT32_BOUND),
        (InferenceOptions(precision="bfloat16"), HALF_BOUND),
    ],
    ids=str,
)
def test_every_option_gives_the_same_faces(
    options: InferenceOptions, bound: float, pair: Checkpoint, images: Images
) -> None:
    resolver = FaceSuperResolver(pair, options=options)
    lr = images(5, 6)
    with torch.no_grad():
        parsing = pair.parsing_net(lr).clamp(0, 1)
        expected = pair.sr_net(lr, parsing)
    assert expected.std() > 0.02
    for output, wanted in ((resolver.parse(lr), parsing), (resolver.upscale(lr), expected)):
        assert output.dtype == torch.float32
        torch.testing.assert_close(output, wanted, rtol=0, atol=bound)


def test_the_map_is_clamped_between_the_networks(pair: Checkpoint, images: Images) -> None:
    with torch.no_grad():
        pair.parsing_net.last.bias += 5  # every pixel of the map above 1
    resolver, lr = FaceSuperResolver(pair), images(1, 8)
    assert torch.equal(resolver.parse(lr), torch.ones(1, 1, 8, 8))
    assert torch.equal(resolver.upscale(lr), resolver.upscale(lr, torch.ones(1, 1, 8, 8)))


def test_another_map_gives_another_face(pair: Checkpoint, images: Images) -> None:
    resolver, lr = FaceSuperResolver(pair), images(1, 8)
    assert not torch.allclose(resolver.upscale(lr), resolver.upscale(lr, images(1, 8, channels=1)), atol=1e-3)


def test_networks_without_a_map_need_no_parsing_net(lively: Lively, images: Images) -> None:
    resolver = FaceSuperResolver(Checkpoint(sr_net=lively(create_model("fishfsrnet_x2", "model_2", width=4))))
    assert resolver.upscale(images(1, 5)).shape == (1, 3, 10, 10)


def test_prepare_takes_changed_weights(pair: Checkpoint, images: Images) -> None:
    resolver, lr = FaceSuperResolver(pair), images(1, 4)
    before = resolver.upscale(lr)
    with torch.no_grad():
        resolver.sr_net.last.bias += 1
    assert torch.equal(resolver.upscale(lr), before)
    resolver.prepare(InferenceOptions())
    torch.testing.assert_close(resolver.upscale(lr), before + 1)


@pytest.mark.parametrize("name", ["fishfsrnet_x4", "tapernet_x4"])
def test_gradients_go_through_to_the_input_and_not_to_the_weights(name: str, lively: Lively, images: Images) -> None:
    parsing_net, network = lively(create_model("parsingnet_x4", width=8, blocks=2)), lively(create_model(name, width=8))
    resolver, lr = FaceSuperResolver(Checkpoint(parsing_net, network), "cpu"), images(2, 4)  # type: ignore[arg-type]
    wanted, expected = (images(2, 4).requires_grad_() for _ in range(2))
    resolver.upscale(wanted).square().sum().backward()
    network(expected, parsing_net(expected).clamp(0, 1)).square().sum().backward()
    torch.testing.assert_close(wanted.grad, expected.grad, rtol=1e-3, atol=1e-4)
    assert torch.equal(resolver.upscale(wanted).detach(), resolver.upscale(lr))
    assert not resolver.upscale(lr).requires_grad
    with torch.no_grad():
        assert not resolver.upscale(wanted).requires_grad


def test_what_comes_out_can_take_part_in_a_training(pair: Checkpoint, images: Images) -> None:
    factor = torch.ones(1, requires_grad=True)
    (factor * FaceSuperResolver(pair, "cpu").upscale(images(1, 4))).sum().backward()
    assert factor.grad is not None


def test_what_a_cpu_cannot_do_is_said() -> None:
    for options in (InferenceOptions(precision="float16"), InferenceOptions(compiler="cudagraphs")):
        with pytest.raises(DeviceError, match="needs a CUDA device"):
            Runner(nn.Conv2d(3, 3, 1), CPU, options)
    for wrong in ({"precision": "int8"}, {"compiler": "magic"}, {"images": 0}):
        with pytest.raises(ConfigurationError):
            InferenceOptions(**wrong)


def test_wrong_inputs(pair: Checkpoint) -> None:
    resolver = FaceSuperResolver(pair)
    with pytest.raises(InputError, match="divide by 255"):
        resolver.upscale(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(InputError, match="empty"):
        resolver.parse(torch.zeros(0, 3, 8, 8))
    with pytest.raises(InputError, match="batch and size"):
        resolver.upscale(torch.zeros(2, 3, 8, 8), torch.zeros(1, 1, 8, 8))


def test_str_says_what_runs_where(pair: Checkpoint) -> None:
    resolver = FaceSuperResolver(pair, options=InferenceOptions(precision="bfloat16", images=3))
    assert str(resolver) == "cpu, bfloat16, channels_last, folded, 3 at a time"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("compiler", ["none", "inductor", "cudagraphs", "inductor+cudagraphs"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_cuda_gives_the_same_faces(precision: str, compiler: str, pair: Checkpoint, images: Images) -> None:
    lr = images(3, 8)
    expected = FaceSuperResolver(pair).upscale(lr)
    options = InferenceOptions(precision=precision, compiler=compiler)
    resolver = FaceSuperResolver(pair, "cuda", options)
    bound = 1e-3 if precision == "float32" else HALF_BOUND  # TF32 convolutions are PyTorch's default
    for _ in range(3):
        torch.testing.assert_close(resolver.upscale(lr).cpu(), expected, rtol=0, atol=bound)


def test_a_missing_network_is_an_error_of_the_checkpoint(images: Images) -> None:
    with pytest.raises(CheckpointError):
        FaceSuperResolver(Checkpoint()).upscale(images(1, 4))
