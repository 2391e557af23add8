"""The state from which a training goes on."""

import errno
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import atomic, check_regular
from fishprep.common.tensors import load_torch


@dataclass(frozen=True)
class ParserPosition:
    """How far a training is: `step` steps, `seconds` of work, the best validation (skin IoU) and its step."""

    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_step: int | None = None


_POSITION = TypeAdapter(ParserPosition)


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
        """Read a state; no code in it is run. Raises ConfigurationError for anything else, OSError where the disk refuses."""
        check_regular(path)
        with as_damage(path):
            values: Any = load_torch(path)
            header = json.loads(values["header"])
            position = _POSITION.validate_json(json.dumps(header["progress"]), strict=True)
            if position.step < 0 or not math.isfinite(position.best or 0.0):
                raise ValueError("no training is there")
            identity = header["identity"]
            if not isinstance(identity["config"], dict):
                raise TypeError("no settings")
            return cls(position, identity, values["network"], values["average"], values["optimizer"])


@contextmanager
def as_damage(path: Path) -> Iterator[None]:
    """Whatever the content of a state leads to is a ConfigurationError; what the disk refuses stays an OSError."""
    try:
        yield
    except Exception as error:  # torch raises whatever the damage leads to
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # which is of a seek beyond what was cut off
            raise
        reason = f"{error}".partition("\n")[0]
        raise ConfigurationError(
            f"{path}: damaged, or not the state of a training: {reason}; --overwrite begins anew"
        ) from error
