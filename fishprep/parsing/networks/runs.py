"""What computes a parser's logits: PyTorch, and onnxruntime where a CPU computes in eight bits."""

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from fishprep.common.device import exact_convolutions
from fishprep.common.errors import ConfigurationError, WeightsError
from fishprep.common.onnx_runtime import needed_onnxruntime
from fishprep.common.tensors import metadata
from fishprep.parsing.base import COMPACT, Precision
from fishprep.parsing.networks.compact import CLASSES, Compact
from fishprep.parsing.networks.eight_bits import RANGES, Eight, Rounded, read_ranges, walk
from fishprep.parsing.networks.eight_bits_graph import IMAGES, LOGITS, graph_in_eight_bits
from fishprep.parsing.networks.kinds import kind_of, load_network

LogitsOf = Callable[[Tensor], Tensor]
"""Images (n, 3, S, S) float32, normalised, on the device → logits (n, 19, s, s) there: float32; uint8 where it computes in eight bits."""


def own_precision(weights: Path) -> Precision:
    """What the weights of a file are made for: int8 of a compact network whose header has the range of every tensor."""
    has_ranges = kind_of(weights) == COMPACT and RANGES in metadata(weights)
    return Precision.INT8 if has_ranges else Precision.FLOAT32


def run_of(weights: Path, precision: Precision, device: torch.device) -> LogitsOf:
    """The network of a file, ready to be run.

    Raises as `load_network`; ConfigurationError for eight bits of weights that have no ranges; MissingLibraryError where those are to be
    computed on a CPU, and onnxruntime cannot be loaded.
    """
    network = load_network(weights)
    if precision is not Precision.INT8:
        return FloatsOnTorch(network, device, precision.dtype)
    if not isinstance(network, Compact) or RANGES not in (header := metadata(weights)):
        raise ConfigurationError(
            f"int8 needs weights that say what each tensor holds, as those of compact parsers do that this version trained; {weights} does "
            "not: take float32"
        )
    try:
        eights = read_ranges(header[RANGES], network)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise WeightsError(f"weights {weights}: the ranges in the header are none: {error}") from error
    return EightOnRuntime(network, eights) if device.type == "cpu" else EightOnTorch(network, eights, device)


class FloatsOnTorch:
    """PyTorch, in the floats of `dtype`."""

    def __init__(self, network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
        self._network = convert_conv2d_weight_memory_format(network.to(device, dtype), torch.channels_last)
        self._device, self._dtype = device, dtype

    def __call__(self, images: Tensor) -> Tensor:
        with exact_convolutions(self._device):
            logits = self._network(images.to(self._dtype).contiguous(memory_format=torch.channels_last))
        return cast(Tensor, logits).float().contiguous()


class EightOnTorch:
    """PyTorch in eight bits: what `EightOnRuntime` gives, to the bit on a CPU; the order of sums in a mean is the device's own."""

    def __init__(self, network: Compact, eights: Mapping[str, Eight], device: torch.device) -> None:
        self._steps = Rounded(eights, device)
        self._network, self._device = network.to(device), device

    def __call__(self, images: Tensor) -> Tensor:
        with exact_convolutions(self._device):
            made = walk(self._network, self._steps, self._steps.rounded(IMAGES, images))
        return laid_out((made.numbers + made.eight.zero).to(torch.uint8))


class EightOnRuntime:
    """onnxruntime in eight bits, with as many threads as torch has when it is run: a worker says how many only when all is loaded."""

    def __init__(self, network: Compact, eights: Mapping[str, Eight]) -> None:
        self._runtime = needed_onnxruntime("parses in int8", "--parser-precision float32")
        self._graph = graph_in_eight_bits(network, eights)
        self._sessions: dict[int, Any] = {}

    def __call__(self, images: Tensor) -> Tensor:
        threads = torch.get_num_threads()
        session = self._sessions.get(threads) or self._begun(threads)
        self._sessions = {threads: session}
        [logits] = session.run([LOGITS], {IMAGES: np.ascontiguousarray(images.numpy())})
        return laid_out(torch.from_numpy(logits))

    def _begun(self, threads: int) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry(
            "session.disable_quant_qdq", "1"
        )  # sums fused with their rounding are rounded otherwise
        options.log_severity_level = 3
        return self._runtime.InferenceSession(self._graph, options, providers=["CPUExecutionProvider"])


def laid_out(logits: Tensor) -> Tensor:
    """(n, 19 or 76, h, w): four of a class stand for 2 x 2 pixels, → (n, 19, 2h, 2w), as `pixel_shuffle`, in a tenth of its time."""
    count, channels, height, width = logits.shape
    if channels == CLASSES:
        return logits
    made = torch.empty(count, CLASSES, 2 * height, 2 * width, dtype=logits.dtype, device=logits.device)
    four = logits.view(count, CLASSES, 2, 2, height, width)
    for y, x in product(range(2), range(2)):
        made[:, :, y::2, x::2] = four[:, :, y, x]
    return made
