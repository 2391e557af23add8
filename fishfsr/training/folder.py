"""The files of a run."""

from dataclasses import dataclass
from pathlib import Path

from fishfsr.training.journal import ORDER, tensorboard_files
from fishfsr.training.state import is_state
from fishprep.common.files import remove_in_turn
from fishprep.storage.folder import FolderStorage
from fishprep.storage.own import says

NOT_FINITE = "not-finite-"
_RECORDED = ("configuration", "shards", "identity")


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it writes."""

    path: Path

    @property
    def configuration(self) -> Path:
        """The resolved configuration, JSON."""
        return self.path / "configuration.json"

    @property
    def state(self) -> Path:
        """All that is needed to go on."""
        return self.path / "state.safetensors"

    @property
    def metrics(self) -> Path:
        """Losses and validations, a JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def curves(self) -> Path:
        """The picture of them."""
        return self.path / "curves.png"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's folder."""
        return self.path / "tensorboard"

    def best(self, stage: str) -> Path:
        """Checkpoint of a stage's best weights: `parsing.safetensors`, or `best.safetensors` for the pair."""
        return self.path / ("best.safetensors" if stage == "sr" else f"{stage}.safetensors")

    def last(self, stage: str) -> Path:
        """Checkpoint of a stage's newest weights."""
        return self.path / ("last.safetensors" if stage == "sr" else f"{stage}-last.safetensors")

    @property
    def files(self) -> list[Path]:
        """Every file that a run writes, in the order in which they may go: first what would be gone on from, last what it is known by."""
        weights = [path for stage in ORDER for path in (self.best(stage), self.last(stage))]
        return [
            self.state,
            *tensorboard_files(self.tensorboard),
            *weights,
            self.curves,
            self.metrics,
            self.configuration,
        ]

    def holds_run(self) -> bool:
        """Whether a run wrote here, be it damaged or stopped at its very start."""
        return says(self.configuration, _RECORDED) or is_state(self.state)

    def sweep(self) -> None:
        """Remove what a run that was killed left half written; only while the folder is locked."""
        names = {path.name for path in self.files}
        FolderStorage(self.path).sweep(lambda name: name in names or name.startswith(NOT_FINITE))

    def not_finite(self, stage: str, step: int, rank: int) -> Path:
        """Where the faces of a step go that was not finite."""
        return self.path / f"{NOT_FINITE}{stage}-{step}-{rank}.safetensors"

    def clear(self) -> None:
        """Remove what an earlier run wrote here, and nothing else; wherever that is stopped, no state goes on without its weights."""
        remove_in_turn(self.files)
