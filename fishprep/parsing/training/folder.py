"""What a training leaves in its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from fishprep.common.errors import BuildError
from fishprep.common.files import flush, remove_in_turn, write_text
from fishprep.common.logs import DamagedLineError, log_lines, rewound
from fishprep.common.tensors import save_tensors
from fishprep.storage.folder import FolderStorage
from fishprep.storage.own import refuse_foreign, says

_RECORDED = ("config", "faces_sha256", "init_sha256")


@dataclass(frozen=True)
class ParserRunFolder:
    """The files of one training."""

    path: Path

    @property
    def best(self) -> Path:
        """The averaged weights of the best validation, float16."""
        return self.path / "parser.safetensors"

    @property
    def last(self) -> Path:
        """The newest averaged weights, float16."""
        return self.path / "last.safetensors"

    @property
    def state(self) -> Path:
        """All that is needed to go on."""
        return self.path / "state.pt"

    @property
    def metrics(self) -> Path:
        """Losses and validations, a JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def settings(self) -> Path:
        """What the training depends on, JSON."""
        return self.path / "settings.json"

    def clear(self) -> None:
        """Remove what an earlier training wrote here, and nothing else; wherever that is stopped, no state goes on without its weights."""
        remove_in_turn(self.files)

    def sweep(self) -> None:
        """Remove what a training that was killed left half written; only while the folder is locked."""
        names = {path.name for path in self.files}
        FolderStorage(self.path).sweep(lambda name: name in names)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that a training writes, in the order in which they may go: first what would be gone on from, last what it is
        known by."""
        return self.state, self.best, self.last, self.metrics, self.settings

    def refuse_foreign(self) -> None:
        """ConfigurationError where files would be replaced that are no training's."""
        if not says(self.settings, _RECORDED):
            refuse_foreign(self.files, "training")


def save_weights(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    """float16 safetensors in facexlib's layout, atomically. Counters are left as they are."""
    halved = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in tensors.items()
    }
    try:
        save_tensors(path, halved, header)
    except OSError as error:
        raise BuildError(f"{path}: cannot be written: {error}") from error


def append(path: Path, values: dict[str, Any]) -> None:
    """One more line of JSON."""
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(values) + "\n")


def rewind(path: Path, step: int) -> None:
    """Take away the lines after `step`: those steps are about to be made again. A line cut off by a kill goes too.

    BuildError where a line before that is damaged, which no kill does: those behind it would be lost.
    """

    def is_kept(line: bytes) -> bool | None:
        found = _step_of(line)
        return None if found is None else found <= step

    try:
        kept = rewound(path, log_lines(path), is_kept)
    except DamagedLineError as error:
        raise BuildError(f"{error}") from error
    write_text(path, "".join(line.decode() + "\n" for line in kept))


def keep(path: Path) -> None:
    """Make the lines survive a loss of power: before a state is saved that counts on them."""
    if path.exists():
        flush(path)


def _step_of(line: bytes) -> int | None:
    """None where a line is not as it was written."""
    try:
        values = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    step = values.get("step") if isinstance(values, dict) else None
    return step if isinstance(step, int) else None
