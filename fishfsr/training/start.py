"""The way in, of programs and of `fishfsr train`: choices → a configuration → a training."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fishfsr.data.near import Fetching
from fishfsr.errors import ConfigurationError
from fishfsr.training.config import TrainingConfig, flat, merged, parse_assignments, read_settings, resolve_training
from fishfsr.training.journal import Note, TrainingListener, TrainingNews, Validated
from fishfsr.training.request import StageChoice, TrainingOutcome, TrainingRequest, init_settings
from fishfsr.training.run import run_training

Choices = Mapping[str, Any] | Sequence[str]
"""Settings by name, `{"sr.width": 16}` or in tables `{"sr": {"width": 16}}`; or texts as the command's `--set` takes them."""


def _deaf(news: TrainingNews) -> None:
    """News that nobody asked for."""


def train(
    shards: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    scale: int | None = None,
    preset: str | None = None,
    settings: Choices = (),
    config: Path | Mapping[str, Any] | None = None,
    seed: int | None = None,
    stage: StageChoice = "both",
    init: Path | None = None,
    device: str = "auto",
    resume: bool = True,
    overwrite: bool = False,
    max_minutes: float | None = None,
    tensorboard: bool = False,
    cache: Path | None = None,
    cache_size: float | None = None,
    listen: TrainingListener = _deaf,
) -> TrainingOutcome:
    """Train ParsingNet, then the network that enlarges, on shards, into the folder `out`; both are in the outcome's `checkpoint`.

    `shards`: folders, files or buckets (`s3://bucket/prefix`, fetched once into the folder `cache`) of one recipe. `cache_size`: GB
    that these may take there; where they are more, some shards at a time are fetched and trained on (`window` in the configuration).
    `preset`: "paper" unless `config`, a TOML file or what is in one, names another; its
    settings are laid over the preset's, `settings` over those, `scale` and `seed` over all (docs/training.md). `init`: a checkpoint
    to go on from.
    `resume`: go on with the training that `out` holds, to the same bytes as without a stop; `overwrite`: begin anew there.
    `max_minutes`: validate, save and stop then, as Ctrl-C does. `listen` hears what the command prints. The caller's random
    numbers go on as if nothing had been trained.

    Raises FishFSRError (ConfigurationError, CheckpointError, DataError, TrainingError, ...), DeviceError, and ShardError for a
    damaged shard.
    """
    resolved = training_config(preset, {"scale": scale, "seed": seed}, settings, config, init)
    paths = [shards] if isinstance(shards, str | Path) else shards
    fetching = Fetching(("train", "val"), resolved.scale, cache)
    near = fetching.in_turns(paths, cache_size, resolved.window, lambda text: listen(Note(text)))
    resolved = resolved.model_copy(update={"window": near.window})
    request = TrainingRequest(
        shards=near.paths,
        turns=near.turns,
        named=tuple(map(str, paths)),
        out=Path(out),
        config=resolved,
        stage=stage,
        init=init,
        device=device,
        resume=resume,
        overwrite=overwrite,
        max_minutes=max_minutes,
        tensorboard=tensorboard,
    )
    figures: dict[str, dict[str, float]] = {}

    def hear(news: TrainingNews) -> None:
        if isinstance(news, Validated) and news.best:
            figures[news.stage] = dict(news.figures)
        listen(news)

    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        return replace(run_training(request, hear), figures=figures)


def training_config(
    preset: str | None,
    named: Mapping[str, Any],
    settings: Choices,
    config: Path | Mapping[str, Any] | None,
    init: Path | None,
) -> TrainingConfig:
    """The configuration of a training. named: settings of their own names, None where nothing was said.

    Raises ConfigurationError that names what is wrong, CheckpointError for `init`.
    """
    built_in = {} if init is None else init_settings(init)
    given = read_settings(config) if isinstance(config, Path) else dict(config or {})
    asked = merged(given, _tables(settings))
    asked = merged(asked, {name: value for name, value in named.items() if value is not None})
    by_file = asked.pop("preset", "paper")
    resolved = resolve_training(preset or by_file, built_in, asked)
    values = flat(resolved.model_dump())
    for name, value in flat(built_in).items():
        if values[name] != value:
            raise ConfigurationError(f"{name} = {values[name]}, but the network in {init} has {value}")
    return resolved


def _tables(settings: Choices) -> dict[str, Any]:
    """Dotted names as nested tables."""
    if not isinstance(settings, Mapping):
        return parse_assignments(settings)
    tables: dict[str, Any] = {}
    for name, value in settings.items():
        for key in reversed(name.split(".")):
            value = {key: value}
        tables = merged(tables, value)
    return tables
