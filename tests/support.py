"""The commands as a user runs them, and public-domain portraits to run them on."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.cbook
import numpy as np
import pyarrow.parquet as pq
import skimage.data
from PIL import Image

SCRIPTS = Path(sys.executable).parent
QUICK = ("--parser", "landmark-skin", "--device", "cpu")


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


def command(program: str, *arguments: object) -> list[str]:
    """Arguments of a subprocess."""
    return [str(SCRIPTS / program), *map(str, arguments)]


def run(program: str, *arguments: object, code: int | None = 0, **environment: str) -> Ran:
    """Run a command to its end. Whatever it is given, it never shows a traceback; `code` is asserted unless None."""
    done = subprocess.run(
        command(program, *arguments),
        capture_output=True,
        env={**os.environ, "FISHFSR_OFFLINE": "1", "COLUMNS": "200", **environment},
        timeout=300,
        check=False,
    )
    result = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.err, result.err
    if code is not None:
        assert result.code == code, result.out + result.err
    return result


def rows(out: Path) -> dict[str, dict[str, Any]]:
    """Rows of a finished build by id."""
    return {row["id"]: row for row in pq.read_table(out / "samples.parquet").to_pylist()}


def shards(out: Path) -> dict[str, bytes]:
    """Bytes of every shard."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.h5"))}


def astronaut() -> np.ndarray:
    """(512, 512, 3) uint8."""
    return skimage.data.astronaut()


def hopper() -> np.ndarray:
    """(600, 512, 3) uint8."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as stream, Image.open(stream) as image:
        return np.asarray(image.convert("RGB"))
