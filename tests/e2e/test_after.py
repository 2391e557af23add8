"""What is done with a finished build: verify, repair, inspect, models."""

import builtins
import errno
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import QUICK, rows, run, shards

pytestmark = pytest.mark.usefixtures("without_workers")

Copy = Callable[[Path], Path]


def flip_pixel(out: Path) -> None:
    path = out / "train-00001.h5"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut_short(out: Path) -> None:
    path = out / "train-00001.h5"
    path.write_bytes(path.read_bytes()[:-1000])


def future(out: Path) -> None:
    with h5py.File(out / "train-00001.h5", "a") as file:
        file.attrs["schema_version"] = "2.0"


def other_lr(out: Path) -> None:
    with h5py.File(out / "train-00001.h5", "a") as file:
        file["image/16"][0] = 255 - file["image/16"][0]


def lose_rows(out: Path) -> None:
    (out / "train-00001.parquet").unlink()


def lose_shard(out: Path) -> None:
    (out / "train-00001.h5").unlink()


def damage_rows(out: Path) -> None:
    (out / "train-00001.parquet").write_bytes(b"PAR1 and nothing else")


def damage_manifest(out: Path) -> None:
    (out / "manifest.json").write_text("{")


def same_twice(out: Path) -> None:
    """The shard stands a second time, under a name that follows."""
    (out / "train-00009.h5").write_bytes((out / "train-00001.h5").read_bytes())
    table = pq.read_table(out / "train-00001.parquet")
    record = json.loads(table.schema.metadata[b"record"]) | {"name": "train-00009", "file": "train-00009.h5"}
    table = table.replace_schema_metadata({b"record": json.dumps(record).encode()})
    pq.write_table(table, out / "train-00009.parquet")


DAMAGES = {
    flip_pixel: "bytes have changed",
    cut_short: "truncated",
    future: "shard format 2.0",
    other_lr: "image/16 is not image/128 resized by pillow-bicubic",
    lose_rows: "no rows for it",
    lose_shard: "gone",
    damage_manifest: "damaged manifest",
    same_twice: "is in train-00001.h5 already",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_verify_finds_every_damage(built: Path, copy_of: Copy, damage: Callable[[Path], None]) -> None:
    out = copy_of(built)
    damage(out)
    found = run("fishprep", "verify", out, "--deep", code=1)
    assert DAMAGES[damage] in found.out
    if damage is not damage_manifest:
        assert "train-00001" in found.out


def test_a_damaged_rows_file_is_named(built: Path, copy_of: Copy) -> None:
    out = copy_of(built)
    damage_rows(out)
    assert "train-00001.parquet" in run("fishprep", "verify", out, code=1).err


RECORDS = (
    "configuration.json",
    "plan.parquet",
    "train-00001.parquet",
    "train-00001.h5",
    "manifest.json",
    "samples.parquet",
)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_what_cannot_be_looked_at_is_not_called_damaged(
    built: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    out = copy_of(built)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".h5", ".parquet")}
    for module, opener in ((builtins, open), (io, io.open), (os, os.open), (h5py, h5py.File), (pa, pa.OSFile)):

        def refuse(path: object, *rest: object, opener: Callable[..., object] = opener, **more: object) -> object:
            if not isinstance(path, int) and Path(os.fsdecode(path)).name == name:  # type: ignore[arg-type]
                raise OSError(number, os.strerror(number), path)
            return opener(path, *rest, **more)

        monkeypatch.setattr(module, opener.__name__, refuse)
    for flags in ((), ("--repair",)):
        said = run("fishprep", "verify", out, *flags, code=1)
        told = said.out + said.err
        assert os.strerror(number) in told and name in told
        for word in ("damaged", "delete", "--repair writes", "truncated", "changed"):
            assert word not in told, told
    monkeypatch.undo()
    assert {path: (out / path).read_bytes() for path in before} == before


def test_a_sound_build_is_sound(built: Path) -> None:
    result = json.loads(run("fishprep", "verify", built, "--deep", "--json").out)
    assert result["problems"] == [] and result["shards"] == 4 and result["rederived"] >= 14 and result["notes"] == []


def test_repair_makes_the_manifest_anew(built: Path, copy_of: Copy) -> None:
    out = copy_of(built)
    before = (out / "manifest.json").read_text(), rows(out), shards(out)
    (out / "manifest.json").unlink()
    (out / "samples.parquet").write_bytes(b"")
    run("fishprep", "verify", out, code=1)
    run("fishprep", "verify", out, "--repair")
    assert ((out / "manifest.json").read_text(), rows(out), shards(out)) == before


