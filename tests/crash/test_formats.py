"""What earlier versions wrote, packed as they left it: read, verified, gone on with, or refused in words.

`formats/build-NAME.tar.xz` hold `photos/` and `build/`: three photos of one colour, one of them too small, in two shards.
`run-earlier.tar.xz` holds `run/`, two steps of a ParsingNet trained on the build `one-folder`. Each was made by the commands of the
commit that stands beside it here.
"""

import os
import tarfile
from pathlib import Path

import annotated
import pytest
from annotated import in_process
from support import rows, run

import fishprep

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

FORMATS = Path(__file__).parent / "formats"
BUILDS = {
    "hashed-plan": "ec10175: photos were hashed before the first shard",
    "one-folder": "bd358b4: before angles, places and buckets",
    "first": "622b6f6: before versions, scores, notes and hashes of rows were stored",
}
FLAGS = (*annotated.FLAGS, "--shard-size", 2, "--min-side", 110)


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(FORMATS / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    for path in (folder / "photos").glob("*"):
        os.utime(path, (10**9, 10**9))
    return folder


@pytest.mark.parametrize("name", BUILDS)
def test_an_earlier_build(name: str, tmp_path: Path) -> None:
    out = unpacked(f"build-{name}", tmp_path) / "build"
    before = {path.name: path.read_bytes() for path in out.glob("*.h5")}
    assert run("fishprep", "verify", out, "--deep").out.strip().endswith("sound")
    assert {name: row["status"] for name, row in rows(out).items()} == {"0": "ok", "1": "too_small", "2": "ok"}
    run("fishprep", "inspect", out / "train-00000.h5")
    with fishprep.open_shards(out) as shards:
        assert len(shards) == 2
    run("fishprep", "report", out)
    assert {path.name: path.read_bytes() for path in out.glob("*.h5")} == before


@pytest.mark.parametrize("name", BUILDS)
def test_an_earlier_build_that_was_stopped(name: str, tmp_path: Path) -> None:
    """Gone on with, or refused with the reason; what stands stands in either case."""
    out = unpacked(f"build-{name}", tmp_path) / "build"
    for file in ("train-00001.parquet", "manifest.json", "samples.parquet"):
        (out / file).unlink()
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.name != "train-00001.h5"}
    done = run("fishprep", "build", tmp_path / "photos", out, *FLAGS, "--quiet", code=None)
    assert done.code in (0, 1), done.err
    if done.code:
        assert "holds a build of something else" in done.err and "→" in done.err, done.err
    else:
        assert run("fishprep", "verify", out).out.strip().endswith("sound")
    assert {name: (out / name).read_bytes() for name in before} == before


def test_an_earlier_run(tmp_path: Path) -> None:
    """The state of a finished stage is read, and its weights: nothing is trained anew."""
    unpacked("build-one-folder", tmp_path)
    out = unpacked("run-earlier", tmp_path) / "run"
    before = (out / "parsing.safetensors").read_bytes()
    settings = ("width=4", "blocks=1", "batch_size=2", "steps=2")
    assignments = [word for setting in settings for word in ("--set", f"parsing.{setting}")]
    command = (
        "train",
        tmp_path / "build",
        "--out",
        out,
        "--device",
        "cpu",
        "--scale",
        2,
        "--stage",
        "parsing",
        *assignments,
    )
    done = run("fishfsr", *command, "--set", "save_every=1", "--set", "log_every=1", code=None)
    assert done.code in (0, 1) and "Traceback" not in done.err, done.err
    assert ("all 2 steps of parsing are done already" in done.err) if done.code == 0 else "other settings" in done.err
    assert (out / "parsing.safetensors").read_bytes() == before
    assert "parsingnet" in run("fishfsr", "models", "show", out / "parsing.safetensors").out
