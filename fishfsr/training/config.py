"""Every choice of a training in one validated, frozen record: preset < architecture of `--init` < file < `--set`."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fishfsr.data.degradation import Degradation
from fishfsr.errors import ConfigurationError
from fishfsr.methods.base import AlignerName
from fishfsr.methods.every import METHODS
from fishfsr.models.config import ParsingNetConfig, SrNetConfig, check_scale
from fishfsr.registry import ARCHITECTURES
from fishfsr.training.presets import PRESETS
from fishprep.common.errors import FishPrepError
from fishprep.common.files import read_text
from fishprep.common.where import spelt

TrainingPrecision = Literal["auto", "float32", "bfloat16", "float16"]
Loss = Literal["l1", "mse", "log-mse", "published"]
TRAINED = tuple(METHODS)
Settings = dict[str, Any]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
AtLeastOne = Annotated[int, Field(ge=1)]


def _known(architecture: str) -> str:
    if architecture not in METHODS:
        raise ValueError(f"no such method; there are {', '.join(METHODS)}")
    return architecture


def _spelt(where: str) -> str:
    """A condition in its one spelling; empty: none."""
    try:
        return spelt(where) if where else ""
    except FishPrepError as error:
        raise ValueError(error) from error


class Section(BaseModel):
    """A table of the configuration file; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StageSection(Section):
    """How one network is trained. The defaults are the paper's where it names a figure (section IV-B).

    `initial`: how the first weights are drawn. `batch_size`: faces of one step, over all processes and accumulated
    parts, so that a run does not depend on how many there are. `accumulate`: parts that a step is computed in. `lr`
    rises linearly over `warmup` steps, then stays, or falls on a cosine to `lr · final_lr` at `steps`. `clip`:
    largest norm of the gradient, 0 leaves it as it is. `finish`: the loss of the last `finish_share` of the steps.
    `ema`: decay of the averaged weights, which are what is validated and kept; 0 leaves them out.
    """

    initial: Literal["pytorch", "unit-variance"] = "pytorch"
    steps: AtLeastOne = 100_000
    batch_size: AtLeastOne = 8
    accumulate: AtLeastOne = 1
    loss: Loss = "l1"
    finish: Loss = "mse"
    finish_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    lr: Positive = 1e-4
    betas: tuple[Fraction, Fraction] = (0.9, 0.99)
    eps: Positive = 1e-8
    warmup: Annotated[int, Field(ge=0)] = 0
    schedule: Literal["constant", "cosine"] = "constant"
    final_lr: Annotated[float, Field(ge=0, le=1)] = 0.0
    clip: Annotated[float, Field(ge=0)] = 0.0
    ema: Fraction = 0.0

    def loss_at(self, step: int) -> Loss:
        """The loss of step `step`, from 0."""
        return self.finish if step >= round(self.steps * (1 - self.finish_share)) else self.loss


class ParsingSection(StageSection):
    """Stage 1: ParsingNet, with `blocks` residual blocks."""

    width: int = 64
    blocks: int = 8

    def network(self) -> ParsingNetConfig:
        """The network's own record. Raises ConfigurationError."""
        return ParsingNetConfig(width=self.width, blocks=self.blocks)


class AlignmentSection(StageSection):
    """The network of landmarks that some methods are trained with.

    `aligner`: `own` is trained in this stage, as wide as the network that enlarges; `fan`, where a method takes it, is FAN with
    its own weights, and then there is no such stage. `weights`: a file of these; empty: those that `fishprep models` knows.
    """

    steps: AtLeastOne = 20_000
    aligner: AlignerName = "own"
    weights: str = ""


class SrSection(StageSection):
    """The last stage: the network that enlarges, by its `architecture`, the name of a method (docs/methods.md).

    FishFSRNet has the switches of Table III, `global_residual` adds the bicubic enlargement to its output, and with
    `narrowest` it is wide at the LR size and narrow above. TaperNet has `blocks` and `blocks_above`. What only one of the
    other methods knows stands in `options`.
    """

    architecture: Annotated[str, AfterValidator(_known)] = "fishfsrnet"
    width: int = 64
    options: Mapping[str, bool | int | float] = Field(default_factory=dict)
    steps: AtLeastOne = 400_000
    spatial_attention: bool = True
    channel_attention: bool = True
    parsing_branch: bool = True
    multi_scale_refine: bool = True
    use_map: bool = True
    global_residual: bool = False
    narrowest: int = 0

    blocks: int = 8
    blocks_above: int = 2

    def network(self, scale: int) -> SrNetConfig:
        """The network's own record. Raises ConfigurationError, also for an option that the architecture has not."""
        kind = ARCHITECTURES[self.architecture].config
        own = {field.name for field in dataclasses.fields(kind)}
        if METHODS[self.architecture].rival:
            own -= {"use_map"}
        foreign = [name for name in ARCHITECTURE_OPTIONS - own if getattr(self, name) != _default(name)]
        if METHODS[self.architecture].rival and self.initial != "pytorch":
            foreign.append("initial")
        if foreign:
            raise ConfigurationError(f"sr.{min(foreign)}: {self.architecture} has no such option")
        chosen = {name: getattr(self, name) for name in ARCHITECTURE_OPTIONS & own}
        config = kind.from_dict({"scale": scale} | chosen | dict(self.options))
        assert isinstance(config, SrNetConfig)
        return config


