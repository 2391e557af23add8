"""The state that an earlier sitting left, and whether a training may go on from it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from fishfsr.errors import CheckpointError, TrainingError
from fishfsr.training.config import TrainingConfig
from fishfsr.training.folder import RunFolder
from fishfsr.training.journal import ORDER
from fishfsr.training.state import TrainingState
from fishprep.storage.own import refuse_foreign

FREE_TO_CHANGE = ("log_every", "save_every", "validation")
MUST_AGREE = ("training shards", "init", "FAN")


def earlier_state(folder: RunFolder, resume: bool, overwrite: bool) -> TrainingState | None:
    """What is to be gone on from; None in an empty folder, and where a new run begins.

    Raises TrainingError where the folder holds a run and neither is asked for, CheckpointError where its state is damaged,
    ConfigurationError where a new run would replace files that are no run's.
    """
    if not folder.holds_run():
        refuse_foreign(folder.files, "run")
    if overwrite or not folder.state.exists():
        return None
    if not resume:
        raise TrainingError(f"{folder.path}: holds a run; go on with --resume, or begin anew with --overwrite")
    return TrainingState.load(folder.state)


def check_same(folder: RunFolder, state: TrainingState, config: TrainingConfig, identity: Mapping[str, Any]) -> None:
    """Raise TrainingError, which says what differs, where `state` is of another training, CheckpointError where it says nonsense."""
    try:
        earlier = TrainingConfig(**state.configuration)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise CheckpointError(f"{folder.state}: damaged, or of another version: {place}: {first['msg']}") from error
    same = {name: getattr(config, name) for name in FREE_TO_CHANGE}
    # A file of weights is known by its hash, not by its place.
    same["alignment"] = earlier.alignment.model_copy(update={"weights": config.alignment.weights})
    for stage in ORDER[ORDER.index(state.position.stage) + 1 :]:
        same[stage] = getattr(config, stage)  # nothing of it has been used
    changed = earlier.model_copy(update=same).differences(config)
    changed += [
        f"{name}: {state.identity.get(name)} → {identity.get(name)}"
        for name in MUST_AGREE
        if state.identity.get(name) != identity.get(name)
    ]
    if changed:
        raise TrainingError(
            f"{folder.path}: holds a run of other settings ({'; '.join(changed)}). Set them back to go on, choose "
            "another --out, or begin anew with --overwrite"
        )
