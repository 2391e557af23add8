"""Faces whose classes a parser has drawn: the crops of finished builds, as more to train on than was labelled by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fishprep.common.errors import ConfigurationError
from fishprep.parsing.labelled import face_box
from fishprep.shards import schema
from fishprep.shards.reader import Shard

SPLIT = "train"
CLASSES = f"classes/{schema.HR_SIZE}"


class ParsedCrops:
    """The training faces of shards that were built with `--keep-classes`.

    `record` says which they are: the shards' names, recipes and contents.
    """

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards
        self._ends = np.cumsum([len(shard) for shard in shards])
        self.record = [
            [shard.path.name, shard.attributes.recipe, shard.attributes.inputs, len(shard)] for shard in shards
        ]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
        """Crop (128, 128, 3) uint8 RGB, its classes (128, 128) uint8 in CelebAMask-HQ's order, and the box of the face in them."""
        shard = int(np.searchsorted(self._ends, index, side="right"))
        row = index - (int(self._ends[shard - 1]) if shard else 0)
        classes = self._shards[shard][CLASSES][row]
        return self._shards[shard].images(schema.HR_SIZE)[row], classes, face_box(classes)


def open_parsed(folders: Sequence[Path]) -> ParsedCrops | None:
    """The training shards of finished builds; None where no folder is given.

    Raises ShardError for a shard that cannot be read, ConfigurationError where there is none, or one without classes.
    """
    if not folders:
        return None
    shards = []
    for folder in folders:
        found = [Shard(path) for path in schema.shard_paths(folder)]
        mine = [shard for shard in found if shard.attributes.split == SPLIT]
        if not mine:
            raise ConfigurationError(f"--parsed {folder}: no shards of the split {SPLIT} in it")
        bare = next((shard for shard in mine if CLASSES not in shard), None)
        if bare is not None:
            raise ConfigurationError(f"--parsed {bare.path}: holds no classes; build or remap it with --keep-classes")
        shards += mine
    return ParsedCrops(shards)
