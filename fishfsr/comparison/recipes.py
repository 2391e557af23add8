"""How the methods of a comparison are trained: each as published, or all by one recipe."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

from fishfsr.comparison.budget import TrainingBudget
from fishfsr.comparison.contestants import Contestant
from fishfsr.errors import ConfigurationError
from fishfsr.methods.base import Method
from fishfsr.registry import TAPER_WIDTHS
from fishfsr.training.config import Settings, merged
from fishfsr.training.presets import LAPTOP, SMALL_PARSING

Recipe = Literal["published", "common"]

COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "loss": "l1",
        "lr": 5e-4,
        "betas": (0.9, 0.99),
        "batch_size": 8,
        "warmup": 100,
        "schedule": "cosine",
        "final_lr": 0.01,
        "clip": 1.0,
        "ema": 0.995,
    }
)
"""One recipe for all; what a method is supervised by beside pixels stays."""

FIRST_WEIGHTS = "unit-variance"
"""Of FishFSRNet and TaperNet in the common recipe: the paper names none, and with PyTorch's all faces look alike for hundreds of steps.
A rival's come from its article."""

NORMALISED = "batch normalisation by the statistics of the weights that are kept"
"""Said of every recipe: what the last steps leave is of other weights, and the noise of a small batch."""

WARMUP_SHARE = 0.1
"""Of the steps that the rate rises over, at most."""

VALIDATIONS = 5
"""In a training by faces seen; one by the clock is validated every so many steps."""
VALIDATED_EVERY = 1000
SAVED_EVERY = 500


def check_recipe(recipe: str) -> None:
    """Raise ConfigurationError unless it is one of `Recipe`."""
    if recipe not in get_args(Recipe):
        raise ConfigurationError(f"no recipe {recipe!r}; there are {', '.join(get_args(Recipe))}")


def recipe_words(recipe: Recipe, budget: TrainingBudget) -> str:
    """The recipe in a sentence, for the head of the table."""
    if recipe == "published":
        return (
            "each method by its published settings as far as they are known (docs/methods.md), mirrored faces, "
            f"the weights of the best validation; {NORMALISED}"
        )
    rate = f"Adam at {COMMON['lr']:g}, betas {COMMON['betas'][0]} and {COMMON['betas'][1]}, after {COMMON['warmup']} steps of rise"
    falls = "then constant" if budget.minutes is not None else "then falling on a cosine"
    return (
        f"L1 on pixels (what a method is supervised by beside them stays), {rate}, {falls}, batches of "
        f"{COMMON['batch_size']}, gradients clipped at {COMMON['clip']:g}, mirrored faces, "
        f"weights averaged ({COMMON['ema']}), those of the best validation; first weights as in a method's article, "
        f"of FishFSRNet and TaperNet of unit variance; {NORMALISED}"
    )


def full_width(contestant: Contestant, scale: int) -> int:
    """Of the network as published."""
    if contestant.architecture == "tapernet":
        return TAPER_WIDTHS[scale]
    return contestant.method.config().width


def method_settings(contestant: Contestant, width: int, recipe: Recipe) -> Settings:
    """The settings of a method's training, as `fishfsr.train` takes them, but for what hangs on the budget."""
    own = _common(contestant.method) if recipe == "common" else _published(contestant.method)
    section = {"architecture": contestant.architecture, "width": width, **own, **contestant.switches}
    return {"sr": section}


def parsing_settings(width: int | None, recipe: Recipe) -> Settings:
    """Of ParsingNet, which methods that read a map share."""
    own = dict(SMALL_PARSING) if recipe == "common" else {}
    return {"parsing": own if width is None else {**own, "width": width}}


def alignment_settings(architecture: str, width: int, recipe: Recipe) -> Settings:
    """Of the network of landmarks, which methods of one width share; `architecture`: one of them."""
    own = {**COMMON, "loss": "mse"} if recipe == "common" else {}
    return {"sr": {"architecture": architecture, "width": width}, "alignment": own}


def _common(method: Method) -> Settings:
    return dict(COMMON) if method.rival else {**COMMON, "initial": FIRST_WEIGHTS}


def _published(method: Method) -> Settings:
    if method.name == "tapernet":  # ours: what it is shipped with
        return {name: value for name, value in LAPTOP["sr"].items() if name not in ("architecture", "width", "steps")}
    return dict(method.published)


def budgeted(settings: Settings, stage: str, budget: TrainingBudget) -> Settings:
    """Settings with the steps that the budget of `stage` comes to, a rise that fits into them, and validations."""
    section = settings[stage]
    steps = budget.steps(section.get("batch_size", 8))
    section = {**section, "steps": steps}
    if "warmup" in section:
        section["warmup"] = min(section["warmup"], round(WARMUP_SHARE * steps))
    if budget.minutes is not None and section.get("schedule") == "cosine":
        section["schedule"] = "constant"
    every = VALIDATED_EVERY if budget.minutes is not None else -(-steps // VALIDATIONS)
    # Slow methods make 500 steps in half an hour: what a loss of power may cost is what is between two validations.
    beside = {"validation": {"every": every, "faces": 100}, "log_every": 20, "save_every": min(every, SAVED_EVERY)}
    return merged(beside, merged(settings, {stage: section}))
