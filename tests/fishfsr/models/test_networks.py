"""Both networks as a whole: shapes, gradients, what the output depends on, and that they learn."""

import math
from collections.abc import Callable

import pytest
import skimage.data
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.errors import ConfigurationError, InputError
from fishfsr.models import fishfsrnet
from fishfsr.models.ablations import ABLATIONS
from fishfsr.models.blocks import PAFB
from fishfsr.models.config import SCALES, FishFSRNetConfig, ParsingNetConfig
from fishfsr.models.fishfsrnet import FishFSRNet
from fishfsr.models.folding import fold
from fishfsr.models.parsingnet import ParsingNet

Lively = Callable[..., nn.Module]
Images = Callable[..., Tensor]
STEPS = 140


def small(**options: object) -> FishFSRNet:
    return FishFSRNet(FishFSRNetConfig.from_dict({"width": 8, "scale": 4, **options}))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 3), (1, 1), (1, 7)])
def test_shapes(scale: int, height: int, width: int, images: Images) -> None:
    lr = images(1, height, width)
    with torch.no_grad():
        parsing = ParsingNet(ParsingNetConfig(width=8, blocks=1))(lr)
        sr = small(scale=scale)(lr, parsing)
    assert parsing.shape == (1, 1, height, width)
    assert sr.shape == (1, 3, scale * height, scale * width)


@pytest.mark.parametrize("scale", SCALES)
def test_every_parameter_learns(scale: int, images: Images) -> None:
    torch.manual_seed(0)
    network = small(scale=scale)
    network(images(2, 4), images(2, 4, channels=1)).square().sum().backward()
    _assert_all_learn(network)


@pytest.mark.parametrize("preset", ABLATIONS)
def test_every_parameter_of_an_ablation_learns(preset: str, images: Images) -> None:
    torch.manual_seed(0)
    network = small(**ABLATIONS[preset])
    network(images(2, 4), images(2, 4, channels=1)).square().sum().backward()
    _assert_all_learn(network)


def test_every_parameter_of_parsing_net_learns(images: Images) -> None:
    torch.manual_seed(0)
    network = ParsingNet(ParsingNetConfig(width=8))
    network(images(2, 5)).square().sum().backward()
    _assert_all_learn(network)


def _assert_all_learn(network: nn.Module) -> None:
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("preset", ABLATIONS)
def test_the_output_depends_on_the_map_where_it_should(preset: str, lively: Lively, images: Images) -> None:
    network, lr = lively(small(**ABLATIONS[preset])), images(1, 4)
    assert network.config.needs_map is (preset in {"model_4", "model_5", "model_6", "model_7", "model_8"})
    with torch.no_grad():
        difference = (network(lr, torch.zeros(1, 1, 4, 4)) - network(lr, torch.ones(1, 1, 4, 4))).abs().max()
        if network.config.needs_map:
            assert difference > 1e-4
            with pytest.raises(InputError, match="needs a parsing map"):
                network(lr)
        else:
            assert difference == 0
            assert network(lr).shape == (1, 3, 16, 16)


