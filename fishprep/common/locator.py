"""The files that the names in a list mean."""

import os
from collections import defaultdict
from pathlib import Path

from fishprep.common.errors import SourceError
from fishprep.common.spelling import composed, is_picture_name, spelled, without_suffix


class Locator:
    """Finds the file below a folder that a name in a list means; a folder is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[Path, tuple[dict[str, list[str]], dict[str, list[str]]]] = {}

    def find(self, name: str, file: Path) -> Path | None:
        """The path that a name in the list `file` means; None where nothing is there.

        As it stands, then by its one spelling, then with another suffix of a picture. SourceError where several pictures fit.
        """
        for spelling in dict.fromkeys((name, name.replace("\\", "/"), spelled(name))):
            if os.path.lexists(self.root / spelling):
                return self.root / spelling
        wanted = self.root / spelled(name)
        for key, there in zip((wanted.name, without_suffix(wanted.name)), self._names(wanted.parent), strict=True):
            fitting = there.get(key, [])
            if len(fitting) > 1:
                both = " or ".join(map(repr, fitting[:2]))
                raise SourceError(f"{file}: {name!r} may mean {both}; write the whole name")
            if fitting:
                return wanted.with_name(fitting[0])
        return None

    def _names(self, folder: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """The pictures of a folder by their composed names, and by those without suffix."""
        if folder not in self._folders:
            try:
                entries = sorted(entry.name for entry in os.scandir(folder))
            except OSError:
                entries = []
            whole: dict[str, list[str]] = defaultdict(list)
            stems: dict[str, list[str]] = defaultdict(list)
            for name in entries:
                if not name.startswith(".") and is_picture_name(name):
                    whole[composed(name)].append(name)
                    stems[without_suffix(composed(name))].append(name)
            self._folders[folder] = (whole, stems)
        return self._folders[folder]
