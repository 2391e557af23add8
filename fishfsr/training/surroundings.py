"""What a stage is trained in: the faces, the folder, the processes, and who listens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishfsr.data import ShardDataset
from fishfsr.data.split import shard_files, splits_in
from fishfsr.data.turns import TurningDataset, Turns
from fishfsr.errors import ConfigurationError, DataError
from fishfsr.methods.every import METHODS
from fishfsr.training.config import TrainingConfig
from fishfsr.training.folder import RunFolder
from fishfsr.training.journal import MetricsJournal, TrainingListener
from fishfsr.training.precision import Amp
from fishfsr.training.ranks import Ranks
from fishfsr.training.validation import Validator
from fishprep.common.stop import StopRequest

TRAIN, VALIDATION = "train", "val"


@dataclass(frozen=True)
class Surroundings:
    """Everything but the network. `validator` is None where nothing is validated."""

    config: TrainingConfig
    train: ShardDataset
    validator: Validator | None
    folder: RunFolder
    identity: dict[str, Any]
    amp: Amp
    ranks: Ranks
    journal: MetricsJournal
    stop: StopRequest
    listen: TrainingListener


@dataclass(frozen=True)
class TrainingFaces:
    """The faces that are trained on, those that are validated on, and what has to be said of them."""

    train: ShardDataset
    validation: ShardDataset | None
    notes: tuple[str, ...]


def collect_faces(
    shards: Sequence[Path], config: TrainingConfig, named: Sequence[str] = (), turns: Turns | None = None
) -> TrainingFaces:
    """Both splits over all `shards` (folders or files): an input need not hold both, and validation may be in none. named: what the
    user calls them, where that is not their paths. turns: of those to train on, where the disk does not hold them all.

    Raises DataError where nothing is to train on or the shards are of different recipes.
    """
    network = config.sr.network(config.scale)
    beside = METHODS[config.sr.architecture].objective.beside(network)
    if turns is None:
        train = ShardDataset(shards, TRAIN, config.scale, beside, config.where)
    elif config.where:
        raise DataError(
            "--where needs the rows beside the shards, and those of a bucket that take turns have none here"
        )
    else:
        train = TurningDataset(shards, TRAIN, config.scale, beside, turns)
    notes = [*train.notes] + [
        f"{path}: nothing to train on in it; its shards are of {', '.join(there)}"
        for path in shards
        if not {TRAIN, VALIDATION} & set(there := splits_in(path))
    ]
    if not config.validation.every:
        return TrainingFaces(train, None, tuple(notes))
    if not shard_files(shards, VALIDATION):
        notes.append(
            f"no shards of the split {VALIDATION!r} in {', '.join(named or map(str, shards))}: nothing is validated, and the newest "
            "weights are kept as the best. To validate, give a folder that has some (fishprep build --split)"
        )
        return TrainingFaces(train, None, tuple(notes))
    validation = ShardDataset(shards, VALIDATION, config.scale, beside, config.where)
    if validation.recipe != train.recipe:
        raise ConfigurationError("the validation shards were made by another recipe than the training shards")
    return TrainingFaces(train, validation, tuple(notes))