def test_a_batch_is_its_single_images(lively: Lively, images: Images) -> None:
    network, lr, parsing = lively(small()), images(3, 6), images(3, 6, channels=1)
    with torch.no_grad():
        singles = torch.cat([network(lr[i : i + 1], parsing[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(network(lr, parsing), singles, rtol=0, atol=1e-5)


def test_channels_last_equals_contiguous(lively: Lively, images: Images) -> None:
    network, lr, parsing = lively(small(scale=8)), images(2, 4), images(2, 4, channels=1)
    with torch.no_grad():
        contiguous = network(lr, parsing)
        network.to(memory_format=torch.channels_last)
        last = network(lr.contiguous(memory_format=torch.channels_last), parsing)
    torch.testing.assert_close(last, contiguous, rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_bits(images: Images) -> None:
    outputs = []
    for _ in range(2):
        torch.manual_seed(5)
        network = small()
        loss = network(images(2, 4), images(2, 4, channels=1)).abs().mean()
        loss.backward()
        outputs.append((loss.item(), network.first.weight.grad.clone()))
    assert outputs[0][0] == outputs[1][0]
    assert torch.equal(outputs[0][1], outputs[1][1])


def test_mirrored_weights_and_face_give_a_mirrored_result(lively: Lively, images: Images) -> None:
    """Every convolution is centred: a shift by half a pixel anywhere, the resamplers' channel order apart, breaks this."""
    network = lively(ParsingNet(ParsingNetConfig(width=8, blocks=2)))
    lr = images(1, 6)
    with torch.no_grad():
        plain = network(lr)
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.copy_(parameter.flip(3))
        torch.testing.assert_close(network(lr.flip(3)).flip(3), plain, rtol=0, atol=1e-5)


def test_global_residual_adds_the_bicubic_enlargement(lively: Lively, images: Images) -> None:
    plain, residual = lively(small()), lively(small(global_residual=True))
    lr, parsing = images(2, 5), images(2, 5, channels=1)
    with torch.no_grad():
        added = residual(lr, parsing) - plain(lr, parsing)
    expected = F.interpolate(lr, scale_factor=4, mode="bicubic", align_corners=False)
    torch.testing.assert_close(added, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize("scale", [2, 4, 16])
def test_wide_at_the_lr_size_and_narrow_above(scale: int, refine: bool, lively: Lively, images: Images) -> None:
    """Every feature has its level's width, and the folded network is the same function."""
    config = FishFSRNetConfig(width=16, narrowest=4, scale=scale, multi_scale_refine=refine)
    network = lively(FishFSRNet(config))
    lr, parsing = images(2, 4), images(2, 4, channels=1)
    widths: dict[int, set[int]] = {}
    for module in network.modules():
        if isinstance(module, PAFB):
            module.register_forward_hook(
                lambda _, given, out: widths.setdefault(out.shape[-1] // 4, set()).add(out.shape[1])
            )
    with torch.no_grad():
        sr = network(lr, parsing)
        torch.testing.assert_close(fold(network)(lr, parsing), sr, rtol=1e-4, atol=1e-4)
    assert sr.shape == (2, 3, 4 * scale, 4 * scale)
    assert widths == {
        enlargement: {max(4, 16 // enlargement)} for enlargement in (1, 2, 4, 8, 16) if enlargement <= scale
    }
    constant = FishFSRNet(FishFSRNetConfig(width=16, scale=scale, multi_scale_refine=refine))
    assert set(constant.state_dict()) <= set(network.state_dict())


@pytest.mark.parametrize("narrowest", [-4, 2, 6, 20])
def test_a_floor_that_is_none_is_refused(narrowest: int) -> None:
    with pytest.raises(
        ConfigurationError, match=f"narrowest = {narrowest}: must be 0, or divisible by 4, from 4 to the width, 16"
    ):
        FishFSRNetConfig(width=16, narrowest=narrowest)


@pytest.mark.parametrize(
    ("lr", "parsing", "message"),
    [
        (torch.zeros(0, 3, 4, 4), torch.zeros(0, 1, 4, 4), "empty"),
        (torch.zeros(1, 3, 0, 4), torch.zeros(1, 1, 0, 4), "empty"),
        (torch.zeros(3, 4, 4), torch.zeros(1, 1, 4, 4), r"\(N, 3, h, w\)"),
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4), r"\(N, 3, h, w\)"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, 1, 4, 4), "divide by 255"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), r"\(N, 1, h, w\)"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 8, 8), "batch and size"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(1, 1, 4, 4), "batch and size"),
        (torch.zeros(1, 3, 4, 4), None, "none was given"),
    ],
)
def test_wrong_inputs_are_named(lr: Tensor, parsing: Tensor | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        small()(lr, parsing)


@pytest.mark.slow
def test_overfits_four_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fishfsrnet, "PAFBS_PER_STAGE", 1)
    hr = _four_faces(8)
    lr = F.interpolate(hr, size=4, mode="bicubic", antialias=True).clamp(0, 1)
    parsing = (lr.mean(1, keepdim=True) > 0.5).float()
    torch.manual_seed(0)
    network = small(scale=2)
    optimizer = torch.optim.NAdam(network.parameters(), 8e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _rate)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (network(lr, parsing) - hr).abs().mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.1)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        error = (network(lr, parsing).clamp(0, 1) - hr).square().mean((1, 2, 3))
    assert (-10 * torch.log10(error)).mean() >= 30


def _rate(step: int) -> float:
    """Twenty steps of warm-up, then level, then half a cosine to zero."""
    level = 80
    return min(1, (step + 1) / 20, 0.5 + 0.5 * math.cos(math.pi * max(0, step - level) / (STEPS - level)))


def _four_faces(size: int) -> Tensor:
    """Four crops of the public-domain portrait in scikit-image, one mirrored, (4, 3, size, size)."""
    portrait = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)[None] / 255
    corners = ((50, 165), (60, 175), (45, 175), (55, 160))
    crops = torch.cat([portrait[..., y : y + 112, x : x + 112] for y, x in corners])
    crops[1] = crops[1].flip(-1)
    return F.interpolate(crops, size=size, mode="bicubic", antialias=True).clamp(0, 1)
