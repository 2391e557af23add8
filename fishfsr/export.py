"""A trained pair, or a network that reads no map, for other programs: as ONNX or TorchScript, checked, or its weights alone."""

import copy
import importlib.util
import json
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fishfsr.errors import CheckpointError, ExportError, InputError, MissingExtraError
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.models.folding import fold
from fishfsr.registry import architecture_of
from fishprep.common.files import atomic, sweep_abandoned
from fishprep.common.onnx_runtime import load_onnxruntime
from fishprep.common.version import __version__
from fishprep.shards.schema import HR_SIZE

TOLERANCE = 1e-4
OPSET = 18
"""Of ONNX, which every runtime since 2023 knows: a new torch does not raise it unnoticed."""

FACTS = "fishfsr.json"
RunGraph = Callable[[Tensor], Sequence[Any]]
"""LR faces to (`sr`, `map`), or to (`sr`,) where no map is read."""

VALUES = "RGB in [0, 1]; sr is not clamped; map: share of skin in [0, 1]"
CHECKED_BATCHES = (1, 3)
NEEDED = ("onnx", "onnxscript", "onnxruntime")


class Parity(NamedTuple):
    """Largest absolute differences between what was exported and PyTorch over the batches that were run.

    `map` is None where none is read.
    """

    sr: float
    map: float | None = None

    @property
    def limit(self) -> float:
        """Above which nothing is written."""
        return TOLERANCE


