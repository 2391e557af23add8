"""Sizes of a network, computed: parameters, and multiply-accumulates of a forward pass."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
PASSED = (nn.BatchNorm2d, nn.ReLU, nn.PReLU, nn.LeakyReLU, nn.Sigmoid)
"""What neither is counted nor changes a shape: left out, as PyTorch works out their shapes slowly."""


class _Unfilled(TorchFunctionMode):
    """Leaves out the filling of weights, which takes a third of the time where there are none."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        named = named or {}
        if getattr(function, "__module__", None) == nn.init.__name__:
            return arguments[0] if arguments else named["tensor"]
        return function(*arguments, **named)


class _Shapes(TorchFunctionMode):
    """Works out the shapes of the most frequent functions by itself: PyTorch takes several times as long for each."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        shape = SHAPES.get(getattr(function, "__name__", ""), _unknown)(*arguments, **(named or {}))
        return function(*arguments, **(named or {})) if shape is None else torch.empty(shape, device="meta")


def _unknown(*given: Any, **named: Any) -> None:
    return None


def _broadcast(*given: Any, **named: Any) -> Sequence[int]:
    shapes = {each.shape for each in given if isinstance(each, Tensor)}
    return shapes.pop() if len(shapes) == 1 else torch.broadcast_shapes(*shapes)


def _convolved(
    features: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Sequence[int] | None:
    if isinstance(padding, str):
        return None
    sides = zip(features.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    return (
        *(features.shape[0], weight.shape[0]),
        *((side + 2 * rim - reach * (kernel - 1) - 1) // step + 1 for side, kernel, step, rim, reach in sides),
    )


def _resized(features: Tensor, size: Any = None, scale_factor: Any = None, **named: Any) -> Sequence[int] | None:
    if isinstance(scale_factor, int):
        return (*features.shape[:2], *(side * scale_factor for side in features.shape[2:]))
    return (*features.shape[:2], *size) if isinstance(size, Sequence) else None


SHAPES: Mapping[str, Callable[..., Sequence[int] | None]] = {
    **dict.fromkeys(("add", "mul", "sigmoid", "relu"), _broadcast),
    "conv2d": _convolved,
    "interpolate": _resized,
}
"""By the name of a function of PyTorch: the shape of what it gives, or None where PyTorch is to say."""


@contextlib.contextmanager
def skeletons() -> Iterator[None]:
    """Networks built here have shapes and no weights: what `count_macs_of_skeleton` takes."""
    with torch.device("meta"), _Unfilled():
        yield


def count_parameters(network: nn.Module) -> int:
    """The number of values that `network` learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, *shapes: tuple[int, ...]) -> int:
    """Multiply-accumulates of the convolutions, transposed ones too, and linear layers for inputs of `shapes`; nothing is computed.

    Runs on a copy on the meta device, in evaluation mode. Biases, activations, additions and resizing are not counted.
    """
    return count_macs_of_skeleton(copy.deepcopy(network), *shapes)


def count_macs_of_skeleton(network: nn.Module, *shapes: tuple[int, ...]) -> int:
    """As `count_macs`, of a network that is good for nothing else afterwards: quick where it was built on the meta device."""
    shadow = network.eval().to("meta")
    counts: list[int] = []

    def count(module: nn.Module, inputs: Any, output: Tensor) -> None:
        assert isinstance(module, COUNTED)
        # Every input of a transposed convolution is multiplied into a patch, every output of the others comes from one.
        places = inputs[0].numel() if isinstance(module, nn.ConvTranspose2d) else output.numel()
        counts.append(places * module.weight[0].numel())

    for module in shadow.modules():
        if isinstance(module, COUNTED):
            module.register_forward_hook(count)
        elif isinstance(module, PASSED):
            module.forward = _through  # type: ignore[method-assign,assignment]
    with torch.no_grad(), _Shapes():
        shadow(*(torch.empty(shape, device="meta") for shape in shapes))
    return sum(counts)


def _through(features: Tensor) -> Tensor:
    return features
