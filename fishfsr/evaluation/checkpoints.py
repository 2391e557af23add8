"""Which file of a training run is evaluated."""

from pathlib import Path

from fishfsr.errors import CheckpointError

NAMES = ("best.safetensors", "last.safetensors")


def find_checkpoint(path: Path) -> Path:
    """The checkpoint at `path`: the file itself; of a run's folder its best, else its last one.

    Raises CheckpointError where the folder holds neither.
    """
    if not path.is_dir():
        return path
    for name in NAMES:
        if (path / name).is_file():
            return path / name
    found = ", ".join(sorted(file.name for file in path.glob("*.safetensors"))[:5])
    hint = f"it has {found}: name one of them" if found else "is it the folder of a training run (fishfsr train --out)?"
    raise CheckpointError(f"{path}: holds neither {' nor '.join(NAMES)}; {hint}")
