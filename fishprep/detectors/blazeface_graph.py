"""BlazeFace's network as a graph for onnxruntime, made of the same weights as the one in PyTorch.

Nothing is shipped beside the weights: the graph is theirs, written in some milliseconds where it is wanted.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from torch import nn

from fishprep.common.onnx_model import OnnxModel
from fishprep.detectors.blazeface_network import VALUES, BlazeFaceNetwork, Block, Join

IMAGES, SCORES, PLACES = "images", "scores", "places"

LANES = 16
"""Features that a CPU computes at a time. Layers inside of a block that have 8, 12, 24 or 36 are filled up with features that are 0:
an eighth less time, to the same sums."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """A convolution: weight (out, in / groups, side, side), bias (out,)."""

    weight: np.ndarray
    bias: np.ndarray
    stride: int
    groups: int

    @classmethod
    def of(cls, module: nn.Module) -> "_Layer":
        layer = cast(nn.Conv2d, module)
        weight, bias = (cast(nn.Parameter, each).detach().cpu().numpy() for each in (layer.weight, layer.bias))
        return cls(weight, bias, layer.stride[0], layer.groups)

    def part(self, features: slice) -> "_Layer":
        """What makes some of the features."""
        return _Layer(self.weight[features], self.bias[features], self.stride, self.groups)

    def widened(self, outputs: int, inputs: int) -> "_Layer":
        """With so many features more that are 0, and that ignores as many of what comes in."""
        weight = np.pad(self.weight, ((0, outputs), (0, inputs), (0, 0), (0, 0)))
        groups = self.groups + outputs if self.groups > 1 else 1
        return _Layer(weight, np.pad(self.bias, (0, outputs)), self.stride, groups)

    def add_to(self, model: OnnxModel, features: str, relu: bool = False) -> str:
        """The name of what it makes of `features`."""
        side, edge = self.weight.shape[2], self.weight.shape[2] // 2
        made = model.node(
            "Conv",
            features,
            model.constant(self.weight),
            model.constant(self.bias),
            kernel_shape=(side, side),
            strides=(self.stride, self.stride),
            # TensorFlow's padding, as in the network: at stride 2 below and to the right alone.
            pads=(0, 0, edge, edge) if self.stride == 2 else (edge, edge, edge, edge),
            group=self.groups,
        )
        return model.node("Relu", made) if relu else made


def graph_of(network: BlazeFaceNetwork) -> bytes:
    """An ONNX model of `IMAGES` (N, 3, H, W) to `SCORES` and `PLACES`, all as of the network's own `forward`."""
    model = OnnxModel()
    features = _Layer.of(network.first).add_to(model, IMAGES, relu=True)
    levels = []
    for level in network.down:
        for block in cast(nn.Sequential, level):
            features = _block(model, cast(Block, block), features)
        levels.append(features)
    features = levels.pop()
    for join in network.up:
        features = _join(model, cast(Join, join), features, levels.pop())
    model.node("Flatten", _Layer.of(network.score).add_to(model, features), output=SCORES, axis=1)
    rows = model.constant(np.array((0, VALUES, -1), np.int64))
    places = model.node("Reshape", _Layer.of(network.place).add_to(model, features), rows)
    model.node("Transpose", places, output=PLACES, perm=(0, 2, 1))
    return model.to_bytes(
        {IMAGES: ("tiles", 3, "height", "width")},
        {SCORES: ("tiles", "anchors"), PLACES: ("tiles", "anchors", VALUES)},
    )


def _block(model: OnnxModel, block: Block, features: str) -> str:
    first, second, third, last = map(_Layer.of, (*block.enter, *block.leave))
    kept, more = len(first.weight), -len(second.weight) % LANES
    inside = second.widened(more, 0).add_to(model, first.add_to(model, features), relu=True)
    inside = third.widened(more, 0).add_to(model, inside)
    last = last.widened(0, more)
    if block.stride == 2:
        features = model.node("MaxPool", features, kernel_shape=(2, 2), strides=(2, 2))
    changed = model.node("Relu", model.node("Add", last.part(slice(kept)).add_to(model, inside), features))
    if len(last.weight) == kept:
        return changed
    # What the block adds is made by itself: in one layer the input of the sum would have to be filled up, at a tenth more time.
    return model.node("Concat", changed, last.part(slice(kept, None)).add_to(model, inside, relu=True), axis=1)


def _join(model: OnnxModel, join: Join, below: str, side: str) -> str:
    small = _Layer.of(join.below).add_to(model, below, relu=True)
    twice = model.constant(np.array((1, 1, 2, 2), np.float32))
    enlarged = model.node("Resize", small, "", twice, mode="linear", coordinate_transformation_mode="half_pixel")
    features = model.node("Add", _Layer.of(join.side).add_to(model, side, relu=True), enlarged)
    for block in join.blocks:
        features = _block(model, cast(Block, block), features)
    return features
