"""Tensors into networks: everything fits, or the message says what does not."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fishfsr.errors import CheckpointError

NAMED_AT_MOST = 4


def load_state(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Put `state` into `network` as float32, or raise CheckpointError that says what does not fit.

    `name` stands in the message: the file that `state` comes from. Half-precision tensors are widened. Integers,
    NaN and infinite weights are refused. `network` may lie on the meta device.
    """
    expected = network.state_dict()
    _check_names(expected, state, name)
    _check_shapes(expected, state, name)
    # Assigned, not copied: so it works on the meta device too.
    network.load_state_dict(_widened(state, name), assign=True)


def _check_names(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], name: str) -> None:
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    problems = []
    if missing:
        problems.append(f"{len(missing)} tensors are missing ({_some(missing)})")
    if unexpected:
        problems.append(f"{len(unexpected)} have no place in the network ({_some(unexpected)})")
    if problems:
        raise CheckpointError(f"{name} does not fit the network: {'; '.join(problems)}")


def _check_shapes(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], name: str) -> None:
    other = [
        f"{key} is {tuple(state[key].shape)}, expected {tuple(tensor.shape)}"
        for key, tensor in expected.items()
        if state[key].shape != tensor.shape
    ]
    if other:
        raise CheckpointError(
            f"{name} does not fit the network: {len(other)} tensors have other shapes ({_some(other)})"
        )


def _widened(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    integers = [key for key, tensor in state.items() if not tensor.is_floating_point()]
    if integers:
        raise CheckpointError(f"{name}: {len(integers)} tensors are not floating point ({_some(integers)})")
    widened = {key: tensor.to(torch.float32, copy=True) for key, tensor in state.items()}
    broken = [key for key, tensor in widened.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"{name}: {len(broken)} tensors hold NaN or infinite values ({_some(broken)})")
    return widened


def _some(items: list[str]) -> str:
    shown = ", ".join(items[:NAMED_AT_MOST])
    return shown + (f" and {len(items) - NAMED_AT_MOST} more" if len(items) > NAMED_AT_MOST else "")
