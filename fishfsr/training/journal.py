"""What a run tells: lines of `metrics.jsonl`, TensorBoard, and news for whoever listens."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishfsr.errors import MissingExtraError
from fishprep.common.files import flush, write_text

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
        """Take away what was written after `step` steps of `stage`: it is about to be written again."""
        kept = [line for line in read_metrics(self.path) if _not_after(line, stage, step)]
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
    """The lines of a `metrics.jsonl`; a last line cut off by a kill is left out."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


def _text(line: Mapping[str, Any]) -> str:
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in line.items()
    }
    return json.dumps(plain, allow_nan=False) + "\n"


def _not_after(line: Mapping[str, Any], stage: str, step: int) -> bool:
    return (ORDER.index(line["stage"]), line["step"]) <= (ORDER.index(stage), step)
