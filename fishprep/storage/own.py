"""Files of fixed names in a folder that the user chose: they are ours only where the folder says that it is."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from fishprep.common.errors import ConfigurationError
from fishprep.common.files import read_text


def says(mark: Path, keys: Collection[str]) -> bool:
    """Whether a file holds a JSON object with all of `keys`: what a command of ours writes at its start."""
    try:
        known = json.loads(read_text(mark))
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and known.keys() >= set(keys)


def refuse_foreign(files: Iterable[Path], what: str) -> None:
    """ConfigurationError for the first of `files` that is there, in a folder that holds no `what` ("run") which wrote it."""
    for path in files:
        if path.is_symlink() or path.exists():
            raise ConfigurationError(
                f"{path} would be replaced, and {path.parent} holds no {what} that wrote it: choose another folder, or "
                "take the file away"
            )
