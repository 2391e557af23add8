"""A trained pair as one ONNX graph, checked against PyTorch."""

import copy
import importlib.util
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fishfsr.errors import ExportError, InputError, MissingExtraError
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.models.folding import fold
from fishprep.common.files import atomic
from fishprep.shards.schema import HR_SIZE

TOLERANCE = 1e-4
CHECKED_BATCHES = (1, 3)
NEEDED = ("onnx", "onnxscript", "onnxruntime")


class Parity(NamedTuple):
    """Largest absolute differences between onnxruntime and PyTorch over the batches that were run."""

    sr: float
    map: float

    @property
    def limit(self) -> float:
        """Above which nothing is written."""
        return TOLERANCE


class Pair(nn.Module):
    """Both networks behind one another: LR face to (SR face, map clamped to [0, 1])."""

    def __init__(self, parsing_net: nn.Module, sr_net: nn.Module) -> None:
        super().__init__()
        self.parsing_net = parsing_net
        self.sr_net = sr_net

    def forward(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        parsing = self.parsing_net(lr).clamp(0, 1)
        return self.sr_net(lr, parsing), parsing


def export_onnx(resolver: FaceSuperResolver, path: Path, lr_size: int | None = None) -> Parity:
    """Write the pair to `path` as one graph and check it; the largest differences are returned.

    Input `lr` (batch, 3, size, size), outputs `sr` and `map`; the batch is dynamic, the weights are float32 and
    inside the file. The networks are folded first. `lr_size` is the side of the LR face, 128 / scale unless given.
    The file is written only when onnxruntime agrees with PyTorch within `TOLERANCE`; the differences are returned.
    Raises MissingExtraError, ExportError, and CheckpointError where a network is missing.
    """
    check_extra()
    size = lr_size or HR_SIZE // resolver.scale
    if size < 1:
        raise InputError(f"lr_size = {size}: must be at least 1")
    plain = copy.deepcopy(Pair(resolver.parsing_net, resolver.sr_net)).cpu().eval()
    folded = Pair(fold(plain.parsing_net), fold(plain.sr_net)).eval()
    with atomic(path) as temporary:
        _write(folded, temporary, size)
        parity = compare(plain, temporary, size)
        # Not max(): it can pass over a NaN.
        if not all(difference <= TOLERANCE for difference in parity):
            raise ExportError(
                f"{path}: not written: onnxruntime differs from PyTorch by {parity.sr:.1e} (sr) and {parity.map:.1e} (map), "
                f"more than {TOLERANCE:.0e}"
            )
    return parity


def check_extra() -> None:
    """Raise MissingExtraError unless the libraries of the `export` extra are installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"export needs {', '.join(missing)}: pip install {' '.join(missing)} (in a checkout: pip install '.[export]')"
        )


def compare(pair: nn.Module, path: Path, size: int) -> Parity:
    """Run `pair` in PyTorch and the graph of `path` in onnxruntime on the same random faces."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = np.zeros(2)
    for batch in CHECKED_BATCHES:
        lr = torch.rand((batch, 3, size, size), generator=generator)
        with torch.inference_mode():
            expected = pair(lr)
        outputs = session.run(["sr", "map"], {"lr": lr.numpy()})
        differences = [np.abs(output - wanted.numpy()).max() for output, wanted in zip(outputs, expected, strict=True)]
        # np.maximum, not max(): NaN must win, and then fail the comparison with the tolerance.
        worst = np.maximum(worst, differences)
    return Parity(float(worst[0]), float(worst[1]))


def _write(pair: Pair, path: Path, size: int) -> None:
    try:
        with warnings.catch_warnings():
            # The exporter warns of its own insides.
            warnings.simplefilter("ignore")
            _export(pair, path, size)
    except Exception as error:  # the exporter raises many kinds of its own
        raise ExportError(f"the networks could not be exported: {error}") from error


def _export(pair: Pair, path: Path, size: int) -> None:
    torch.onnx.export(
        pair,
        (torch.zeros(2, 3, size, size),),
        str(path),
        input_names=["lr"],
        output_names=["sr", "map"],
        dynamic_shapes={"lr": {0: torch.export.Dim("batch")}},
        dynamo=True,
        external_data=False,
        verbose=False,
    )
