"""Where a photo is, by its path in the rows of a build."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fishprep.common import names
from fishprep.common.errors import SourceError
from fishprep.places.base import Place
from fishprep.places.file import File
from fishprep.sources.base import SourceRequest
from fishprep.sources.packed import look
from fishprep.sources.tree import FolderTree, Tree


@dataclass(frozen=True)
class PlaceFinder:
    """Finds photos below the root of a source, in its archives too, which are listed once, when a file is not there."""

    root: Path

    def place(self, relative: str) -> Place:
        """The place of a photo; of one that is gone that of a file which is not there. ValueError for a path that is none."""
        path = self.root / names.path_of(relative)
        if os.path.lexists(path):
            return File.at(path)
        try:
            return self._tree.place(path)
        except KeyError:
            return File.at(path)

    @cached_property
    def _tree(self) -> Tree:
        try:
            return look(SourceRequest(self.root)).tree
        except SourceError:
            return FolderTree()
