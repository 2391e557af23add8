"""The trained pairs at hand, and which of them fits a face."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fishfsr.checkpoint import Details
from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.inference.find import find_checkpoint
from fishfsr.inference.resolver import load
from fishfsr.inference.runner import InferenceOptions
from fishfsr.inference.sizes import largest_side, sides_served
from fishfsr.models.config import SCALES
from fishfsr.upscaling.resolver import Resolver
from fishfsr.upscaling.spoiled import looks_spoiled
from fishprep.common.files import sha256_file
from fishprep.faces.crop import CAN_TURN, RECIPES, UNCROPPED, CropRecipe
from fishprep.faces.pyramid import RESIZERS
from fishprep.shards.schema import HR_SIZE

WHICH_MODEL = "; ".join(f"of {HR_SIZE // scale} px: x{scale}" for scale in SCALES)
NO_MODEL = (
    "no checkpoint: give --model FILE.safetensors, once for each scale that is wanted. Faces whose crops have up to "
    f"{HR_SIZE - 1} px a side can be enlarged; the models by LR size: {WHICH_MODEL}.\n"
    "  install the trained ones:       pip install ./weights   (non-commercial use; then no --model is needed)\n"
    "  train one:                      fishfsr train SHARDS --scale 8 --out RUN   (then --model RUN/best.safetensors)\n"
    "  or convert the authors' files:  fishfsr models import FISHFSRNET.pth PARSINGNET.pth x8.safetensors"
)


@dataclass(frozen=True)
class FaceRecipe:
    """How LR faces were made in training: the crop, and the kernel (a key of `RESIZERS`) that resized it."""

    crop: CropRecipe = field(default_factory=CropRecipe)
    resizer: str = "pillow-bicubic"

    @classmethod
    def of(cls, details: Details) -> "FaceRecipe | None":
        """The recipe in `details.training["shards"]`, named as in a shard's configuration; None where it is not known.

        Raises ConfigurationError where it names what this version does not know.
        """
        stored = details.training.get("shards")
        if not isinstance(stored, dict) or stored.get("crop", UNCROPPED) == UNCROPPED:
            return None  # faces that somebody else had cropped, by a rule that nobody has told
        name, expand, resizer = stored["crop"], stored.get("expand"), stored.get("resizer", "pillow-bicubic")
        upright = stored.get("upright", False)
        known = name in RECIPES and resizer in RESIZERS and isinstance(expand, float | int | None)
        if not known or not isinstance(upright, bool) or (upright and name not in CAN_TURN):
            raise ConfigurationError(
                f"trained on faces of crop {name!r}, expand {expand!r}, upright {upright!r}, resizer {resizer!r}; known are the crops "
                f"{', '.join(RECIPES)} and the resizers {', '.join(RESIZERS)}"
            )
        return cls(CropRecipe(name, RECIPES[name][1] if expand is None else float(expand), upright), resizer)

    def to_dict(self) -> dict[str, object]:
        """Named as in a shard's configuration, where `upright` stands only if it is on."""
        expand = RECIPES[self.crop.name][1] if self.crop.expand is None else self.crop.expand
        turned = {"upright": True} if self.crop.upright else {}
        return {"crop": self.crop.name, "expand": expand, **turned, "resizer": self.resizer}


@dataclass(frozen=True, eq=False)
class FaceModel:
    """A trained pair with the name of its file; `sha256` is of that file, empty where there is none. precision: it runs in."""

    name: str
    resolver: Resolver
    sha256: str = ""
    precision: str = "float32"

    @property
    def scale(self) -> int:
        """HR over LR size."""
        return self.resolver.scale

    @property
    def lr_size(self) -> int:
        """Pixels a side of the LR faces that it was trained on."""
        return HR_SIZE // self.scale

    @property
    def trained_clean(self) -> bool:
        """Whether the checkpoint says that no LR face was degraded in training."""
        configuration = self.resolver.details.training.get("configuration")
        degradation = configuration.get("degradation") if isinstance(configuration, dict) else None
        return isinstance(degradation, dict) and degradation.get("share") == 0


