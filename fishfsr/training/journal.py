"""What a run tells: lines of `metrics.jsonl`, TensorBoard, and news for whoever listens."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fishfsr.errors import MissingExtraError
from fishprep.files import write_text

ORDER = ("parsing", "sr")


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
    """Means over the validation faces after `step` steps; `best`: the best so far."""

    stage: str
    step: int
    figures: Mapping[str, float]
    best: bool


@dataclass(frozen=True)
class Note:
    """A line for people."""

    text: str


News = Trained | Validated | Note
Listen = Callable[[News], None]


@dataclass
class Journal:
    """Appends to `metrics.jsonl` and, where `tensorboard` is a folder, to TensorBoard's log."""

    path: Path
    tensorboard: Path | None = None
    _writers: dict[str, Any] = field(default_factory=dict)

    def write(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """One line; floats are written so that they are read back to the bit."""
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"stage": stage, "step": step, **values}) + "\n")
        if self.tensorboard is not None:
            writer = self._writer(stage, step)
            for name, value in values.items():
                writer.add_scalar(f"{stage}/{name}", value, step)
            writer.flush()

    def rewind(self, stage: str, step: int) -> None:
        """Take away what was written after `step` steps of `stage`: it is about to be written again."""
        kept = [line for line in read_metrics(self.path) if _not_after(line, stage, step)]
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in kept))

    def close(self) -> None:
        """End TensorBoard's files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, stage: str, step: int) -> Any:
        if stage not in self._writers:
            from torch.utils.tensorboard import SummaryWriter

            assert self.tensorboard is not None
            self._writers[stage] = SummaryWriter(str(self.tensorboard), purge_step=step)
        return self._writers[stage]


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


def _not_after(line: Mapping[str, Any], stage: str, step: int) -> bool:
    return (ORDER.index(line["stage"]), line["step"]) <= (ORDER.index(stage), step)
