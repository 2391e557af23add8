"""What a run tells: lines of `metrics.jsonl`, TensorBoard, and news for whoever listens."""

import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishfsr.errors import MissingExtraError, TrainingError
from fishprep.common.files import flush, write_text
from fishprep.common.logs import DamagedLineError, log_lines, rewound

ORDER = ("parsing", "alignment", "sr")


@dataclass(frozen=True)
class Trained:
    """`step` of `steps` steps of `stage` are done; `loss` is the mean over the steps since the last such news.

    `images` a second and `seconds_left` are of this stage and all processes.
    """

    stage: str
    step: int
    steps: int
    loss: float
    images: float
    seconds_left: float


@dataclass(frozen=True)
class Validated:
    """Means over the validation faces after `step` steps; `best`: the best so far.

    `left_out`: faces without finite figures, which are in no mean; where all are, `figures` is empty.
    """

    stage: str
    step: int
    figures: Mapping[str, float]
    best: bool
    left_out: int = 0


@dataclass(frozen=True)
class Note:
    """A line for people."""

    text: str


TrainingNews = Trained | Validated | Note
TrainingListener = Callable[[TrainingNews], None]


@dataclass
class MetricsJournal:
    """Appends to `metrics.jsonl` and, where `tensorboard` is a folder, to TensorBoard's log, which shows the same lines."""

    path: Path
    tensorboard: Path | None = None
    _writer: Any = None

    def write(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """One line; floats are written so that they are read back to the bit, and null stands for one that is not finite."""
        line = {"stage": stage, "step": step, **values}
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(_text(line))
        self._show(line)
        self._flush()

    def keep(self) -> None:
        """Make what was written survive a loss of power: before a state is saved that counts on it."""
        if self.path.exists():
            flush(self.path)

    def rewind(self, stage: str, step: int) -> None:
        """Take away what was written after `step` steps of `stage`: it is about to be written again.

        TrainingError where a line before that is damaged, which no kill does: those behind it would be lost.
        """
        try:
            found = rewound(
                self.path, _lines(self.path), lambda line: None if line is None else _not_after(line, stage, step)
            )
        except DamagedLineError as error:
            raise TrainingError(f"{error}") from error
        kept = [line for line in found if line is not None]
        write_text(self.path, "".join(map(_text, kept)))
        # TensorBoard can take back what lies behind a step, but it counts one step for both stages: it is written anew.
        if self.tensorboard is not None:
            clear_tensorboard(self.tensorboard)
        for line in kept:
            self._show(line)
        self._flush()

    def close(self) -> None:
        """End TensorBoard's file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _show(self, line: Mapping[str, Any]) -> None:
        if self.tensorboard is None:
            return
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # Whoever has an earlier file open forgets it at the words "from step 0 on".
            self._writer = SummaryWriter(str(self.tensorboard), purge_step=0)
        for name, value in line.items():
            if name not in ("stage", "step") and value is not None and math.isfinite(value):
                self._writer.add_scalar(f"{line['stage']}/{name}", value, line["step"])

    def _flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()


def clear_tensorboard(folder: Path) -> None:
    """Remove TensorBoard's files, and nothing else."""
    for path in tensorboard_files(folder):
        path.unlink()


def tensorboard_files(folder: Path) -> list[Path]:
    """TensorBoard's files in a folder."""
    return sorted(folder.glob("events.out.tfevents.*"))


def check_tensorboard() -> None:
    """Raise MissingExtraError where TensorBoard's library is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "TensorBoard is not installed: pip install tensorboard, or the extra `train`"
        ) from error


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`, as far as they are whole: the last may have been cut off by a kill."""
    return [line for line in itertools.takewhile(lambda line: line is not None, _lines(path)) if line is not None]


def _lines(path: Path) -> list[dict[str, Any] | None]:
    """None for one that is not as it was written."""
    return [_parsed(text) for text in log_lines(path)]


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or line.get("stage") not in ORDER or not isinstance(line.get("step"), int):
        return None
    figures = (value for name, value in line.items() if name != "stage")
    return line if all(isinstance(value, int | float | None) for value in figures) else None


def _text(line: Mapping[str, Any]) -> str:
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in line.items()
    }
    return json.dumps(plain, allow_nan=False) + "\n"


def _not_after(line: Mapping[str, Any], stage: str, step: int) -> bool:
    return (ORDER.index(line["stage"]), line["step"]) <= (ORDER.index(stage), step)