class ModelSet:
    """Models of different scales, trained on faces of one recipe; of a scale one, or one for sharp and one for spoiled faces.

    `models`: all of them, by LR size.
    """

    def __init__(
        self, models: Sequence[FaceModel], recipe: FaceRecipe | None = None, upright: bool | None = None
    ) -> None:
        """`recipe` overrides what the checkpoints say; without either it is the default. `upright` overrides that of either.

        Raises ConfigurationError for no model, two of one scale and one purpose, different recipes, and an `upright` that the crop
        does not know.
        """
        if not models:
            raise ConfigurationError(NO_MODEL)
        self.models = tuple(sorted(models, key=lambda model: (model.lr_size, not model.trained_clean)))
        self._fitting: list[FaceModel] = []
        self._for_spoiled: dict[int, FaceModel] = {}
        for model in self.models:
            self._add(model)
        known = None if recipe is not None else _common_recipe(self.models, upright)
        self.recipe_known = recipe is not None or known is not None
        self.recipe = _turned(recipe or known or FaceRecipe(), upright)
        if self.recipe.crop.upright and self.recipe.crop.name not in CAN_TURN:
            raise ConfigurationError(
                f"--upright goes with the crop {' or '.join(sorted(CAN_TURN))}, not {self.recipe.crop.name}"
            )

    def _add(self, model: FaceModel) -> None:
        first = next((other for other in self._fitting if other.scale == model.scale), None)
        if first is None:
            self._fitting.append(model)
        elif first.trained_clean and not model.trained_clean and model.scale not in self._for_spoiled:
            self._for_spoiled[model.scale] = model
        else:
            raise ConfigurationError(
                f"{first.name} and {model.name} are both x{model.scale}: give one per scale, or one trained on sharp faces and one "
                "on spoiled ones"
            )

    @property
    def largest(self) -> FaceModel:
        """The model with the largest LR size."""
        return self._fitting[-1]

    @property
    def largest_scale(self) -> int:
        """Of the models."""
        return max(model.scale for model in self.models)

    def for_crop(self, side: float, force: bool) -> FaceModel | None:
        """The model for a crop of `side` pixels: the one with the smallest LR size that takes it (`largest_side`).

        Where there is none: None, or with `force` the one with the largest LR size, whatever is lost.
        """
        for model in self._fitting:
            if side <= largest_side(model.scale, model is self.largest):
                return model
        return self.largest if force else None

    def for_aligned(self, side: int) -> FaceModel:
        """The model whose LR size is nearest, as a ratio, to an LR face that goes straight through."""
        return min(self._fitting, key=lambda model: abs(math.log(model.lr_size / side)))

    @property
    def sharp_only(self) -> tuple[FaceModel, ...]:
        """Those that were trained on sharp faces alone, and have none for spoiled faces beside them."""
        return tuple(model for model in self._fitting if model.trained_clean and model.scale not in self._for_spoiled)

    def for_pixels(self, model: FaceModel, lr: np.ndarray) -> FaceModel:
        """`model`, or the one of its scale for spoiled faces where there is one and the face looks spoiled.

        `lr` (h, w, 3) uint8: the face as the model is given it.
        """
        other = self._for_spoiled.get(model.scale)
        return other if other is not None and looks_spoiled(other.resolver, lr) else model

    def to_dict(self) -> dict[str, object]:
        """Scale to file name, SHA-256 and precision: what a resumed run must agree on."""
        spoiled = self._for_spoiled.values()
        return {
            f"x{model.scale}{'-wild' if model in spoiled else ''}": {
                "file": model.name,
                "sha256": model.sha256,
                "precision": model.precision,
            }
            for model in self.models
        }


def load_models(
    models: Sequence[str | Path],
    device: str = "auto",
    options: InferenceOptions | None = None,
    recipe: FaceRecipe | None = None,
    upright: bool | None = None,
) -> ModelSet:
    """Load what `models` mean to `fishfsr.load`. Raises as that does, and ConfigurationError as `ModelSet` does."""
    return ModelSet([_load_model(find_checkpoint(model), device, options) for model in models], recipe, upright)


def _load_model(path: Path, device: str, options: InferenceOptions | None) -> FaceModel:
    resolver = load(path, device, options=options)
    try:
        if resolver.sr_net.config.needs_map:
            _ = resolver.parsing_net  # to be missed here, not after the first photo was searched
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return FaceModel(path.name, resolver, sha256_file(path), resolver.options.precision)


def needed_scale(side: float) -> int | None:
    """The scale whose model would be taken for a crop of `side` pixels if there was one of each; None where none would."""
    return next((scale for scale, (_, largest) in sides_served(SCALES).items() if side <= largest), None)


def _turned(recipe: FaceRecipe, upright: bool | None) -> FaceRecipe:
    """A recipe with `upright` as it is said, where it is said."""
    return recipe if upright is None else replace(recipe, crop=replace(recipe.crop, upright=upright))


def _common_recipe(models: Sequence[FaceModel], upright: bool | None) -> FaceRecipe | None:
    found: dict[FaceRecipe, str] = {}
    for model in models:
        try:
            recipe = FaceRecipe.of(model.resolver.details)
        except ConfigurationError as error:
            raise ConfigurationError(f"{model.name}: {error}") from error
        if recipe is not None:
            found.setdefault(_turned(recipe, upright), model.name)
    if len(found) > 1:
        (first, name), (second, other) = list(found.items())[:2]
        raise ConfigurationError(
            f"{name} was trained on faces of another recipe than {other} ({first.to_dict()}, {second.to_dict()}): "
            "run them one by one, or choose with --crop"
        )
    return next(iter(found), None)
