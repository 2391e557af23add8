"""What a comparison will do, put together before anything is done: who, how trained, by which seeds, and what is shared."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from fishfsr.comparison.budget import TrainingBudget
from fishfsr.comparison.contestants import Contestant, chosen, known_names, reference_of
from fishfsr.comparison.recipes import (
    Recipe,
    alignment_settings,
    budgeted,
    check_recipe,
    full_width,
    method_settings,
    parsing_settings,
)
from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.settings import EvaluationSettings
from fishfsr.methods.fan import FanWeights
from fishfsr.models.config import check_scale
from fishfsr.training.config import Settings, TrainingConfig, flat, merged, parse_assignments
from fishfsr.training.start import training_config

PARSING_WIDTH = "parsingnet"
"""Under this name a width is ParsingNet's."""
ALIGNED = "superfan"
"""The method whose stage trains the networks of landmarks."""
SAID_BY = {"scale": "--scale", "seed": "--seeds", "preset": "--recipe"}
"""Settings of a training that a comparison has words of its own for."""


@dataclass(frozen=True)
class ComparisonSettings:
    """Settings of `compare`.

    `methods`: `all`, `ablations`, or names with commas between them. `widths`: by the method's name, "" for all that are not named;
    the published ones where nothing is said. `seeds`: trainings of each method. `settings`: laid over those of every training, as
    `fishfsr train --set` takes them; behind a method's name, `superfan.alignment.aligner=fan`, over those of that one alone.
    `evaluation`: how all are measured, and on what.
    """

    budget: TrainingBudget
    methods: str = "all"
    scale: int = 8
    recipe: Recipe = "published"
    widths: Mapping[str, int] = field(default_factory=dict)
    seeds: int = 1
    settings: tuple[str, ...] = ()
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        check_recipe(self.recipe)
        check_scale(self.scale)
        if self.seeds < 1:
            raise ConfigurationError(f"seeds = {self.seeds}: at least one")


@dataclass(frozen=True)
class Shared:
    """A network that several trainings need: its `stage`, its `settings` and what they come to, and its `width`."""

    stage: Literal["parsing", "alignment"]
    width: int
    settings: Settings
    config: TrainingConfig

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.stage}-{self.width}"


@dataclass(frozen=True)
class Entrant:
    """One training of a contestant by one seed; `needs`: the shared network, if any. `config`: what `settings` come to; `own`: those
    among them that were said of this contestant alone."""

    contestant: Contestant
    seed: int
    width: int
    full_width: int
    settings: Settings
    config: TrainingConfig
    needs: Shared | None
    own: Settings

    @property
    def changed(self) -> str:
        """What was said of it alone, as it is said; but for the place of weights, which are told by their hash."""
        return ", ".join(f"{name}={value}" for name, value in flat(self.own).items() if name != "alignment.weights")

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.contestant.name}-{self.seed}" if self.seed else self.contestant.name


@dataclass(frozen=True)
class ComparisonPlan:
    """All trainings of a comparison, the seeds of a contestant side by side."""

    settings: ComparisonSettings
    contestants: tuple[Contestant, ...]
    entries: tuple[Entrant, ...]

    @property
    def reference(self) -> str:
        """Who the others are held against."""
        return reference_of({each.name for each in self.contestants})

    @property
    def shared(self) -> tuple[Shared, ...]:
        """The networks that entries need, each once."""
        return tuple({each.needs.name: each.needs for each in self.entries if each.needs is not None}.values())

    @property
    def order(self) -> tuple[Entrant, ...]:
        """As they are trained: the reference first, so that what is there can be held against it; first seeds before others."""
        return tuple(sorted(self.entries, key=lambda each: (each.seed, each.contestant.name != self.reference)))

    def facts(self, fans: Mapping[str, FanWeights]) -> dict[str, Any]:
        """What must be the same for a comparison to go on, ready for JSON: of the whole, and of each training by its name.

        fans: by the contestant's name; they are known by their hash, not by their place.
        """
        said = self.settings
        every: list[Shared | Entrant] = [*self.shared, *self.entries]
        trainings = {
            each.name: each.config.model_dump(mode="json", exclude={"alignment": {"weights"}}) for each in every
        }
        for entry in self.entries:
            if entry.contestant.name in fans:
                trainings[entry.name]["FAN"] = fans[entry.contestant.name].sha256
        return {
            "scale": said.scale,
            "budget": {name: value for name, value in asdict(said.budget).items() if value is not None},
            "recipe": said.recipe,
            "trainings": trainings,
        }


