"""A small finished build, written without the pipeline: crops of a public-domain portrait with made-up landmarks."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Row, ShardRecord, rows_table
from fishprep.builds.names import CONFIGURATION
from fishprep.builds.summary import write_manifest
from fishprep.common.files import write_text
from fishprep.common.names import text
from fishprep.common.status import Status
from fishprep.faces.measures import measure
from fishprep.faces.pyramid import lr_pyramid
from fishprep.parsing.skin import skin_pyramid
from fishprep.shards.schema import LR_SIZES, ShardName
from fishprep.shards.writer import Samples, write_shard

DLIB = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"


@dataclass
class Written:
    """A build on the disk: `folder` the output, `source` the photos; `rows` by id."""

    folder: Path
    source: Path
    rows: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Sample:
    """One kept face to write: `photo` its path in the source, `image` (128, 128, 3) uint8."""

    photo: str
    image: np.ndarray
    split: str = "train"
    backend: str = "dlib-hog"
    identity: str | None = None


@cache
def astronaut() -> np.ndarray:
    """(512, 512, 3) uint8, not to be written to."""
    image = skimage.data.astronaut()
    image.setflags(write=False)
    return image


def face(shift: int = 0, noise: int = 0) -> np.ndarray:
    """(128, 128, 3) uint8: the astronaut's face, moved; with `noise`, another picture altogether."""
    image = cv2.resize(astronaut()[10 + shift : 190 + shift, 130:310], (128, 128))
    if noise:
        image = np.random.default_rng(noise).integers(0, 256, (16, 16, 3)).astype(np.uint8)
        image = cv2.resize(image, (128, 128), interpolation=cv2.INTER_CUBIC)
    return image


def points() -> np.ndarray:
    """(68, 2) float32: an ellipse for the jaw, the rest inside it."""
    angle = np.linspace(0, 2 * np.pi, 68)
    radius = np.where(np.arange(68) < 17, 50, 20 + np.arange(68) % 7)
    return (64 + np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None]).astype(np.float32)


def skin() -> np.ndarray:
    """(128, 128) uint8: a disc with two holes."""
    rows, columns = np.mgrid[:128, :128]
    disc = (rows - 64) ** 2 + (columns - 64) ** 2 < 45**2
    eyes = (np.abs(rows - 55) < 5) & (np.abs(np.abs(columns - 64) - 20) < 8)
    return (disc & ~eyes).astype(np.uint8)


def write_build(written: Written, samples: list[Sample], dropped: list[Row], **facts: Any) -> Written:
    """Write shards, rows, configuration and manifest as a build does; `facts` go over `configuration.json`."""
    configuration = BuildConfiguration(source="folder", weights={"shape.dat": DLIB, "parser.pth": "0" * 64})
    start = {
        "configuration": configuration.model_dump(mode="json"),
        "recipe": "r" * 64,
        "inputs": "i" * 64,
        "versions": {"numpy": "1.2.3"},
        "source": {"root": str(written.source), "kind": "folder"},
        "notes": ["a note for the user"],
        "left_out": ["3 files of other formats (3 .gif)"],
    }
    write_text(written.folder / CONFIGURATION, json.dumps(start | facts))
    for split in sorted({sample.split for sample in samples} | {row.split for row in dropped}):
        name = ShardName(split, 0)
        chosen = [sample for sample in samples if sample.split == split]
        rows = [_kept(name, index, sample) for index, sample in enumerate(chosen)]
        if chosen:
            write_shard(written.folder / name.file, _arrays(chosen, rows), _attributes(configuration))
        rows += [row for row in dropped if row.split == split]
        record = ShardRecord(str(name), name.file if chosen else None, None, 1000, len(chosen), len(rows))
        BuildFolder.at(written.folder).commit(name, rows_table(rows), record)
        written.rows |= {row.id: row for row in rows}
    write_manifest(BuildFolder.at(written.folder))
    return written


def dropped_row(photo: str, status: Status, reason: str, **values: Any) -> Row:
    """A row of a photo of which nothing was kept."""
    row = Row(photo, photo, text(photo), "", "train", status, reason, "CC0")
    return replace(row, **values)


def _kept(name: ShardName, index: int, sample: Sample) -> Row:
    return Row(
        id=sample.photo,
        photo=sample.photo,
        path=f"{sample.photo}.png",
        sha256=hashlib.sha256(sample.image.tobytes()).hexdigest(),
        split=sample.split,
        status=Status.OK,
        reason="",
        licence="CC0",
        identity=sample.identity,
        shard=str(name),
        index=index,
        box=(-0.5, -0.5, 127.5, 127.5),
        landmark_backend=sample.backend,
        width=128,
        height=128,
        measures=measure(sample.image, skin(), points(), 128.0 + index),
    )


def _arrays(samples: list[Sample], rows: list[Row]) -> Samples:
    hr = np.stack([sample.image for sample in samples])
    maps = np.stack([skin()] * len(samples))
    return Samples(
        images={128: hr, **lr_pyramid(hr, "pillow-bicubic")},
        skin={128: maps, **skin_pyramid(maps, LR_SIZES, "nearest")},
        classes=None,
        landmarks=np.stack([points()] * len(samples)),
        boxes=np.array([row.box for row in rows], np.float32),
        ids=[row.id for row in rows],
        split=samples[0].split,
    )


def _attributes(configuration: BuildConfiguration) -> dict[str, str]:
    facts = {"producer": "test", "recipe": "r" * 64, "inputs": "i" * 64, "versions": "{}", "weights": "{}"}
    return {**facts, "configuration": configuration.json_text()}


def builds_in(root: Path) -> Callable[..., Path]:
    """What writes small builds below a folder: by name, samples, names of photos without a face, and facts as in `write_build`."""

    def write(name: str, samples: list[Sample], dropped: tuple[str, ...] = (), **facts: Any) -> Path:
        (root / name).mkdir()
        rows = [dropped_row(photo, Status.NO_FACE, "no face found") for photo in dropped]
        return write_build(Written(root / name, root), samples, rows, **facts).folder

    return write
