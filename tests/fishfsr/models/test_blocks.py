"""The blocks against their equations, and their gradients."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fishfsr.models.blocks import (
    MSRB,
    PAFB,
    AttentionBranch,
    ChannelAttention,
    Concatenation,
    Down,
    ParsingBranch,
    RefineBlock,
    ResidualBlock,
    SpatialAttention,
    Up,
)

WIDTH = 4


def features(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)


def full_pafb() -> PAFB:
    return PAFB(WIDTH, AttentionBranch(WIDTH, True, True), ParsingBranch(WIDTH, 1, True))


@pytest.mark.parametrize(
    "block",
    [ResidualBlock(WIDTH), ChannelAttention(WIDTH), SpatialAttention(WIDTH), Up(WIDTH, WIDTH), Down(WIDTH, WIDTH)],
    ids=lambda block: type(block).__name__,
)
def test_gradients_of_blocks(block: nn.Module) -> None:
    assert torch.autograd.gradcheck(block.double(), (features(2, WIDTH, 4, 2),))


@pytest.mark.parametrize("use_map", [True, False])
def test_gradients_of_the_pafb(use_map: bool) -> None:
    block = PAFB(WIDTH, AttentionBranch(WIDTH, True, True), ParsingBranch(WIDTH, 1, use_map)).double()
    assert torch.autograd.gradcheck(block, (features(1, WIDTH, 4, 4), features(1, 1, 2, 2)))


@pytest.mark.parametrize("kind", [MSRB, Concatenation])
def test_gradients_of_the_msrb(kind: type[nn.Module]) -> None:
    block = kind((WIDTH,) * 3, 1).double()
    kept = [features(1, WIDTH, size, size) for size in (1, 2, 4)]
    assert torch.autograd.gradcheck(lambda now, *old: block(now, old), (features(1, WIDTH, 2, 2), *kept))


def test_channel_attention_is_its_formula() -> None:
    block, x = ChannelAttention(8).double(), features(2, 8, 3, 5).detach()
    w1, b1, w2, b2 = (parameter.detach().numpy() for parameter in block.parameters())
    array, total = x.numpy().reshape(2, 8, 15), 0
    for pooled in (array.mean(2), array.max(2), array.var(2)):
        total = total + np.maximum(pooled @ w1.T + b1, 0) @ w2.T + b2
    expected = array / (1 + np.exp(-total))[:, :, None]
    np.testing.assert_allclose(block(x).detach().numpy().reshape(2, 8, 15), expected, rtol=1e-12)


def test_refine_block_is_equations_22_and_23() -> None:
    block, now, kept = RefineBlock(WIDTH).double(), features(1, WIDTH, 5, 5), features(1, WIDTH, 5, 5) * 2
    first, _, second = block.project
    error = now - kept
    projected = F.conv2d(
        F.conv2d(error, first.weight, first.bias, padding=1).clamp(min=0), second.weight, second.bias, padding=1
    )
    torch.testing.assert_close(block(now, kept), projected + now)


def test_pafb_reads_the_map_by_nearest() -> None:
    block, x = full_pafb(), torch.randn(1, WIDTH, 8, 8)
    parsing = torch.rand(1, 1, 2, 2)
    enlarged = parsing.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(block(x, parsing), block(x, enlarged))


def test_pafb_with_silent_branches_is_the_identity() -> None:
    block = full_pafb()
    nn.init.zeros_(block.join.weight)
    nn.init.zeros_(block.join.bias)
    x = torch.randn(1, WIDTH, 4, 4)
    assert torch.equal(block(x, torch.rand(1, 1, 4, 4)), x)


def test_msrb_with_a_shut_gate_is_the_identity() -> None:
    block = MSRB((WIDTH, WIDTH), 0)
    nn.init.constant_(block.attention.mlp[2].bias, -1000.0)
    x = torch.randn(1, WIDTH, 4, 4)
    assert torch.equal(block(x, [torch.randn(1, WIDTH, 4, 4), torch.randn(1, WIDTH, 8, 8)]), x)


def test_down_undoes_the_shuffle_of_up() -> None:
    shuffled = F.pixel_shuffle(torch.arange(16.0).reshape(1, 4, 2, 2), 2)
    down = Down(1, 1)
    nn.init.zeros_(down.conv.bias)
    with torch.no_grad():
        down.conv.weight.zero_()[0, 2, 1, 1] = 1  # picks channel 2 of what the unshuffle gives
    assert torch.equal(down(shuffled)[0, 0], torch.arange(8.0, 12.0).reshape(2, 2))
