"""The state from which a run goes on: safetensors and JSON, nothing that can run."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError
from torch import Tensor, nn

from fishfsr.errors import CheckpointError
from fishfsr.training.journal import ORDER
from fishfsr.training.optimiser import Average
from fishprep.common.tensors import safetensors_file, save_tensors

FORMAT = "fishfsr-training-state"
FORMAT_VERSION = "1"


@dataclass(frozen=True)
class Position:
    """How far a run is: `step` steps of `stage` are done.

    `best` and `best_step`: its best validation so far, `best_on`: on which faces (a Validator's identity). `validated`: the
    step of the last validation. `losses`: of the steps since the last line of the log. `seconds`: of training, over all
    sittings.
    """

    stage: str
    step: int = 0
    best: float | None = None
    best_step: int | None = None
    best_on: str | None = None
    validated: int | None = None
    losses: tuple[float, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainingState:
    """A run to go on with: its position, tensors, and what must be the same when it goes on.

    `precision`: what it is computed in, never `auto`; None in states of before it was kept. Nothing random is in it,
    because nothing depends on a generator's state: what a step draws is a function of the seed and the step.
    """

    position: Position
    configuration: Mapping[str, Any]
    identity: Mapping[str, Any]
    precision: str | None = None
    scaler: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write atomically. Raises CheckpointError where the disk does not take it."""
        header = {name: json.dumps(value) for name, value in _header(self).items()}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.tensors.items()}
        try:
            save_tensors(path, tensors, {"format": FORMAT, "format_version": FORMAT_VERSION, **header})
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be written: {error}") from error

    @classmethod
    def load(cls, path: Path) -> "TrainingState":
        """Read a state. Raises CheckpointError for anything else, a damaged file included."""
        try:
            with safetensors_file(path) as file:
                header = file.metadata() or {}
                if (header.get("format"), header.get("format_version")) != (FORMAT, FORMAT_VERSION):
                    raise CheckpointError(f"{path}: not a training state that this version reads")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            values = {name: _OBJECT.validate_json(header[name]) for name in ("configuration", "identity", "scaler")}
            precision = _PRECISION.validate_json(header.get("precision", "null"))
            return cls(_position(json.loads(header["position"])), **values, precision=precision, tensors=tensors)
        except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(f"{path}: damaged, or not a training state: {error}") from error


_OBJECT, _POSITION = TypeAdapter(dict[str, Any]), TypeAdapter(Position)
_PRECISION: TypeAdapter[Literal["float32", "bfloat16", "float16"] | None] = TypeAdapter(
    Literal["float32", "bfloat16", "float16"] | None
)


def read_position(path: Path) -> Position:
    """How far the run is whose state this is, without reading its tensors. Raises CheckpointError for anything else."""
    try:
        with safetensors_file(path) as file:
            return _position(json.loads((file.metadata() or {})["position"]))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: damaged, or not a training state: {error}") from error


def is_state(path: Path) -> bool:
    """Whether a file is a state, of any version."""
    try:
        with safetensors_file(path) as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError):
        return False


def _position(values: dict[str, Any]) -> Position:
    """The position in a header; states of before said nothing of the last validation, which was at the step they name."""
    position = _POSITION.validate_python({"validated": values["step"]} | values)
    if position.stage not in ORDER or position.step < 0:
        raise ValueError(f"no training is at step {position.step} of the stage {position.stage!r}")
    best = position.best
    return replace(position, best=best if best is not None and math.isfinite(best) else None)


def _header(state: TrainingState) -> dict[str, Any]:
    """The fields that go into the header."""
    return {
        "position": asdict(state.position),
        "configuration": dict(state.configuration),
        "identity": dict(state.identity),
        "precision": state.precision,
        "scaler": dict(state.scaler),
    }


def state_tensors(network: nn.Module, optimizer: torch.optim.Optimizer, average: Average | None) -> dict[str, Tensor]:
    """Weights, their average and the optimizer's moments, by name."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in average.network.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()}
    return tensors


def put_back(
    tensors: Mapping[str, Tensor], network: nn.Module, optimizer: torch.optim.Optimizer, average: Average | None
) -> None:
    """Put back what `state_tensors` gave. Raises CheckpointError where it does not fit."""
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
    try:
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        network.load_state_dict(parts["network"])
        if average is not None:
            average.network.load_state_dict(parts["average"])
        optimizer.load_state_dict(_optimizer_state(parts["optimizer"], optimizer))
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the training state does not fit the network: {error}") from error


def _optimizer_state(tensors: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, moment = name.partition(".")
        parameter = parameters[int(number)]
        if moment != "step":
            if tensor.shape != parameter.shape:
                raise ValueError(
                    f"a moment is of shape {tuple(tensor.shape)}, its parameter of {tuple(parameter.shape)}"
                )
            # Fused Adam walks through memory: moments must lie as their parameter does, channels_last or not.
            tensor = torch.empty_like(parameter).copy_(tensor)
        moments.setdefault(int(number), {})[moment] = tensor
    return {"state": moments, "param_groups": optimizer.state_dict()["param_groups"]}
