"""A whole training: what is asked for → data, networks, both stages, and where it stands in the end."""

import contextlib
import json
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from fishfsr.checkpoint import Checkpoint, load_checkpoint
from fishfsr.errors import CheckpointError, ConfigurationError, TrainingError
from fishfsr.methods.alignment import AlignmentNet, AlignmentNetConfig
from fishfsr.methods.base import Method
from fishfsr.methods.every import METHODS
from fishfsr.methods.fan import Fan, fan_here, load_fan
from fishfsr.models.parsingnet import ParsingNet
from fishfsr.models.sr_net import SrNet
from fishfsr.registry import build_network
from fishfsr.training.config import StageSection, TrainingConfig
from fishfsr.training.earlier import check_same, earlier_state
from fishfsr.training.folder import RunFolder
from fishfsr.training.initialise import unit_variance
from fishfsr.training.journal import ORDER, MetricsJournal, Note, TrainingListener, check_tensorboard
from fishfsr.training.loop import StageLoop
from fishfsr.training.precision import amp
from fishfsr.training.ranks import Ranks, process_group
from fishfsr.training.request import StageChoice, TrainingOutcome, TrainingRequest
from fishfsr.training.stages import AlignmentStage, ParsingStage, SrStage, TrainingStage
from fishfsr.training.state import Position, TrainingState
from fishfsr.training.surroundings import Surroundings, collect_faces
from fishfsr.training.validation import Validator
from fishprep.common.files import sha256_file, write_text
from fishprep.common.stop import StopRequest
from fishprep.common.version import __version__
from fishprep.storage.base import InUseError
from fishprep.storage.lock import locked

N = TypeVar("N", bound=nn.Module)


def run_training(request: TrainingRequest, listen: TrainingListener) -> TrainingOutcome:
    """Train what is asked for, and tell `listen` of it.

    Ctrl-C, SIGTERM and the end of the time save a state and end in a TrainingOutcome that says so. Raises FishFSRError
    (ConfigurationError, DataError, TrainingError, ...) and, where a shard is damaged, fishprep's ShardError.
    """
    try:
        return _run(request, listen)
    except OSError as error:
        raise TrainingError(
            f"{error.filename or request.out}: {error.strerror or error}; the state that was saved last stands, and the same "
            "command goes on from it"
        ) from error


def _run(request: TrainingRequest, listen: TrainingListener) -> TrainingOutcome:
    folder = RunFolder(request.out)
    # The clock starts and signals are caught before data are opened: nothing of the run is outside.
    with (
        StopRequest(request.max_minutes) as stop,
        process_group(request.device) as ranks,
        contextlib.ExitStack() as held,
    ):
        journal = ranks.together(lambda: _opened(held, folder, request, ranks))
        run = ranks.together(lambda: _Run(request, ranks, stop, journal, listen if ranks.first else _deaf))
        # Until all have come so far nothing is written that another process still looks for.
        ranks.together(run.prepare)
        return run.stages()


class _Run:
    """The stages of a request, one after the other, from where an earlier sitting ended."""

    def __init__(
        self,
        request: TrainingRequest,
        ranks: Ranks,
        stop: StopRequest,
        journal: MetricsJournal,
        listen: TrainingListener,
    ) -> None:
        self.request, self.folder = request, RunFolder(request.out)
        self.method = METHODS[request.config.sr.architecture]
        self.wanted = _wanted(self.method, request.config, request.stage)
        self.fan = load_fan(request.config.alignment.weights) if request.config.alignment.aligner == "fan" else None
        self.init = Checkpoint() if request.init is None else load_checkpoint(request.init)
        if self.fan is not None and self.init.alignment_net is not None:
            raise ConfigurationError(
                f"{request.init}: holds a network of landmarks, and alignment.aligner = fan takes another one"
            )
        self.state = earlier_state(self.folder, request.resume, request.overwrite)
        self.around = _surroundings(request, self.state, self.fan, ranks, stop, journal, listen)
        if self.state is not None:
            check_same(self.folder, self.state, request.config, self.around.identity)
            self._check_stage(self.state)

    def prepare(self) -> None:
        """The folder as it was when the state was saved; what runs, written beside it. The first process's work."""
        folder, around = self.folder, self.around
        if not around.ranks.first:
            return
        folder.sweep()
        if self.state is None:
            folder.clear()
        else:
            position = self.state.position
            around.journal.rewind(position.stage, position.step)
            around.listen(Note(self._where(position)))
        resolved = {
            "configuration": around.config.model_dump(mode="json"),
            "shards": list(self.request.named or map(str, self.request.shards)),
            "identity": around.identity,
            "device": str(around.amp.device),
            "precision": around.amp.name,
            "processes": around.ranks.world,
            "versions": {"fishfsr": __version__, "torch": torch.__version__},
        }
        write_text(folder.configuration, json.dumps(resolved, indent=2) + "\n")

    def stages(self) -> TrainingOutcome:
        """Train what is wanted and not over. A stage whose steps are all done is gone through once more: it may be that
        its last validation failed, or that its best has to be measured on other faces."""
        reason, step = None, 0
        for name in self.wanted:
            state = self.state if self.state is not None and self.state.position.stage == name else None
            if state is None and self._is_over(name):
                continue
            loop = self.around.ranks.together(lambda name=name, state=state: self._loop(name, state))  # type: ignore[misc]
            reason, step = loop.run(), loop.position.step
            if reason is not None:
                break
            self.state = None
        return TrainingOutcome(reason, name, step, self._checkpoint(name), self.around.ranks.first)

    def _check_stage(self, state: TrainingState) -> None:
        if ORDER.index(state.position.stage) > ORDER.index(self.wanted[-1]):
            raise TrainingError(
                f"{self.folder.path}: is in the stage sr already; the stage {self.wanted[-1]} is over. Choose another --out"
            )

    def _where(self, position: Position) -> str:
        steps = getattr(self.around.config, position.stage).steps
        if position.stage == self.wanted[-1] and position.step >= steps:
            return f"all {steps:,} steps of {position.stage} are done already"
        return f"going on: {position.stage}, step {position.step:,}"

    def _is_over(self, name: str) -> bool:
        """Whether the run is in a later stage."""
        return self.state is not None and ORDER.index(self.state.position.stage) > ORDER.index(name)

    def _loop(self, name: str, state: TrainingState | None) -> StageLoop:
        return StageLoop(self._stage(name), self.around, state)

    def _stage(self, name: str) -> TrainingStage:
        config = self.around.config
        torch.manual_seed(config.seed)
        if name == "parsing":
            parsing_net = self.init.parsing_net or _fresh(ParsingNet(config.parsing.network()), config.parsing)
            return ParsingStage(parsing_net, config.parsing)
        if name == "alignment":
            if "fan" in self.method.aligners and (path := fan_here()):
                self.around.listen(Note(f"FAN's weights are here, {path}: alignment.aligner=fan takes them instead"))
            aligner = self.init.alignment_net or AlignmentNet(AlignmentNetConfig(config.sr.width))
            return AlignmentStage(aligner, config.alignment)
        part = config.sr.batch_size // (config.sr.accumulate * self.around.ranks.world)
        if part < self.method.least_batch:
            raise ConfigurationError(
                f"{self.method.name} needs {self.method.least_batch} faces in each part of a step, and gets {part}: raise sr.batch_size"
            )
        network = self.init.sr_net or _fresh(_sr_net(config), config.sr)
        objective = self.method.objective(network, self._aligner() if self.method.needs_aligner else None)
        return SrStage(objective, config.sr, self._parsing_net() if network.config.needs_map else None)

    def _aligner(self) -> nn.Module:
        """The frozen network of landmarks: FAN, or what the stage alignment found here, else the one given by --init."""
        if self.fan is not None:
            return self.fan.aligner.to(self.around.amp.device)
        path = self.folder.best("alignment")
        aligner = load_checkpoint(path).alignment_net if path.exists() else self.init.alignment_net
        if aligner is None:
            raise TrainingError(
                f"{self.method.name} needs a trained network of landmarks: {path} is not there. Train it first (--stage "
                "alignment or both), or give a checkpoint that holds one with --init"
            )
        return aligner.to(self.around.amp.device).eval().requires_grad_(False)

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


