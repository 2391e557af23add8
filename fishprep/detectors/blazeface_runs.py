"""What computes BlazeFace's network: onnxruntime on a CPU, in a third of PyTorch's time, and PyTorch on other devices."""

from typing import NamedTuple, Protocol

import numpy as np
import torch

from fishprep.common.device import exact_convolutions
from fishprep.common.onnx_runtime import needed_onnxruntime
from fishprep.detectors.blazeface_graph import IMAGES, PLACES, SCORES, graph_of
from fishprep.detectors.blazeface_network import BlazeFaceNetwork


class Sure(NamedTuple):
    """Anchors that are sure enough, tile by tile: numbers of tile and anchor (K,), score (K,) and values (K, 16), both float64."""

    tile: np.ndarray
    anchor: np.ndarray
    score: np.ndarray
    values: np.ndarray


class NetworkRunner(Protocol):
    """Looks at tiles. at_once: how many are shown to it together."""

    at_once: int

    def sure(self, tiles: np.ndarray, least: np.ndarray) -> Sure:
        """The anchors of tiles (N, H, W, 3) uint8 RGB whose score, after the sigmoid, is at least the tile's `least` (N,)."""
        ...


def runner_on(device: str, network: BlazeFaceNetwork) -> NetworkRunner:
    """What computes on a device. MissingLibraryError where that is the CPU, and onnxruntime cannot be loaded."""
    return OnRuntime(network) if device == "cpu" else OnTorch(network, device)


class OnRuntime:
    """onnxruntime, on the thread that calls it and no other. A tile at a time: more are no faster, and what it says of one hangs on
    that one alone."""

    at_once = 1

    def __init__(self, network: BlazeFaceNetwork) -> None:
        runtime = needed_onnxruntime("finds faces by BlazeFace", "--detector hog")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(graph_of(network), options, providers=["CPUExecutionProvider"])

    def sure(self, tiles: np.ndarray, least: np.ndarray) -> Sure:
        """As `NetworkRunner.sure`."""
        images = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2), dtype=np.float32)
        images /= 127.5
        images -= 1
        logits, places = self._session.run([SCORES, PLACES], {IMAGES: images})
        scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
        tile, anchor = np.nonzero(scores >= least[:, None])
        return Sure(tile, anchor, scores[tile, anchor], places[tile, anchor].astype(np.float64))


class OnTorch:
    """PyTorch, on any device."""

    at_once = 64

    def __init__(self, network: BlazeFaceNetwork, device: str) -> None:
        self.device = torch.device(device)
        self._network = network.to(self.device)

    @torch.inference_mode()
    def sure(self, tiles: np.ndarray, least: np.ndarray) -> Sure:
        """As `NetworkRunner.sure`."""
        pixels = torch.from_numpy(tiles).to(self.device)
        with exact_convolutions(self.device):
            logits, places = self._network(pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1))
        scores = logits.double().sigmoid()
        tile, anchor = (scores >= torch.from_numpy(least).to(scores)[:, None]).nonzero(as_tuple=True)
        found = (tile, anchor, scores[tile, anchor], places[tile, anchor].double())
        return Sure(*(values.cpu().numpy() for values in found))