def test_damage_is_built_anew_by_the_same_command(portraits: Path, built: Path, copy_of: Copy) -> None:
    out = copy_of(built)
    for name in ("train-00001.h5", "train-00001.parquet"):
        (out / name).unlink()
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4)
    assert shards(out) == shards(built)


LATER = ["score", "note", "candidate", "candidate_score", "candidate_box"]
"""Columns that were added to the tables."""


def test_a_build_from_before_scores_and_notes_were_stored(portraits: Path, built: Path, copy_of: Copy) -> None:
    """Its tables have no columns for them, and its configuration no setting: it took the largest whatever its score."""
    out = copy_of(built)
    start = json.loads((out / "configuration.json").read_text())
    del start["configuration"]["min_score"]
    (out / "configuration.json").write_text(json.dumps(start))
    pq.write_table(pq.read_table(out / "samples.parquet").drop_columns(LATER), out / "samples.parquet")
    for path in out.glob("train-*.parquet"):
        table = pq.read_table(path)
        record = json.loads(table.schema.metadata[b"record"])
        del record["rows_sha256"], record["pieces"]
        shard = path.with_suffix(".h5")
        with h5py.File(shard, "a") as file:
            settings = json.loads(file.attrs["configuration"])
            del settings["min_score"]
            file.attrs["configuration"] = json.dumps(settings)
        record |= {"sha256": hashlib.sha256(shard.read_bytes()).hexdigest(), "bytes": shard.stat().st_size}
        table = table.drop_columns(LATER)
        pq.write_table(table.replace_schema_metadata({b"record": json.dumps(record).encode()}), path)
    run("fishprep", "report", out)
    refused = run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, code=1)
    assert "min_score: 0.0 → 0.35" in refused.err
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, "--min-score", 0)
    run("fishprep", "verify", out)
    assert {tuple(row[name] for name in LATER) for row in rows(out).values()} == {(None,) * len(LATER)}
    run("fishprep", "retry", out, "--status", "no_face")
    assert json.loads((out / "retry-0001.json").read_text())["configuration"]["min_score"] == 0.0


@pytest.mark.parametrize("damage", [cut_short, lose_shard])
def test_build_does_not_count_a_lost_shard_as_done(
    portraits: Path, built: Path, copy_of: Copy, damage: Callable[[Path], None]
) -> None:
    out = copy_of(built)
    damage(out)
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4)
    assert shards(out) == shards(built)


def test_inspect_shows_a_shard(built: Path, tmp_path: Path) -> None:
    shown = run("fishprep", "inspect", built / "train-00000.h5").out
    assert "image/128" in shown and "pillow-bicubic" in shown and "a/00" in shown
    facts = json.loads(run("fishprep", "inspect", built / "train-00000.h5", "--json").out)
    assert facts["datasets"]["skin/8"] == ["uint8", [4, 8, 8]]
    (tmp_path / "not.h5").write_text("no")
    assert "not a shard" in run("fishprep", "inspect", tmp_path / "not.h5", code=1).err


def test_models_are_listed_with_their_terms(tmp_path: Path) -> None:
    listed = run("fishprep", "models", "list", FISHFSR_CACHE_DIR=str(tmp_path)).out
    assert "non-commercial" in listed and "missing" in listed and "present" in listed
    records = json.loads(run("fishprep", "models", "list", "--json", FISHFSR_CACHE_DIR=str(tmp_path)).out)
    assert {record["status"] for record in records} == {"present", "missing"}
    run("fishprep", "models", "verify", FISHFSR_CACHE_DIR=str(tmp_path))
    offline = run("fishprep", "models", "download", "bisenet", code=1, FISHFSR_CACHE_DIR=str(tmp_path))
    assert "parsing_bisenet.pth" in offline.err and "468e13ca" in offline.err
    new = tmp_path / "new"
    assert (
        f"{new / 'parsing_bisenet.pth'}"
        in run("fishprep", "models", "download", "bisenet", "--weights-dir", new, code=1).err
    )


@pytest.mark.parametrize("program", ["fishprep", "fishfsr"])
def test_interrupted_while_it_loads(tmp_path: Path, program: str) -> None:
    """A library that is slow to load, and Ctrl-C in the middle of it."""
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from fishcli import entry; entry.{program}()"
    stopped = subprocess.run([sys.executable, "-c", start, "--help"], capture_output=True, text=True, check=False)
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (130, "", "Interrupted.\n")


def test_help_has_an_example_everywhere() -> None:
    for name in ("build", "plan", "verify", "retry", "inspect", "report", "parse", "models list", "models download"):
        assert f"fishprep {name.split()[0]}" in run("fishprep", *name.split(), "--help").out
