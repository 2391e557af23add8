"""What an export takes from shards, and what a writer of a format is."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, SIZES, SPLITS, ShardName, image, skin

COMPRESSION = 1
"""Of PNGs, zlib's level: BasicSR writes it beside each picture."""

SCALES = {size: HR_SIZE // size for size in SIZES}
TellFaces = Callable[[int], None]
"""Told of so many more faces that are written."""


@dataclass(frozen=True)
class Layer:
    """One kind of picture of a face. dataset: in the shard. kind: `image`, `skin` or `classes`."""

    dataset: str
    kind: str
    size: int

    @property
    def scale(self) -> int:
        """HR over this size."""
        return SCALES[self.size]

    @property
    def name(self) -> str:
        """`image_128`, `skin_16`, `classes_128`: the column or the part of the file's name."""
        return f"{self.kind}_{self.size}"

    def pixels(self, shard: Shard, index: int) -> np.ndarray:
        """(s, s, 3) or, of maps, (s, s), uint8; skin is 0 or 255, so that it can be looked at."""
        pixels = np.ascontiguousarray(shard[self.dataset][index])
        return pixels * 255 if self.kind == "skin" else pixels


@dataclass(frozen=True)
class ExportShard:
    """A shard to be exported and its hash. indices, keys: of each of its faces that is exported, where it lies and what it is called."""

    path: Path
    name: ShardName
    sha256: str
    indices: tuple[int, ...]
    keys: tuple[str, ...]

    @property
    def faces(self) -> Iterator[tuple[int, str]]:
        """Index and key of each."""
        return zip(self.indices, self.keys, strict=True)


@dataclass(frozen=True)
class ExportPlan:
    """What goes where. `layers`: what is taken of each face, the largest pictures first. `classes` are of CelebAMask-HQ's order."""

    out: Path
    shards: tuple[ExportShard, ...]
    layers: tuple[Layer, ...]

    @property
    def splits(self) -> list[str]:
        """Those that have faces."""
        there = {shard.name.split for shard in self.shards}
        return [split for split in SPLITS if split in there]

    def of(self, split: str) -> list[ExportShard]:
        """The shards of a split, in order."""
        return [shard for shard in self.shards if shard.name.split == split]


class ExportWriter(Protocol):
    """Writes shards in one format, one after another; each as a whole, so that what was stopped can go on after the last."""

    def targets(self) -> list[Path]:
        """What it makes in the output folder: of these names nothing may be there that is not ours."""
        ...

    def write(self, part: ExportShard, shard: Shard, tell: TellFaces) -> None:
        """Write a shard; what was begun of it before is done again. On the disk when it returns."""
        ...

    def finish(self) -> None:
        """What is written once all shards are."""
        ...


def layers_of(shard: Shard, sizes: tuple[int, ...]) -> tuple[Layer, ...]:
    """Images and skin maps of these sizes, and the classes where the shard has them."""
    wanted = [size for size in SIZES if size in sizes]
    pictures = [Layer(image(size), "image", size) for size in wanted]
    maps = [Layer(skin(size), "skin", size) for size in wanted]
    classes = [Layer("classes/128", "classes", HR_SIZE)] if "classes/128" in shard else []
    return (*pictures, *maps, *classes)


def png(pixels: np.ndarray) -> bytes:
    """(h, w, 3) or (h, w) uint8 as PNG; the same pixels give the same bytes."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=COMPRESSION)
    return stream.getvalue()


def face_facts(part: ExportShard, shard: Shard, index: int, key: str) -> dict[str, Any]:
    """All of a face that is no picture, ready for JSON; float32 comes back as it was."""
    return {
        "id": shard.ids[index],
        "key": key,
        "split": part.name.split,
        "shard": str(part.name),
        "index": index,
        "landmarks": shard["landmarks"][index].tolist(),
        "box": shard["box"][index].tolist(),
        "angle": float(shard.angles[index]),
    }


def fact_lines(parts: list[ExportShard]) -> Iterator[str]:
    """A line of JSON for each face of shards, in order."""
    for part in parts:
        with Shard(part.path) as shard:
            for index, key in part.faces:
                yield json.dumps(face_facts(part, shard, index, key)) + "\n"
