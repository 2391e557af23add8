"""The state from which a training goes on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import atomic


@dataclass(frozen=True)
class ParserPosition:
    """How far a training is: `step` steps, `seconds` of work, the best validation (skin IoU) and its step."""

    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_step: int | None = None


_POSITION, _IDENTITY = TypeAdapter(ParserPosition), TypeAdapter(dict[str, Any])


@dataclass(frozen=True)
class ParserState:
    """`network`, `average`, `optimizer`: state dicts. `identity`: what must be the same when it goes on."""

    position: ParserPosition
    identity: dict[str, Any]
    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write atomically. Raises BuildError where the disk does not take it."""
        values = {
            "header": json.dumps({"progress": asdict(self.position), "identity": self.identity}),
            "network": self.network,
            "average": self.average,
            "optimizer": self.optimizer,
        }
        try:
            with atomic(path) as temporary:
                torch.save(values, temporary)
        except (OSError, RuntimeError) as error:
            raise BuildError(f"{path}: cannot be written: {error}") from error

    @classmethod
    def load(cls, path: Path) -> "ParserState":
        """Read a state; no code in it is run. Raises ConfigurationError for anything else."""
        try:
            values = torch.load(path, map_location="cpu", weights_only=True)
            header = json.loads(values["header"])
            return cls(
                _POSITION.validate_python(header["progress"]),
                _IDENTITY.validate_python(header["identity"]),
                values["network"],
                values["average"],
                values["optimizer"],
            )
        except Exception as error:  # torch raises whatever the damage leads to
            raise ConfigurationError(
                f"{path}: damaged, or not the state of a training: {str(error).partition(chr(10))[0]}; --overwrite begins anew"
            ) from error