ARCHITECTURE_OPTIONS = (
    frozenset(SrSection.model_fields) - frozenset(StageSection.model_fields) - {"architecture", "options"}
)
"""The fields of [sr] that describe the network; each architecture has some of them."""


def _default(name: str) -> Any:
    return SrSection.model_fields[name].default


class Validation(Section):
    """`every`: steps between two validations, 0 never. `faces`: of the validation split, evenly spread; None takes all."""

    every: Annotated[int, Field(ge=0)] = 2000
    faces: AtLeastOne | None = None
    batch_size: AtLeastOne = 8


class TrainingConfig(Section):
    """A whole training. `docs/training.md` explains each field."""

    preset: str = "paper"
    scale: int = 8
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    precision: TrainingPrecision = "float32"
    channels_last: bool = True
    compile: bool = False
    flip: bool = True
    where: Annotated[str, AfterValidator(_spelt)] = ""
    window: Annotated[int, Field(ge=0)] = 0
    log_every: AtLeastOne = 50
    save_every: AtLeastOne = 1000
    parsing: ParsingSection = ParsingSection()
    alignment: AlignmentSection = AlignmentSection()
    sr: SrSection = SrSection()
    validation: Validation = Validation()
    degradation: Degradation = Degradation()

    def differences(self, other: "TrainingConfig") -> list[str]:
        """`sr.lr: this → other` for every field in which two configurations differ."""
        mine, theirs = flat(self.model_dump(mode="json")), flat(other.model_dump(mode="json"))
        return [f"{name}: {value} → {theirs[name]}" for name, value in mine.items() if theirs[name] != value]


def resolve_training(preset: str, *layers: Settings) -> TrainingConfig:
    """The preset with `layers` on top, the last one wins. Raises ConfigurationError that names every wrong key."""
    if preset not in PRESETS:
        raise ConfigurationError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    values: Settings = {"preset": preset}
    for layer in (PRESETS[preset], *layers):
        values = merged(values, layer)
    try:
        config = TrainingConfig(**values)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_problem(problem) for problem in error.errors())) from error
    check_scale(config.scale)
    config.parsing.network(), config.sr.network(config.scale)
    _check_aligner(config)
    return config


def _check_aligner(config: TrainingConfig) -> None:
    method, asked = METHODS[config.sr.architecture], config.alignment
    if asked.aligner != "own" and asked.aligner not in method.aligners:
        why = "trains the network of landmarks on" if method.needs_aligner else "has no network of landmarks"
        raise ConfigurationError(f"alignment.aligner = {asked.aligner}: {method.name} {why}")
    if asked.weights and asked.aligner != "fan":
        raise ConfigurationError("alignment.weights: read only with alignment.aligner=fan")


def read_settings(path: Path) -> Settings:
    """The tables of a TOML file. Raises ConfigurationError."""
    try:
        return tomllib.loads(read_text(path))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: not a TOML file: {error}") from error


def parse_assignments(assignments: Sequence[str]) -> Settings:
    """`sr.width=16` and the like → nested tables; values are TOML, or else plain text. Raises ConfigurationError."""
    settings: Settings = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        keys = name.strip().split(".")
        if not equals or not all(keys):
            raise ConfigurationError(f"--set {assignment}: expected SECTION.NAME=VALUE, for example sr.width=16")
        value: Any = _value(text.strip())
        for key in reversed(keys):
            value = {key: value}
        settings = merged(settings, value)
    return settings


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Settings:
    """Tables laid over tables; where both have a table under one name, those are merged."""
    result = dict(under)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = merged(result[name], value) if both else value
    return result


def flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"sr": {"lr": 1}}` → `{"sr.lr": 1}`."""
    items: dict[str, Any] = {}
    for name, value in tables.items():
        items |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return items


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _problem(problem: Any) -> str:
    location = [str(part) for part in problem["loc"]]
    name = ".".join(location)
    if problem["type"] != "extra_forbidden":
        return f"{name}: {problem['msg']} (given: {problem['input']!r})"
    section: Any = TrainingConfig
    for part in location[:-1]:
        section = section.model_fields[part].annotation
    return f"unknown key {name!r}; known are {', '.join(section.model_fields)}"
