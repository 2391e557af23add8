"""Version 1 of the shard format: names, shapes, dtypes and attributes. `docs/shards.md` is its specification in words."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SCHEMA_VERSION = "1.0"
TURNED_VERSION = "1.1"
"""Of a shard that has `angle`; all others are written as of 1.0."""
READABLE_MAJOR = 1
HR_SIZE = 128
LR_SIZES = (64, 32, 16, 8)
SIZES = (HR_SIZE, *LR_SIZES)
NUMBER_OF_CLASSES = 19
CLASS_ORDER = "celebamask-hq"
SPLITS = ("train", "val", "test")

ATTRIBUTES = (
    "schema_version",
    "producer",
    "split",
    "samples",
    "configuration",
    "recipe",
    "inputs",
    "versions",
    "weights",
)
"""Attributes of the root group, all text but `samples`; `configuration`, `versions` and `weights` hold JSON objects."""

CONTENTS = "contents"
"""An attribute that shards from before do not have, and that builds write: text, see docs/shards.md."""

_FILE_NAME = re.compile(rf"(?P<split>{'|'.join(SPLITS)})-(?P<number>\d{{5,}})\.h5", re.ASCII)


@dataclass(frozen=True)
class Field:
    """One dataset: its name, the shape of a sample, its dtype (None: variable-length UTF-8) and the largest valid value."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype | None
    largest: int | None = None
    optional: bool = False


def contents_hash(photos: Iterable[str]) -> str:
    """What a shard says of its contents: SHA-256 over those of the photos of its samples, in order, a line each."""
    return hashlib.sha256("".join(f"{sha256}\n" for sha256 in photos).encode()).hexdigest()


def image(size: int) -> str:
    """Name of the dataset with the faces at size²."""
    return f"image/{size}"


def skin(size: int) -> str:
    """Name of the dataset with the skin maps at size²."""
    return f"skin/{size}"


FIELDS: tuple[Field, ...] = (
    *(Field(image(s), (s, s, 3), np.dtype(np.uint8), 255) for s in SIZES),
    *(Field(skin(s), (s, s), np.dtype(np.uint8), 1) for s in SIZES),
    Field("classes/128", (HR_SIZE, HR_SIZE), np.dtype(np.uint8), NUMBER_OF_CLASSES - 1, optional=True),
    Field("landmarks", (68, 2), np.dtype(np.float32)),
    Field("box", (4,), np.dtype(np.float32)),
    Field("angle", (), np.dtype(np.float32), optional=True),
    Field("id", (), None),
    Field("split", (), None),
)


@dataclass(frozen=True, order=True)
class ShardName:
    """`SPLIT-NNNNN`: a split and the number of the shard in it."""

    split: str
    number: int

    def __str__(self) -> str:
        return f"{self.split}-{self.number:05d}"

    @property
    def file(self) -> str:
        """File name of the shard."""
        return f"{self}.h5"

    @property
    def rows_file(self) -> str:
        """File name of the shard's manifest rows."""
        return f"{self}.parquet"

    @classmethod
    def parse(cls, path: Path | str) -> "ShardName | None":
        """The name that a path `.../SPLIT-NNNNN.h5` bears, or None: nothing else is taken for a shard, whatever it holds."""
        file = Path(path).name
        match = _FILE_NAME.fullmatch(file)
        name = cls(match["split"], int(match["number"])) if match else None
        return name if name is not None and name.file == file else None


def shard_paths(folder: Path) -> list[Path]:
    """Paths of all shards of a folder, by split and number."""
    named = [(name, path) for path in folder.glob("*.h5") if (name := ShardName.parse(path))]
    return [path for _, path in sorted(named)]
