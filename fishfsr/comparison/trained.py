"""One training of a comparison, from its start or from where it stopped, and the record of what came of it."""

import json
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from fishfsr.comparison.budget import TrainingBudget
from fishfsr.errors import FishFSRError, TrainingError
from fishfsr.training.folder import RunFolder
from fishfsr.training.request import StageChoice, TrainingOutcome
from fishfsr.training.state import read_position
from fishprep.common.errors import FishPrepError
from fishprep.common.files import read_text, sha256_file, write_text
from fishprep.common.stop import Reason

EXPECTED = (FishFSRError, FishPrepError, OSError)
"""What is told in its own words; any other exception is a defect, and kept with its traceback."""

RunTraining = Callable[[float | None], TrainingOutcome]
"""Takes the minutes that are left (None: as many as the steps take), and trains."""


@dataclass(frozen=True)
class Account:
    """What came of a training: `checkpoint` by its file and SHA-256, or the `error` that ended it.

    `seconds`: of steps and validations over all sittings. `faces`: seen, each as often as it was.
    """

    checkpoint: str | None = None
    sha256: str | None = None
    steps: int = 0
    faces: int = 0
    seconds: float = 0.0
    error: str | None = None
    trace: str | None = None

    @property
    def path(self) -> Path:
        """Of the checkpoint. Only where there is one."""
        assert self.checkpoint is not None
        return Path(self.checkpoint)


_ACCOUNT = TypeAdapter(Account)


class Stopped(Exception):
    """A training was asked to stop; `reason` as `StopRequest` says."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Training:
    """A training of `stage` in the folder `run` by `budget`, `batch_size` faces a step; its record stands beside the folder."""

    run: Path
    stage: StageChoice
    batch_size: int
    budget: TrainingBudget

    @property
    def record(self) -> Path:
        """The file of the account."""
        return self.run.with_name(f"{self.run.name}.json")

    def done(self) -> Account | None:
        """The account of an earlier sitting that finished, where its checkpoint is still that one."""
        try:
            found = _ACCOUNT.validate_json(read_text(self.record))
        except (OSError, ValueError):
            return None
        if found.error is not None or found.checkpoint is None:
            return None
        path = self.run / Path(found.checkpoint).name
        return replace(found, checkpoint=str(path)) if path.is_file() and sha256_file(path) == found.sha256 else None

    def account(self, train: RunTraining) -> Account:
        """Train what is left of the budget; a failure is an account too. Raises Stopped where it was asked to stop."""
        try:
            found = self._trained(train)
        except (Stopped, KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception as error:
            text = str(error) or type(error).__name__
            if isinstance(error, EXPECTED):
                found = Account(error=text)
            else:
                found = Account(error=f"{type(error).__name__}: {text}", trace=traceback.format_exc())
        self._write(found)
        return found

    def _trained(self, train: RunTraining) -> Account:
        state = RunFolder(self.run).state
        left = self.budget.minutes_left(read_position(state).seconds if state.exists() else 0.0)
        if left is None or left > 0:
            outcome = train(left)
            if outcome.reason in ("interrupted", "terminated"):
                raise Stopped(outcome.reason)
        position = read_position(state)
        if position.stage != self.stage:
            raise TrainingError(f"{self.run}: is in the stage {position.stage}, not {self.stage}")
        folder = RunFolder(self.run)
        best, last = folder.best(self.stage), folder.last(self.stage)
        path = best if best.exists() else last
        return Account(str(path), sha256_file(path), position.step, position.step * self.batch_size, position.seconds)

    def _write(self, account: Account) -> None:
        """With the checkpoint by its name alone: the folder can be moved."""
        values: dict[str, Any] = asdict(account)
        if account.checkpoint is not None:
            values["checkpoint"] = account.path.name
        self.record.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.record, json.dumps(values, indent=2) + "\n")
