"""The commands as a user runs them, and public-domain portraits to run them on."""

import contextlib
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import matplotlib.cbook
import numpy as np
import pyarrow.parquet as pq
import pytest
import skimage.data
from fishcli import common, fsr, prep
from PIL import Image

from fishprep.common.errors import FishPrepError
from fishprep.common.parquet import readable

SCRIPTS = Path(sys.executable).parent
GROUPS: dict[str, tuple[click.Group, common.Errors]] = {
    "fishprep": (prep.cli, (FishPrepError,)),
    "fishfsr": (fsr.cli, fsr.ERRORS),
}
QUICK = ("--parser", "landmark-skin", "--device", "cpu", "--workers", "1")


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


def command(program: str, *arguments: object) -> list[str]:
    """Arguments of a process of its own, for tests that kill it or look at its limits."""
    return [str(SCRIPTS / program), *map(str, arguments)]


def run(program: str, *arguments: object, code: int | None = 0, **environment: str) -> Ran:
    """Run a command to its end, in this process. A traceback would be an exception here; `code` is asserted unless None."""
    group, errors = GROUPS[program]
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        for name, value in {"FISHFSR_OFFLINE": "1", "COLUMNS": "200", **environment}.items():
            patch.setenv(name, value)
        found = common.execute(group, program, [str(argument) for argument in arguments], errors)
    result = Ran(found, out.getvalue(), err.getvalue())
    if code is not None:
        assert result.code == code, result.out + result.err
    return result


def rows(out: Path) -> dict[str, dict[str, Any]]:
    """Rows of a finished build by id."""
    with readable(out / "samples.parquet") as stream:
        return {row["id"]: row for row in pq.read_table(stream).to_pylist()}


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
