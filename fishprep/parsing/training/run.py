"""One training, from labelled faces to weights: checked, validated, stopped and gone on with."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fishprep.common.device import resolve_device
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import sha256_file, write_text
from fishprep.common.stop import Reason, StopRequest
from fishprep.common.version import __version__
from fishprep.landmarks.base import LandmarkBackend
from fishprep.parsing.base import COMPACT, Precision
from fishprep.parsing.classes import ClassOrder
from fishprep.parsing.evaluation.crops import LabelledCrop, labelled_crop
from fishprep.parsing.evaluation.evaluate import parse_crops
from fishprep.parsing.evaluation.scores import Confusion
from fishprep.parsing.labelled import LabelledFaces
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings, check_precision
from fishprep.parsing.networks.compact import CompactShape
from fishprep.parsing.networks.kinds import header_of, kind_of, network_kind, whole_network
from fishprep.parsing.training.batches import Batches
from fishprep.parsing.training.config import ParserTraining
from fishprep.parsing.training.folder import ParserRunFolder, append, keep, rewind, save_weights
from fishprep.parsing.training.parsed import ParsedCrops
from fishprep.parsing.training.state import ParserPosition, ParserState, as_damage
from fishprep.parsing.training.trainer import Trainer
from fishprep.storage.base import InUseError
from fishprep.storage.lock import locked

LOG_EVERY = 20  # steps
RANGED = 32  # views
FORMER: dict[str, Any] = {"network": "bisenet", "dice": 0.0, "parsed": 0.0, "sides": False, "parsed_crops": []}
"""What a training did that was begun before each of these could be chosen."""


@dataclass(frozen=True)
class ParserTrained:
    """News: `step` of `steps` steps are done; `loss` is the mean since the last news; `views` a second."""

    step: int
    steps: int
    loss: float
    views: float
    seconds_left: float


@dataclass(frozen=True)
class ParserValidated:
    """News: figures of the averaged weights on the crops of the validation faces after `step` steps."""

    step: int
    skin_iou: float
    mean_iou: float
    best: bool


ParserListener = Callable[[ParserTrained | ParserValidated], None]


@dataclass(frozen=True)
class ParserTrainingRequest:
    """What to train on, and where to.

    validation: faces of another split, of which at most `validation_faces` (evenly spread) are looked at every `every` steps;
        None: the newest weights are the best.
    init: weights to begin with; None: first weights drawn from the seed.
    parsed: crops that a parser has labelled, to train on too.
    threads: that draw views; the result does not depend on it.
    licence: written into the weights' header: the terms that the labelled faces bind them to.
    """

    out: Path
    config: ParserTraining
    faces: LabelledFaces
    validation: LabelledFaces | None
    landmarks: LandmarkBackend
    device: str = "cpu"
    precision: Precision = Precision.FLOAT32
    init: Path | None = None
    parsed: ParsedCrops | None = None
    threads: int = 1
    every: int = 500
    validation_faces: int = 100
    licence: str = ""
    overwrite: bool = False


@dataclass(frozen=True)
class ParserTrainingReport:
    """How a training ended: `reason` None at its last step. `weights`: the best so far, None where there are none yet."""

    position: ParserPosition
    reason: Reason | None
    weights: Path | None


def train_parser(
    request: ParserTrainingRequest, stop: StopRequest, listen: ParserListener = lambda news: None
) -> ParserTrainingReport:
    """Train to the last step, or until asked to stop; the same request goes on from there.

    Raises ConfigurationError: `out` is in use, or holds a training of other settings or faces. WeightsError: unfit `init`.
    BuildError: the loss is not finite, or the disk does not take what is written. SourceError: a face cannot be read any more.
    """
    try:
        with locked(request.out):
            return _Run(request, stop, listen).run()
    except InUseError as error:
        raise ConfigurationError(f"{request.out}: another training is writing into it") from error
    except OSError as error:
        raise BuildError(
            f"{error.filename or request.out}: cannot be read or written: {error.strerror or error}"
        ) from error


@dataclass
class _Meter:
    """Losses and time since the last news."""

    losses: list[float] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def news(self, step: int, config: ParserTraining) -> ParserTrained:
        seconds, count = time.monotonic() - self.since, len(self.losses)
        news = ParserTrained(
            step,
            config.steps,
            sum(self.losses) / count,
            count * config.batch / seconds,
            (config.steps - step) * seconds / count,
        )
        self.losses, self.since = [], time.monotonic()
        return news


class _Run:
    def __init__(self, request: ParserTrainingRequest, stop: StopRequest, listen: ParserListener) -> None:
        self._request, self._stop, self._listen = request, stop, listen
        self._config, self._folder = request.config, ParserRunFolder(request.out)
        self._device = resolve_device(request.device)
        check_precision(request.precision, self._device)
        if request.precision is Precision.INT8:
            raise ConfigurationError(
                "--precision int8: a parser is trained in float32 or bfloat16, and may be run in int8 then"
            )
        self._identity = _identity(request)
        self._position = ParserPosition()

    def run(self) -> ParserTrainingReport:
        torch.manual_seed(self._config.seed)
        net = self._first_network()
        self._trainer = Trainer(net, self._config, self._device, self._request.precision.dtype)
        self._crops = self._validation_crops()  # which may be refused: before anything in the folder is touched
        self._settle()
        self._views = self._first_views()
        reason = self._steps()
        best = self._folder.best if self._folder.best.exists() else None
        return ParserTrainingReport(self._position, reason, best)

    def _first_network(self) -> nn.Module:
        init, name = self._request.init, self._config.network
        if init is None:
            return network_kind(name).new({})
        if (found := kind_of(init)) != name:
            raise ConfigurationError(f"--init {init}: weights of the network {found}, but --network is {name}")
        return network_kind(name).begun(whole_network(init))

    def _settle(self) -> None:
        """Begin, or go on with what lies in the folder."""
        folder = self._folder
        folder.refuse_foreign()
        folder.sweep()
        if self._request.overwrite:
            folder.clear()
        if folder.state.exists():
            state = ParserState.load(folder.state)
            _refuse_other(folder.path, state.identity, self._identity)
            with as_damage(folder.state):
                self._trainer.restore(state)
            self._position = state.position
        write_text(folder.settings, json.dumps(self._identity | {"producer": _producer()}, indent=2) + "\n")
        rewind(folder.metrics, self._position.step)

    def _steps(self) -> Reason | None:
        config, started = self._config, self._position.step
        meter = _Meter()
        batches = Batches(self._request.faces, config, self._request.parsed).from_step(started, self._request.threads)
        for step, (views, classes) in enumerate(batches, start=started):
            began = time.monotonic()
            loss = self._trainer.step(step, views, classes)
            if loss != loss or loss == float("inf"):
                raise BuildError(f"step {step + 1}: the loss is {loss}; the last state stands. Try a smaller --lr")
            meter.losses.append(loss)
            self._advance(step + 1, time.monotonic() - began)
            if (step + 1) % LOG_EVERY == 0 or step + 1 == config.steps:
                self._log(meter.news(step + 1, config))
            reason = self._stop.reason if step + 1 < config.steps else None
            if (step + 1) % self._request.every == 0 or step + 1 == config.steps or reason is not None:
                self._pause(validate=reason is None)
                meter.since = time.monotonic()
            if reason is not None:
                return reason
        return None

    def _first_views(self) -> np.ndarray:
        """Some of what is trained on, the same whenever it is asked: the ranges of a compact network's weights are measured on it."""
        if self._config.network != COMPACT or self._position.step >= self._config.steps:
            return np.empty((0, self._config.size, self._config.size, 3), np.uint8)
        batches = Batches(self._request.faces, self._config, self._request.parsed).from_step(0, self._request.threads)
        count = -(-RANGED // self._config.batch)
        return np.concatenate([views for views, _ in islice(batches, count)])[:RANGED]

    def _advance(self, step: int, seconds: float) -> None:
        self._position = replace(self._position, step=step, seconds=self._position.seconds + seconds)

    def _log(self, news: ParserTrained) -> None:
        append(self._folder.metrics, {**asdict(news), "lr": self._trainer.rate(news.step - 1)})
        self._listen(news)

    def _pause(self, validate: bool) -> None:
        """Weights, a validation, and the state."""
        self._ranges = self._trainer.ranges(self._views)
        save_weights(self._folder.last, self._trainer.average(), self._header({}))
        if validate:
            self._validate()
        keep(self._folder.metrics)
        self._trainer.state(position=self._position, identity=self._identity).save(self._folder.state)

    def _validate(self) -> None:
        if not self._crops:
            save_weights(self._folder.best, self._trainer.average(), self._header({}))
            return
        precision = None if self._ranges else self._request.precision  # as whoever takes the weights runs them
        parser = NetworkParser(NetworkSettings(self._config.size, self._request.device, precision), self._folder.last)
        confusion = Confusion()
        for crop, found in zip(self._crops, parse_crops(parser, self._crops), strict=True):
            confusion.add(found, crop.classes)
        step, skin, mean = self._position.step, confusion.skin_iou(), confusion.mean_iou()
        best = self._position.best is None or skin > self._position.best
        if best:
            self._position = replace(self._position, best=skin, best_step=step)
            save_weights(self._folder.best, self._trainer.average(), self._header({"skin_iou": skin, "mean_iou": mean}))
        append(self._folder.metrics, {"step": step, "skin_iou": skin, "mean_iou": mean})
        self._listen(ParserValidated(step, skin, mean, best))

    def _validation_crops(self) -> list[LabelledCrop]:
        faces = self._request.validation
        if faces is None:
            return []
        count = min(len(faces), self._request.validation_faces)
        found = (
            labelled_crop(*faces.read(index * len(faces) // count), self._request.landmarks) for index in range(count)
        )
        crops = [crop for crop in found if crop is not None]
        if not crops:
            raise ConfigurationError("no face is found in any of the validation pictures")
        return crops

    def _header(self, figures: dict[str, float]) -> dict[str, str]:
        """What the weights say of themselves; `input` and `class_order` are what `NetworkParser` reads."""
        return {
            "input": f"{self._config.size}x{self._config.size} RGB in 0-1, ImageNet mean and std",
            "class_order": str(ClassOrder.FACEXLIB),
            **header_of(self._trainer.net),
            **self._ranges,
            "producer": _producer(),
            "step": str(self._position.step),
            "training": json.dumps(self._identity),
            "validation": json.dumps(figures),
            **({"licence": self._request.licence} if self._request.licence else {}),
        }


def _producer() -> str:
    return f"fishprep {__version__}, torch {torch.__version__}"


def _identity(request: ParserTrainingRequest) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    faces = request.faces
    told = [asdict(face) | {"picture": face.picture.name, "mask": face.mask.name} for face in faces.faces]
    digest = hashlib.sha256(json.dumps(told).encode())
    return {
        "config": request.config.record(),
        "precision": str(request.precision),
        "faces": len(faces),
        "faces_sha256": digest.hexdigest(),
        "init_sha256": None if request.init is None else sha256_file(request.init),
        "parsed_crops": [] if request.parsed is None else request.parsed.record,
        "shape": asdict(CompactShape()) if request.config.network == COMPACT else None,
    }


def _refuse_other(out: Path, stored: dict[str, Any], asked: dict[str, Any]) -> None:
    asked = json.loads(json.dumps(asked))
    changed = [f"{name}: {before} → {now}" for name, before, now in _pairs(stored, asked) if before != now]
    if changed:
        raise ConfigurationError(
            f"{out}: holds a training that differs ({'; '.join(changed)}); take another folder, or --overwrite"
        )


def _pairs(stored: dict[str, Any], asked: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    configs = FORMER | stored.get("config", {}), asked["config"]
    rest = [(name, stored.get(name, FORMER.get(name)), value) for name, value in asked.items() if name != "config"]
    return [(name, configs[0].get(name), value) for name, value in configs[1].items()] + rest
