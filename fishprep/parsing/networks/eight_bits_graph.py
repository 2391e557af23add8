"""A compact network in eight bits as a graph for onnxruntime, made of its weights and ranges."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from fishprep.common.onnx_model import OnnxModel
from fishprep.parsing.networks.compact import CLASSES, Compact
from fishprep.parsing.networks.eight_bits import Convolution, Eight, walk

IMAGES, LOGITS = "images", "logits"


@dataclass(frozen=True)
class _Bytes:
    """A tensor of the graph, uint8, and how it is written."""

    name: str
    eight: Eight


@dataclass
class _Written:
    """Steps as nodes of a graph."""

    eights: Mapping[str, Eight]
    model: OnnxModel = field(default_factory=OnnxModel)

    def convolved(self, name: str, x: _Bytes, layer: Convolution) -> _Bytes:
        made, scales = self.eights[name], layer.scales()
        bias = (layer.bias / (scales * x.eight.scale)).round()
        inputs = (
            *(x.name, *self._as(x.eight)),
            self.model.constant(layer.rounded().to(torch.int8).numpy()),
            self.model.constant(scales.numpy()),
            self.model.constant(np.zeros(len(scales), np.int8)),
            *self._as(made),
            self.model.constant(bias.clamp(-(2.0**30), 2.0**30).to(torch.int32).numpy()),
        )
        side = layer.weight.shape[2]
        pads, strides = layer.pads, (layer.stride, layer.stride)
        # What is below 0 has no number where the range begins with 0, as that of a `relu` does.
        return _Bytes(
            self.model.node("QLinearConv", *inputs, kernel_shape=(side, side), strides=strides, pads=pads), made
        )

    def added(self, name: str, x: _Bytes, other: _Bytes, relu: bool) -> _Bytes:
        return self._sum(name, self.floats(x), self.floats(other))

    def with_whole(self, name: str, x: _Bytes, whole: nn.Linear) -> _Bytes:
        floats = self.floats(x)
        mean = self.model.node("ReduceMean", floats, self.model.constant(np.array((2, 3), np.int64)), keepdims=1)
        weight = self.model.constant(whole.weight.detach().numpy()[:, :, None, None])
        bias = self.model.constant(whole.bias.detach().numpy())
        return self._sum(name, floats, self.model.node("Conv", mean, weight, bias, kernel_shape=(1, 1)))

    def with_enlarged(self, name: str, x: _Bytes, small: _Bytes) -> _Bytes:
        twice = self.model.constant(np.array((1, 1, 2, 2), np.float32))
        options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self._sum(name, self.floats(x), self.model.node("Resize", self.floats(small), "", twice, **options))

    def with_unfolded(self, name: str, x: _Bytes, deep: _Bytes) -> _Bytes:
        laid_out = _Bytes(self.model.node("DepthToSpace", deep.name, blocksize=2, mode="CRD"), deep.eight)
        return self._sum(name, self.floats(x), self.floats(laid_out))

    def bytes_of(self, name: str, floats: str) -> _Bytes:
        """Rounded as the tensor `name` is."""
        eight = self.eights[name]
        return _Bytes(self.model.node("QuantizeLinear", floats, *self._as(eight)), eight)

    def floats(self, x: _Bytes) -> str:
        """What the bytes stand for."""
        return self.model.node("DequantizeLinear", x.name, *self._as(x.eight))

    def _sum(self, name: str, one: str, other: str) -> _Bytes:
        return self.bytes_of(name, self.model.node("Add", one, other))

    def _as(self, eight: Eight) -> tuple[str, str]:
        scale = np.array(eight.scale, np.float32)
        return self.model.constant(scale), self.model.constant(np.array(eight.zero, np.uint8))


def graph_in_eight_bits(net: Compact, eights: Mapping[str, Eight]) -> bytes:
    """An ONNX model of `IMAGES` (N, 3, S, S) float32, normalised, to `LOGITS` (N, c, s, s) uint8; `net` in evaluation, folded.

    c is 19, or where the logits are fine 76: four a class, which are not laid out as 2 x 2 pixels yet.
    """
    written = _Written(eights)
    made = walk(net, written, written.bytes_of("images", IMAGES))
    written.model.node("Identity", made.name, output=LOGITS)
    channels = (4 if net.shape.fine else 1) * CLASSES
    return written.model.to_bytes(
        {IMAGES: ("n", 3, "side", "side")}, {LOGITS: ("n", channels, "half", "half")}, outputs_are=np.uint8
    )
