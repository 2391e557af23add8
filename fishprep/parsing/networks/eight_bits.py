"""A compact network in whole numbers of eight bits: what each of its tensors may hold, and how the ways of computing it walk through it.

A number x stands as round(x / scale) + zero in 0 ... 255, a weight as round(w / scale) in -63 ... 63, with a scale for each output channel
(Jacob et al., CVPR 2018). Seven bits of a weight, so that no instruction of any CPU overflows where it adds two products in 16 bits; the
sums are whole numbers, equal to the bit on every machine and for every order. Between convolutions, means, enlargements and the sums
with them are float32.
"""

import json
import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fishprep.parsing.networks.compact import Compact, TwoConvolutions
from fishprep.parsing.networks.folding import fold_batch_norms

RANGES = "ranges"
"""Key of the header of weights: JSON, the range of each tensor, by its name."""

HIGHEST, WEIGHT = 255, 63
LARGEST = 1e6
"""Of a range: what goes beyond it is no network's."""


@dataclass(frozen=True)
class Eight:
    """How one tensor is written in eight bits: `scale` a step, `zero` what stands for 0."""

    scale: float
    zero: int

    @classmethod
    def of(cls, low: float, high: float) -> "Eight":
        """For numbers from `low` to `high`, and 0 in any case, exactly."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = max(high - low, 1e-6) / HIGHEST
        return cls(scale, round(-low / scale))


@dataclass(frozen=True, eq=False)
class Convolution:
    """A folded convolution; relu: what is below 0 becomes 0."""

    weight: Tensor
    bias: Tensor
    stride: int
    pads: tuple[int, int, int, int]  # top, left, bottom, right
    relu: bool

    @classmethod
    def of(cls, module: nn.Module, relu: bool, pads: tuple[int, int, int, int] | None = None) -> "Convolution":
        layer = cast(nn.Conv2d, module)
        edge = cast(int, layer.padding[0])
        assert layer.bias is not None  # a folded one has it
        return cls(layer.weight.detach(), layer.bias.detach(), layer.stride[0], pads or (edge,) * 4, relu)

    def on_cpu(self) -> "Convolution":
        return replace(self, weight=self.weight.cpu(), bias=self.bias.cpu())

    def scales(self) -> Tensor:
        """(out,) float32: that of each output channel's weights."""
        return self.weight.abs().amax(dim=(1, 2, 3)).clamp(min=1e-9) / WEIGHT

    def rounded(self) -> Tensor:
        """The weights as whole numbers, in float32."""
        return (self.weight / self.scales().view(-1, 1, 1, 1)).round()


T = TypeVar("T")


class Arithmetic(Protocol[T]):
    """One way of computing: what a T is, it knows. `name`: of the tensor that comes out, rounded to eight bits."""

    def convolved(self, name: str, x: T, layer: Convolution) -> T: ...

    def added(self, name: str, x: T, other: T, relu: bool) -> T: ...

    def with_whole(self, name: str, x: T, whole: nn.Linear) -> T:
        """x, and to each of its pixels what `whole` makes of the mean of all."""
        ...

    def with_enlarged(self, name: str, x: T, small: T) -> T:
        """x, and `small` enlarged to twice its side, linearly."""
        ...

    def with_unfolded(self, name: str, x: T, deep: T) -> T:
        """x, and four channels of `deep` at a time laid out as 2 x 2 pixels."""
        ...


def walk(net: Compact, steps: Arithmetic[T], images: T) -> T:
    """`Compact.forward` by other steps, up to the head's convolution; `net` in evaluation, folded.

    What comes out has 19 channels, or four times as many where the logits are fine, to be laid out as 2 x 2 pixels.
    """

    def blocks(name: str, x: T, stage: nn.Sequential, first: int = 0) -> T:
        for number, block in list(enumerate(stage))[first:]:
            two = cast(TwoConvolutions, block)
            inside = steps.convolved(f"{name}.{number}.conv1", x, Convolution.of(two.conv1, relu=True))
            inside = steps.convolved(f"{name}.{number}.conv2", inside, Convolution.of(two.conv2, relu=False))
            x = steps.added(f"{name}.{number}", x, inside, relu=True)
        return x

    half = x = steps.convolved("stem", images, Convolution.of(net.stem.conv, relu=True))
    seen: list[T] = []
    for level, stage in enumerate(net.down):
        stage = cast(nn.Sequential, stage)
        x = steps.convolved(f"down.{level}.0", x, Convolution.of(cast(nn.Module, stage[0].conv), relu=True))
        x = blocks(f"down.{level}", x, stage, first=1)
        seen.append(x)
    deep = steps.with_whole("whole", x, net.whole)
    for level in (1, 0):
        small = steps.convolved(f"join.{level}", deep, Convolution.of(net.join[level], relu=False))
        deep = steps.with_enlarged(f"up.{level}", seen[level], small)
        deep = blocks(f"up.{level}", deep, cast(nn.Sequential, net.up[level]))
    deep = steps.convolved("unfold", deep, Convolution.of(net.unfold[0], relu=False))
    x = steps.convolved("last", steps.with_unfolded("sum", half, deep), Convolution.of(net.last.conv, relu=True))
    head = cast(nn.Module, net.head.conv) if net.shape.fine else net.head
    return steps.convolved("head", x, Convolution.of(head, relu=False, pads=(0, 0, 1, 1) if net.shape.fine else None))


