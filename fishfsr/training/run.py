"""A whole training: what is asked for → data, networks, both stages, and where it stands in the end."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import torch
from filelock import FileLock, Timeout
from torch import nn

from fishfsr import __version__
from fishfsr.checkpoint import Checkpoint, load_checkpoint, read_metadata
from fishfsr.data import ShardDataset
from fishfsr.device import resolve_device
from fishfsr.errors import CheckpointError, ConfigurationError, TrainingError
from fishfsr.models.config import SrNetConfig
from fishfsr.models.parsingnet import ParsingNet
from fishfsr.models.registry import build
from fishfsr.models.sr_net import SrNet
from fishfsr.training.checkpoint import RunFolder, State, load_state
from fishfsr.training.config import ARCHITECTURE_OPTIONS, TRAINED, Settings, StageSection, TrainingConfig
from fishfsr.training.initialise import unit_variance
from fishfsr.training.journal import ORDER, Journal, Listen, Note, check_tensorboard
from fishfsr.training.loop import StageLoop, Surroundings
from fishfsr.training.precision import amp
from fishfsr.training.ranks import Ranks, joined
from fishfsr.training.stages import ParsingStage, SrStage, Stage
from fishprep.files import sha256_file, write_text
from fishprep.stop import Reason, StopRequest

Network = TypeVar("Network", bound=nn.Module)
StageChoice = Literal["parsing", "sr", "both"]
FREE_TO_CHANGE = ("log_every", "save_every", "validation")


@dataclass(frozen=True)
class Request:
    """A training that is asked for.

    `shards`: folders or files. `init`: a checkpoint whose networks are gone on with. `resume`: go on with what is in
    `out`; `overwrite`: begin anew there. `max_minutes`: save and stop then; nothing else changes.
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


@dataclass(frozen=True)
class Outcome:
    """Where a training stands: `reason` is None where all that was asked for is done."""

    reason: Reason | None
    stage: str
    step: int
    checkpoint: Path


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
        options = {name: getattr(sr, name) for name in sorted(ARCHITECTURE_OPTIONS) if hasattr(sr, name)}
        settings |= {"sr": {"architecture": architecture, **options}, "scale": sr.scale}
    return settings


def train(request: Request, listen: Listen) -> Outcome:
    """Train what is asked for, and tell `listen` of it.

    Ctrl-C, SIGTERM and the end of the time save a state and end in an Outcome that says so. Raises FishFSRError
    (ConfigurationError, DataError, TrainingError, ...) and, where a shard is damaged, fishprep's ShardError.
    """
    folder = RunFolder(request.out)
    # The clock starts and signals are caught before data are opened: nothing of the run is outside.
    with StopRequest(request.max_minutes) as stop, joined(request.device) as (ranks, device):
        folder.path.mkdir(parents=True, exist_ok=True)
        with _locked(folder, ranks), _journal(folder, request, ranks) as journal:
            around = _surroundings(
                request, resolve_device(device), ranks, stop, journal, listen if ranks.first else _deaf
            )
            return _Run(request, around).stages()