def comparison_plan(settings: ComparisonSettings) -> ComparisonPlan:
    """The plan of these settings. Raises ConfigurationError that names what is wrong, before anything is written."""
    contestants = chosen(settings.methods)
    known = {each.name for each in contestants} | {"", PARSING_WIDTH}
    if unknown := sorted(settings.widths.keys() - known):
        raise ConfigurationError(f"a width for {unknown[0]!r}, which does not take part")
    over, own = _said(settings.settings, {each.name for each in contestants})
    entries = [
        _entry(each, seed, settings, over, own.get(each.name, {}))
        for each in contestants
        for seed in range(settings.seeds)
    ]
    return ComparisonPlan(settings, contestants, tuple(entries))


def _said(texts: Sequence[str], names: set[str]) -> tuple[Settings, dict[str, Settings]]:
    """What is said of all, and of some contestants alone by their names. Raises ConfigurationError for what no method can be told."""
    over = parse_assignments(texts)
    named = {name: over.pop(name) for name in known_names() if name in over}
    if strange := sorted(named.keys() - names):
        raise ConfigurationError(f"a setting for {strange[0]!r}, which does not take part")
    for name, values in named.items():
        if not isinstance(values, dict):
            raise ConfigurationError(f"--set {name}: expected {name}.SECTION.NAME=VALUE, for example {name}.sr.lr=1e-3")
    for values in (over, *named.values()):
        for name in flat(values):
            if name in SAID_BY or name.endswith(".steps"):
                raise ConfigurationError(f"{name}: set by {SAID_BY.get(name, '--budget')}")
    return over, named


def _entry(contestant: Contestant, seed: int, settings: ComparisonSettings, over: Settings, own: Settings) -> Entrant:
    full = full_width(contestant, settings.scale)
    width = settings.widths.get(contestant.name, settings.widths.get("", full))
    asked = merged(method_settings(contestant, width, settings.recipe), merged(over, own))
    asked = budgeted(asked, "sr", settings.budget)
    config = training_config("paper", {"scale": settings.scale, "seed": seed}, asked, None, None)
    if config.sr.width != width:
        raise ConfigurationError("sr.width: widths are set by --width, which the table names")
    needs = _needed(contestant, config, settings, over)
    if needs is not None and needs.stage in own:
        raise ConfigurationError(
            f"{contestant.name}.{needs.stage}: that network may be shared with others; --set {needs.stage}.NAME=VALUE is for all"
        )
    return Entrant(contestant, seed, width, full, asked, config, needs, own)


def _needed(
    contestant: Contestant, config: TrainingConfig, settings: ComparisonSettings, over: Settings
) -> Shared | None:
    recipe, scale = settings.recipe, settings.scale
    if config.sr.network(scale).needs_map:
        own = parsing_settings(settings.widths.get(PARSING_WIDTH), recipe)
        asked = budgeted(merged(own, _without_sr(over)), "parsing", settings.budget)
        resolved = training_config("paper", {"scale": scale}, asked, None, None)
        return Shared("parsing", resolved.parsing.width, asked, resolved)
    if contestant.method.needs_aligner and config.alignment.aligner == "own":
        # by the same method for every width: what trains it must not hang on who is compared
        own = alignment_settings(ALIGNED, config.sr.width, recipe)
        asked = budgeted(merged(own, _without_sr(over)), "alignment", settings.budget)
        return Shared(
            "alignment", config.sr.width, asked, training_config("paper", {"scale": scale}, asked, None, None)
        )
    return None


def _without_sr(over: Settings) -> Settings:
    """What is said of the methods' own stage is nothing to the networks that they share."""
    return {name: value for name, value in over.items() if name != "sr"}


def parse_widths(texts: Sequence[str]) -> dict[str, int]:
    """`16` for all, `srcnn=64` for one, as the command line spells them. Raises ConfigurationError.

    >>> parse_widths(["16", "srcnn=64"])
    {'': 16, 'srcnn': 64}
    """
    found: dict[str, int] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if not number.strip().isdecimal():
            raise ConfigurationError(f"no width {text!r}: say 16, or srcnn=64 for one method")
        found[name.strip()] = int(number)
    return found