def _wanted(method: Method, config: TrainingConfig, choice: StageChoice) -> tuple[str, ...]:
    """The stages that are asked for, in order. Raises ConfigurationError for one that the method does not have."""
    own = config.alignment.aligner == "own"
    has = {"parsing": not method.rival, "alignment": method.needs_aligner and own, "sr": True}
    if choice == "both":
        return tuple(name for name in ORDER if has[name])
    if not has[choice]:
        raise ConfigurationError(f"{method.name} has no stage {choice}{'' if own else ' where FAN takes its place'}")
    return (choice,)


def _sr_net(config: TrainingConfig) -> SrNet:
    network = build_network(config.sr.architecture, config.sr.network(config.scale))
    assert isinstance(network, SrNet)
    return network


def _fresh(network: N, section: StageSection) -> N:
    if section.initial == "unit-variance":
        unit_variance(network)
    return network


def _surroundings(
    request: TrainingRequest,
    state: TrainingState | None,
    fan: Fan | None,
    ranks: Ranks,
    stop: StopRequest,
    journal: MetricsJournal,
    listen: TrainingListener,
) -> Surroundings:
    config, device = request.config, ranks.device
    if config.compile and device.type != "cuda":
        raise ConfigurationError(
            "compile = true needs a CUDA device: on a CPU it takes minutes to start and gains nothing"
        )
    faces = collect_faces(request.shards, config, request.named, request.turns)
    identity = {
        "training shards": faces.train.fingerprint,
        "validation shards": None if faces.validation is None else faces.validation.fingerprint,
        "init": None if request.init is None else sha256_file(request.init),
    }
    if fan is not None:
        identity["FAN"] = fan.weights.sha256
    runs = amp(config.precision, device, None if state is None else state.precision)
    processes = f", {ranks.world} processes" if ranks.world > 1 else ""
    listen(
        Note(
            f"{len(faces.train):,} faces, x{config.scale}, preset {config.preset} | {device}, {runs.name}{processes} | "
            f"seed {config.seed}"
        )
    )
    if fan is not None:
        listen(Note(f"landmarks by {fan.weights.words}, frozen; nothing is trained for them"))
    for note in faces.notes:
        listen(Note(note))
    validator = None if faces.validation is None else Validator(faces.validation, config.validation, runs, ranks)
    folder = RunFolder(request.out)
    return Surroundings(config, faces.train, validator, folder, identity, runs, ranks, journal, stop, listen)


def _opened(held: contextlib.ExitStack, folder: RunFolder, request: TrainingRequest, ranks: Ranks) -> MetricsJournal:
    """The run's folder, locked, and its journal, until `held` is closed; both are the first process's alone."""
    if request.tensorboard:
        check_tensorboard()
    if ranks.first:
        try:
            held.enter_context(locked(folder.path))
        except InUseError as error:
            raise TrainingError(f"{folder.path}: another process is training here") from error
    journal = MetricsJournal(folder.metrics, folder.tensorboard if request.tensorboard and ranks.first else None)
    held.callback(journal.close)
    return journal


def _deaf(news: object) -> None:
    """What the processes beside the first say."""
