"""Photos whose 68 points lie beside them, and builds of them in this process: a build without a detector, in a moment."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from here import Here
from small_build import face
from support import Ran, run

from fishprep.builds import manifest
from fishprep.builds.folder import BuildFolder
from fishprep.engines import ENGINES
from fishprep.landmarks.sense import MEAN_FACE
from fishprep.shards.schema import ShardName

FLAGS = ("--landmarks", "annotation", "--parser", "landmark-skin", "--device", "cpu", "--workers", 1)
SIDE = 256


def points() -> np.ndarray:
    """(68, 2) float32 in pixels of 128²: a face that stands upright."""
    return (MEAN_FACE * 30 + (63.5, 63.5)).astype(np.float32)


def write_photo(folder: Path, name: str, number: int = 0, side: int = SIDE, points_too: bool = True) -> Path:
    """A photo of `side` px, another one for each `number`, with its points as `.pts`."""
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image = cv2.resize(face(shift=number % 90), (side, side))
    image[0, 0] = number % 256, number // 256, 0
    cv2.imwrite(str(path), image[:, :, ::-1])
    if points_too:
        write_points(path, (points() + 0.5) * side / 128 - 0.5)
    return path


def write_points(photo: Path, values: np.ndarray) -> Path:
    """Points (68, 2), 0-based, beside a photo."""
    lines = "".join(f"{x:.3f} {y:.3f}\n" for x, y in values + 1)
    path = photo.with_suffix(".pts")
    path.write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    return path


def build(source: Path, out: Path, *flags: object, code: int | None = 0) -> Ran:
    """`fishprep build` with the points that lie beside the photos. It may come to its end with nothing kept (3)."""
    done = run("fishprep", "build", source, out, *FLAGS, *flags, code=None)
    assert code is None or done.code in ({0, 3} if code == 0 else {code}), done.out + done.err
    return done


def move(out: Path, name: str, to: str) -> None:
    """A finished spec under another name, in all that it says of itself."""
    folder, before = BuildFolder.at(out), ShardName.parse(f"{name}.h5")
    assert before is not None
    table, record = folder.rows(before), folder.record(before)
    table = table.set_column(table.schema.get_field_index("shard"), "shard", pa.array([to] * len(table)))
    moved = manifest.ShardRecord(
        to, f"{to}.h5", record.sha256, record.bytes, record.samples, record.rows, manifest.rows_hash(table)
    )
    (out / f"{name}.parquet").unlink()
    (out / f"{name}.h5").rename(out / f"{to}.h5")
    parsed = ShardName.parse(f"{to}.h5")
    assert parsed is not None
    folder.restore(parsed, table, moved)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds run in this process."""
    monkeypatch.setitem(ENGINES, "local", Here)