class _Run:
    """The stages of a request, one after the other, from where an earlier sitting ended."""

    def __init__(self, request: Request, around: Surroundings) -> None:
        self.request, self.around, self.folder = request, around, around.folder
        self.init = Checkpoint() if request.init is None else load_checkpoint(request.init)
        self.state = self._earlier()
        around.ranks.wait()  # until then nothing is written that another process still looks for

    def stages(self) -> Outcome:
        wanted = ORDER if self.request.stage == "both" else (self.request.stage,)
        if self.state is not None and ORDER.index(self.state.position.stage) > ORDER.index(wanted[-1]):
            raise TrainingError(
                f"{self.folder.path}: is in the stage sr already; the stage {wanted[-1]} is over. Choose another --out"
            )
        if self.around.ranks.first:
            self._prepare()
        reason, step = None, 0
        for name in wanted:
            state = self._state_of(name)
            if state == "over":
                continue
            loop = StageLoop(self._stage(name), self.around, state)
            reason, step = loop.run(), loop.position.step
            self.around.ranks.wait()
            if reason is not None:
                break
            self.state = None
        return Outcome(reason, name, step, self._checkpoint(name))

    def _earlier(self) -> State | None:
        """The state of an earlier sitting, checked to be of the same training."""
        request, folder = self.request, self.folder
        if request.overwrite or not folder.state.exists():
            return None
        if not request.resume:
            raise TrainingError(f"{folder.path}: holds a run; go on with --resume, or begin anew with --overwrite")
        state = load_state(folder.state)
        earlier = TrainingConfig(**state.configuration)
        same = {name: getattr(request.config, name) for name in FREE_TO_CHANGE}
        if state.position.stage == "parsing":
            same["sr"] = request.config.sr  # nothing of it has been used
        changed = earlier.model_copy(update=same).differences(request.config)
        changed += [
            f"{name}: {value} → {self.around.identity[name]}"
            for name, value in state.identity.items()
            if self.around.identity[name] != value
        ]
        if changed:
            raise TrainingError(
                f"{folder.path}: holds a run of other settings ({'; '.join(changed)}). Set them back to go on, choose "
                "another --out, or begin anew with --overwrite"
            )
        return state

    def _prepare(self) -> None:
        """The folder as it was when the state was saved; what runs, written beside it."""
        folder, around = self.folder, self.around
        if self.state is None:
            folder.clear()
        else:
            around.journal.rewind(self.state.position.stage, self.state.position.step)
            around.listen(Note(f"going on: {self.state.position.stage}, step {self.state.position.step:,}"))
        resolved = {
            "configuration": around.config.model_dump(mode="json"),
            "shards": [str(path) for path in self.request.shards],
            "identity": around.identity,
            "device": str(around.amp.device),
            "precision": around.amp.name,
            "processes": around.ranks.world,
            "versions": {"fishfsr": __version__, "torch": torch.__version__},
        }
        write_text(folder.configuration, json.dumps(resolved, indent=2) + "\n")

    def _state_of(self, name: str) -> State | Literal["over"] | None:
        if self.state is None:
            return None
        position = self.state.position
        if position.stage == name:
            section = getattr(self.around.config, name)
            return "over" if position.step >= section.steps else self.state
        return "over" if ORDER.index(position.stage) > ORDER.index(name) else None

    def _stage(self, name: str) -> Stage:
        config = self.around.config
        torch.manual_seed(config.seed)
        if name == "parsing":
            parsing_net = self.init.parsing_net or _fresh(ParsingNet(config.parsing.network()), config.parsing)
            return ParsingStage(parsing_net, config.parsing)
        network = self.init.sr_net or _fresh(_sr_net(config), config.sr)
        return SrStage(network, config.sr, self._parsing_net() if network.config.needs_map else None)

    def _parsing_net(self) -> ParsingNet:
        """The frozen network of stage 2: what stage 1 found here, else the one given by --init."""
        path = self.folder.best("parsing")
        if not path.exists():
            if self.init.parsing_net is None:
                raise TrainingError(
                    f"the stage sr needs a trained ParsingNet: {path} is not there. Train it first (--stage parsing or "
                    "both), or give a checkpoint that holds one with --init"
                )
            return self.init.parsing_net.to(self.around.amp.device)
        parsing_net = load_checkpoint(path).parsing_net
        if parsing_net is None:
            raise CheckpointError(f"{path}: holds no ParsingNet")
        return parsing_net.to(self.around.amp.device)

    def _checkpoint(self, name: str) -> Path:
        best = self.folder.best(name)
        return best if best.exists() else self.folder.last(name)


def _sr_net(config: TrainingConfig) -> SrNet:
    network = build(config.sr.architecture, config.sr.network(config.scale))
    assert isinstance(network, SrNet)
    return network


def _fresh(network: Network, section: StageSection) -> Network:
    if section.initial == "unit-variance":
        unit_variance(network)
    return network


def _surroundings(
    request: Request, device: torch.device, ranks: Ranks, stop: StopRequest, journal: Journal, listen: Listen
) -> Surroundings:
    config = request.config
    if config.compile and device.type != "cuda":
        raise ConfigurationError(
            "compile = true needs a CUDA device: on a CPU it takes minutes to start and gains nothing"
        )
    train_set = ShardDataset(request.shards, "train", config.scale)
    validation = ShardDataset(request.shards, "val", config.scale) if config.validation.every else None
    if validation is not None and validation.recipe != train_set.recipe:
        raise ConfigurationError("the validation shards were made by another recipe than the training shards")
    identity = {
        "training shards": train_set.fingerprint,
        "validation shards": None if validation is None else validation.fingerprint,
        "init": None if request.init is None else sha256_file(request.init),
    }
    runs = amp(config.precision, device)
    processes = f", {ranks.world} processes" if ranks.world > 1 else ""
    listen(
        Note(
            f"{len(train_set):,} faces, x{config.scale}, preset {config.preset} | {device}, {runs.name}{processes} | "
            f"seed {config.seed}"
        )
    )
    folder = RunFolder(request.out)
    return Surroundings(config, train_set, validation, folder, identity, runs, ranks, journal, stop, listen)


@contextlib.contextmanager
def _locked(folder: RunFolder, ranks: Ranks) -> Iterator[None]:
    if not ranks.first:
        yield
        return
    try:
        with FileLock(folder.path / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise TrainingError(f"{folder.path}: another process is training here") from error


@contextlib.contextmanager
def _journal(folder: RunFolder, request: Request, ranks: Ranks) -> Iterator[Journal]:
    if request.tensorboard:
        check_tensorboard()
    journal = Journal(folder.metrics, folder.tensorboard if request.tensorboard and ranks.first else None)
    try:
        yield journal
    finally:
        journal.close()


def _deaf(news: object) -> None:
    """What the processes beside the first say."""