class Watched:
    """Steps in float32, unrounded, that remember the range of each tensor, and which come of a ReLU."""

    def __init__(self) -> None:
        self.ranges: dict[str, tuple[float, float]] = {}
        self.positive: set[str] = set()

    def convolved(self, name: str, x: Tensor, layer: Convolution) -> Tensor:
        made = F.conv2d(_padded(x, layer.pads), layer.weight, layer.bias, layer.stride)
        return self.watched(name, made, layer.relu)

    def added(self, name: str, x: Tensor, other: Tensor, relu: bool) -> Tensor:
        return self.watched(name, x + other, relu)

    def with_whole(self, name: str, x: Tensor, whole: nn.Linear) -> Tensor:
        return self.watched(name, x + whole(x.mean(dim=(2, 3)))[:, :, None, None])

    def with_enlarged(self, name: str, x: Tensor, small: Tensor) -> Tensor:
        return self.watched(name, x + F.interpolate(small, scale_factor=2.0, mode="bilinear"))

    def with_unfolded(self, name: str, x: Tensor, deep: Tensor) -> Tensor:
        return self.watched(name, x + F.pixel_shuffle(deep, 2))

    def watched(self, name: str, x: Tensor, relu: bool = False) -> Tensor:
        if relu:
            self.positive.add(name)
            x = x.relu()
        low, high = self.ranges.get(name, (0.0, 0.0))
        self.ranges[name] = min(low, float(x.min())), max(high, float(x.max()))
        return x


@dataclass(frozen=True, eq=False)
class Whole:
    """A tensor in eight bits: whole numbers in float32, less `zero`."""

    numbers: Tensor
    eight: Eight

    @property
    def floats(self) -> Tensor:
        """What they stand for."""
        return self.numbers * self.eight.scale


@dataclass(frozen=True, eq=False)
class _Layer:
    """What `Rounded` computes a convolution with, on its device. steps: of the result, for each unit of the sum, by channel."""

    weight: Tensor
    bias: Tensor
    steps: Tensor


class Rounded:
    """Eight bits by PyTorch, on any device: whole numbers as floats, and their sums of products in float64, which is exact.

    What is no sum is computed on the CPU, once: other devices divide otherwise.
    """

    def __init__(self, eights: Mapping[str, Eight], device: torch.device) -> None:
        self._eights = eights
        self._scales = {name: torch.tensor(eight.scale, device=device) for name, eight in eights.items()}
        self._device, self._layers = device, dict[str, _Layer]()

    def convolved(self, name: str, x: Whole, layer: Convolution) -> Whole:
        if name not in self._layers:
            self._layers[name] = self._rounded_layer(name, x.eight, layer)
        mine = self._layers[name]
        sums = F.conv2d(_padded(x.numbers.double(), layer.pads), mine.weight, mine.bias, layer.stride)
        return self._in_range(name, sums.float() * mine.steps)

    def _rounded_layer(self, name: str, of_x: Eight, layer: Convolution) -> _Layer:
        here = layer.on_cpu()
        scales = here.scales() * of_x.scale
        weight, bias = here.rounded().double(), (here.bias / scales).round().double()
        steps = (scales / self._eights[name].scale).view(-1, 1, 1)
        return _Layer(*(value.to(self._device) for value in (weight, bias, steps)))

    def added(self, name: str, x: Whole, other: Whole, relu: bool) -> Whole:
        return self.rounded(name, x.floats + other.floats)

    def with_whole(self, name: str, x: Whole, whole: nn.Linear) -> Whole:
        return self.rounded(name, x.floats + whole(x.floats.mean(dim=(2, 3)))[:, :, None, None])

    def with_enlarged(self, name: str, x: Whole, small: Whole) -> Whole:
        return self.rounded(name, x.floats + F.interpolate(small.floats, scale_factor=2.0, mode="bilinear"))

    def with_unfolded(self, name: str, x: Whole, deep: Whole) -> Whole:
        return self.rounded(name, x.floats + F.pixel_shuffle(deep.floats, 2))

    def rounded(self, name: str, x: Tensor) -> Whole:
        return self._in_range(name, x / self._scales[name])

    def _in_range(self, name: str, numbers: Tensor) -> Whole:
        """No less and no more than there is; what is below 0 has no number where the range begins with 0, as after a ReLU."""
        eight = self._eights[name]
        return Whole(numbers.round().clamp(-eight.zero, HIGHEST - eight.zero), eight)


def measured_ranges(net: Compact, images: Tensor) -> dict[str, tuple[float, float]]:
    """The range of each tensor over images (N, 3, S, S), normalised, as `net` makes them in evaluation."""
    return _watched(net, images).ranges


def _watched(net: Compact, images: Tensor) -> Watched:
    folded = deepcopy(net).eval()
    fold_batch_norms(folded)
    watched = Watched()
    with torch.inference_mode():
        watched.watched("images", images)
        for image in images.split(1):
            walk(folded, watched, image)
    return watched


def ranges_text(ranges: Mapping[str, tuple[float, float]]) -> str:
    """As the header of weights has it."""
    return json.dumps({name: [float(f"{edge:.6g}") for edge in edges] for name, edges in ranges.items()})


def read_ranges(text: str, net: Compact) -> dict[str, Eight]:
    """From the header of weights. Raises ValueError, TypeError, OverflowError or RecursionError for one that does not fit the network."""
    told, known = json.loads(text), _watched(net, torch.zeros(1, 3, 32, 32))
    if not isinstance(told, dict) or told.keys() != known.ranges.keys():
        raise ValueError(f"expected those of {len(known.ranges)} tensors")
    eights = {}
    for name, (low, high) in told.items():
        if not (math.isfinite(low) and math.isfinite(high) and -LARGEST < low <= high < LARGEST):
            raise ValueError(f"{name} from {low} to {high}")
        if name in known.positive and low < 0:
            raise ValueError(f"{name} from {low}, where nothing is below 0")
        eights[name] = Eight.of(low, high)
    return eights


def _padded(x: Tensor, pads: tuple[int, int, int, int]) -> Tensor:
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom))
