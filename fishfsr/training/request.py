"""What a training is asked for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fishfsr.checkpoint import read_metadata
from fishfsr.data.turns import Turns
from fishfsr.errors import ConfigurationError
from fishfsr.methods.every import METHODS
from fishfsr.models.config import SrNetConfig
from fishfsr.training.config import ARCHITECTURE_OPTIONS, TRAINED, Settings, TrainingConfig
from fishprep.common.stop import Reason

StageChoice = Literal["parsing", "alignment", "sr", "both"]


@dataclass(frozen=True)
class TrainingRequest:
    """A training that is asked for.

    `shards`: folders or files; `named`: what the user called them, where that is something else. `init`: a checkpoint whose
    networks are gone on with. `resume`: go on with what is in
    `out`; `overwrite`: begin anew there. `max_minutes`: validate, save and stop then; nothing else changes. `turns`: which of the
    shards to train on are here.
    """

    shards: tuple[Path, ...]
    out: Path
    config: TrainingConfig
    stage: StageChoice = "both"
    init: Path | None = None
    device: str = "auto"
    resume: bool = True
    overwrite: bool = False
    max_minutes: float | None = None
    tensorboard: bool = False
    named: tuple[str, ...] = ()
    turns: Turns | None = None


@dataclass(frozen=True)
class TrainingOutcome:
    """Where a training stands: `reason` is None where all that was asked for is done.

    `first`: whether this process is the one of its group that speaks. `figures`: stage → means of the best validation of this
    sitting, by measure.
    """

    reason: Reason | None
    stage: str
    step: int
    checkpoint: Path
    first: bool = True
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def init_settings(path: Path) -> Settings:
    """The architecture of a checkpoint as settings, so that a training can start from its weights.

    Raises ConfigurationError for networks of another kind than those that are trained here.
    """
    metadata = read_metadata(path)
    settings: Settings = {}
    if metadata.parsing_net is not None:
        config = metadata.parsing_net.config
        settings["parsing"] = {"width": config.width, "blocks": getattr(config, "blocks", 8)}
    if metadata.sr_net is not None:
        sr, architecture = metadata.sr_net.config, metadata.sr_net.architecture
        if architecture not in TRAINED or sr.map_channels != 1:
            raise ConfigurationError(f"{path}: {architecture} cannot be trained here, only run")
        assert isinstance(sr, SrNetConfig)
        values = {name: value for name, value in sr.to_dict().items() if name not in ("scale", "map_channels")}
        if METHODS[architecture].rival:
            del values["use_map"]
        options = {name: values.pop(name) for name in sorted(values.keys() - ARCHITECTURE_OPTIONS)}
        settings |= {"sr": {"architecture": architecture, **values, "options": options}, "scale": sr.scale}
    return settings
