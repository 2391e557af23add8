"""Which checkpoint is meant: the name of a shipped pair, a training run, or a file."""

import re
from pathlib import Path

from fishfsr.errors import CheckpointError
from fishfsr.inference.shipped import shipped_file

NAMES = ("best.safetensors", "last.safetensors")


def find_checkpoint(model: str | Path) -> Path:
    """The checkpoint file that `model` means: a text like "x8" names a shipped pair, the folder of a run its best, else its
    last checkpoint, anything else is the file itself.

    Raises CheckpointError where the folder holds neither, ConfigurationError and WeightsError as `shipped_file` does.
    """
    if isinstance(model, str) and re.fullmatch(r"x\d+(-[a-z]+)?", model):
        return shipped_file(model)
    path = Path(model)
    if not path.is_dir():
        return path
    for name in NAMES:
        if (path / name).is_file():
            return path / name
    found = ", ".join(sorted(file.name for file in path.glob("*.safetensors"))[:5])
    hint = f"it has {found}: name one of them" if found else "is it the folder of a training run (fishfsr train --out)?"
    raise CheckpointError(f"{path}: holds neither {' nor '.join(NAMES)}; {hint}")