class Pair(nn.Module):
    """Both networks behind one another: LR face to (SR face, map clamped to [0, 1])."""

    outputs = ("sr", "map")

    def __init__(self, parsing_net: nn.Module, sr_net: nn.Module) -> None:
        super().__init__()
        self.parsing_net = parsing_net
        self.sr_net = sr_net

    def forward(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        parsing = self.parsing_net(lr).clamp(0, 1)
        return self.sr_net(lr, parsing), parsing


class Alone(nn.Module):
    """A network that reads no map: LR face to (SR face,)."""

    outputs = ("sr",)

    def __init__(self, sr_net: nn.Module) -> None:
        super().__init__()
        self.sr_net = sr_net

    def forward(self, lr: Tensor) -> tuple[Tensor]:
        return (self.sr_net(lr),)


ExportedNetworks = Pair | Alone


def export_onnx(resolver: FaceSuperResolver, path: Path, lr_size: int | None = None) -> Parity:
    """Write the pair to `path` as one graph and check it; the largest differences are returned.

    Input `lr` (batch, 3, size, size), outputs `sr` and `map`, or `sr` alone of a network that reads no map; the batch is dynamic, the
    weights are float32 and inside the file, operators are of `OPSET`, and the model's metadata are `facts_of`. The networks are
    folded first. `lr_size` is the side of the LR face, 128 / scale unless given.
    The file is written only when onnxruntime agrees with PyTorch within `TOLERANCE`.
    Raises MissingExtraError, ExportError, and CheckpointError where a network is missing.
    """
    check_extra()
    plain, size = _plain(resolver, lr_size)
    sweep_abandoned(path)
    with atomic(path) as temporary:
        _write(_folded(plain), temporary, size)
        _add_facts(temporary, facts_of(resolver, size))
        parity = parity_of(plain, _onnx_runner(temporary, plain.outputs), size)
        _refuse(path, parity, "onnxruntime")
    return parity


def export_torchscript(resolver: FaceSuperResolver, path: Path, lr_size: int | None = None) -> Parity:
    """Write the pair to `path` as TorchScript, for programs in C++ and other languages: `lr` in, (`sr`, `map`) or (`sr`,) out, any batch.

    The networks are not folded: tracing takes the sizes that folding computes with for tensors. `facts_of` stand in the extra file
    `fishfsr.json`. Written only when what is read back agrees with PyTorch within `TOLERANCE`. Raises ExportError, and
    CheckpointError where a network is missing.
    """
    plain, size = _plain(resolver, lr_size)
    sweep_abandoned(path)
    with atomic(path) as temporary:
        try:
            with torch.inference_mode(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that TorchScript gets no younger
                traced = torch.jit.trace(plain, torch.zeros(2, 3, size, size), check_trace=False)  # `parity_of` checks
                facts = json.dumps(facts_of(resolver, size), sort_keys=True)
                torch.jit.save(traced, str(temporary), _extra_files={FACTS: facts})
                read = torch.jit.load(str(temporary))
        except (RuntimeError, TypeError, ValueError) as error:
            raise ExportError(f"the networks could not be traced: {error}") from error
        parity = parity_of(plain, read, size)
        _refuse(path, parity, "TorchScript")
    return parity


def export_state_dict(resolver: FaceSuperResolver, path: Path) -> None:
    """Write the weights to `path` for `torch.load(..., weights_only=True)`: `parsing_net` and `sr_net`, each name → tensor float32 as
    the networks of this project take them, and `facts`, texts by name. A network that the checkpoint lacks is left out.

    Raises CheckpointError where there is none at all.
    """
    networks: dict[str, nn.Module] = {}
    for name in ("parsing_net", "sr_net"):
        with suppress(CheckpointError):
            networks[name] = getattr(resolver, name)
    if not networks:
        raise CheckpointError(f"{path}: not written: this checkpoint holds no network")
    weights = {
        name: {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
        for name, network in networks.items()
    }
    sweep_abandoned(path)
    with atomic(path) as temporary:
        torch.save({**weights, "facts": facts_of(resolver, None)}, temporary)


def facts_of(resolver: FaceSuperResolver, lr_size: int | None) -> dict[str, str]:
    """What goes along with exported networks, as texts: `scale`, `lr_size`, the `networks` with their configurations and the `crop` of the
    training faces as JSON, their `recipe`, the `licence` of the weights, what the numbers mean, who wrote it."""
    details = resolver.details
    crop = details.training.get("shards", {})
    networks = {}
    for name in ("parsing_net", "sr_net"):
        with suppress(CheckpointError):
            network = getattr(resolver, name)
            networks[name] = {"architecture": architecture_of(network), "config": network.config.to_dict()}
    known = {
        "scale": str(resolver.scale) if "sr_net" in networks else "",
        "lr_size": "" if lr_size is None else str(lr_size),
        "networks": json.dumps(networks, sort_keys=True),
        "crop": json.dumps(crop, sort_keys=True) if crop else "",
        "recipe": details.recipe or "",
        "licence": details.licence or "not said: that of the faces it was trained on",
        "values": VALUES if "parsing_net" in networks else VALUES.partition("; map")[0],
        "producer": f"fishfsr {__version__}",
    }
    return {name: value for name, value in known.items() if value}


def check_extra() -> None:
    """Raise MissingExtraError unless the libraries of the `export` extra are installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"export needs {', '.join(missing)}: pip install {' '.join(missing)} (in a checkout: pip install '.[export]')"
        )


def parity_of(pair: nn.Module, exported: RunGraph, size: int) -> Parity:
    """Run `pair` in PyTorch, and what was exported, on the same random faces."""
    generator = torch.Generator().manual_seed(0)
    worst = np.zeros(1)
    for batch in CHECKED_BATCHES:
        lr = torch.rand((batch, 3, size, size), generator=generator)
        with torch.inference_mode():
            expected, outputs = pair(lr), exported(lr)
        differences = [
            np.abs(np.asarray(one) - other.numpy()).max() for one, other in zip(outputs, expected, strict=True)
        ]
        # np.maximum, not max(): NaN must win, and then fail the comparison with the tolerance.
        worst = np.maximum(worst, differences)
    return Parity(*map(float, worst))


def _plain(resolver: FaceSuperResolver, lr_size: int | None) -> tuple[ExportedNetworks, int]:
    """The networks that are run for a face as they are, and the side of its LR faces."""
    size = HR_SIZE // resolver.scale if lr_size is None else lr_size
    if size < 1:
        raise InputError(f"lr_size = {size}: must be at least 1")
    alone = not resolver.sr_net.config.needs_map
    networks = Alone(resolver.sr_net) if alone else Pair(resolver.parsing_net, resolver.sr_net)
    return copy.deepcopy(networks).cpu().eval(), size


def _folded(networks: ExportedNetworks) -> ExportedNetworks:
    """The same networks folded."""
    sr_net = fold(networks.sr_net)
    return (Alone(sr_net) if isinstance(networks, Alone) else Pair(fold(networks.parsing_net), sr_net)).eval()


def _refuse(path: Path, parity: Parity, runner: str) -> None:
    # Not max(): it can pass over a NaN.
    if not all(difference <= TOLERANCE for difference in parity if difference is not None):
        of_map = "" if parity.map is None else f" and {parity.map:.1e} (map)"
        raise ExportError(
            f"{path}: not written: {runner} differs from PyTorch by {parity.sr:.1e} (sr){of_map}, more than {TOLERANCE:.0e}"
        )


def _onnx_runner(path: Path, outputs: tuple[str, ...]) -> RunGraph:
    session = load_onnxruntime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda lr: session.run(list(outputs), {"lr": lr.numpy()})


def _add_facts(path: Path, facts: dict[str, str]) -> None:
    import onnx

    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, facts)
    onnx.save(model, str(path))


def _write(pair: ExportedNetworks, path: Path, size: int) -> None:
    try:
        with warnings.catch_warnings():
            # The exporter warns of its own insides.
            warnings.simplefilter("ignore")
            _export(pair, path, size)
    except Exception as error:  # the exporter raises many kinds of its own
        raise ExportError(f"the networks could not be exported: {error}") from error


def _export(pair: ExportedNetworks, path: Path, size: int) -> None:
    torch.onnx.export(
        pair,
        (torch.zeros(2, 3, size, size),),
        str(path),
        input_names=["lr"],
        output_names=list(pair.outputs),
        dynamic_shapes={"lr": {0: torch.export.Dim("batch")}},
        dynamo=True,
        opset_version=OPSET,
        external_data=False,
        verbose=False,
    )
