"""What is done with a finished build: verify, repair, retry, inspect, models."""

import builtins
import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import QUICK, rows, run, shards

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


def test_retry_takes_up_what_was_dropped(portraits: Path, tmp_path: Path) -> None:
    run("fishprep", "build", portraits, tmp_path, *QUICK, "--shard-size", 8, "--min-side", 190)
    before, old = rows(tmp_path), shards(tmp_path)
    small = {name for name, row in before.items() if row["status"] == "too_small"}
    assert 0 < len(small) < 15
    run("fishprep", "retry", tmp_path, "--status", "too_small", "--min-side", 64, "--threads", 2)
    after = rows(tmp_path)
    assert {name for name, row in after.items() if row["status"] == "ok"} == set(before) - {"b/07"}
    assert {name: shards(tmp_path)[name] for name in old} == old, "a retry never rewrites a shard"
    assert all(after[name]["shard"] >= "train-00002" for name in small)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["retries"][0]["overrides"] == {"min_side": 64, "threads": 2} and manifest["totals"]["photos"] == 16
    assert len(pq.read_table(tmp_path / "samples.parquet")) == 16
    run("fishprep", "verify", tmp_path, "--deep")
    again = run("fishprep", "build", portraits, tmp_path, *QUICK, "--shard-size", 8, "--min-side", 190)
    assert rows(tmp_path) == after, again.out
    assert "nothing to do" in run("fishprep", "retry", tmp_path, "--status", "too_small", code=1).err


@pytest.fixture(scope="session")
def too_small(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build in which some photos are too small for its limit."""
    out = tmp_path_factory.mktemp("too_small")
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, "--min-side", 190)
    return out


RETRY = ("--status", "too_small", "--min-side", 64, "--workers", 1)


@pytest.fixture
def stopped_retry(too_small: Path, copy_of: Copy, tmp_path: Path) -> Path:
    """The same with a retry in it that was killed after its first shard: what it wrote later is taken away."""
    out = copy_of(too_small)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    run("fishprep", "retry", out, *RETRY)
    written = sorted({path.stem for path in out.glob("*.h5")} - {Path(name).stem for name in before})
    assert len(written) > 1
    for name in written[1:]:
        (out / f"{name}.h5").rename(tmp_path / f"{name}.h5")
        (out / f"{name}.parquet").unlink()
    for name in ("manifest.json", "samples.parquet"):
        (out / name).write_bytes(before[name])
    return out


def test_a_stopped_retry_goes_on_with_the_same_settings(stopped_retry: Path, tmp_path: Path) -> None:
    stood = {path.name: path.stat().st_mtime_ns for path in stopped_retry.glob("*.h5")}
    done = run("fishprep", "retry", stopped_retry, *RETRY, "--json")
    assert json.loads(done.out)["resumed"] == 1
    for lost in tmp_path.glob("*.h5"):
        assert (stopped_retry / lost.name).read_bytes() == lost.read_bytes()
    assert {name: (stopped_retry / name).stat().st_mtime_ns for name in stood} == stood
    run("fishprep", "verify", stopped_retry)


def test_a_stopped_retry_is_no_dead_end(portraits: Path, too_small: Path, stopped_retry: Path) -> None:
    other = ("--status", "too_small", "--min-side", 100, "--workers", 1)
    before = shards(stopped_retry)
    refused = run("fishprep", "retry", stopped_retry, *other, code=1).err
    for words in ("retry-0001.json", "too_small, min-side 64", "1 of", "min_side: 64 → 100", "--overwrite"):
        assert words in refused
    refused = run("fishprep", "retry", stopped_retry, "--status", "no_face", "--min-side", 64, code=1).err
    assert "status: too_small → no_face" in refused and "Traceback" not in refused
    assert shards(stopped_retry) == before
    run("fishprep", "retry", stopped_retry, *other, "--overwrite")
    manifest = json.loads((stopped_retry / "manifest.json").read_text())
    assert [retry["overrides"] for retry in manifest["retries"]] == [{"min_side": 100}]
    assert set(shards(too_small)) < set(shards(stopped_retry))
    run("fishprep", "verify", stopped_retry)


def test_a_stopped_retry_of_photos_that_are_gone(portraits: Path, stopped_retry: Path, tmp_path: Path) -> None:
    recorded = json.loads((stopped_retry / "retry-0001.json").read_text())
    start = json.loads((stopped_retry / "configuration.json").read_text())
    photos = tmp_path / "fewer"
    shutil.copytree(portraits, photos)
    (photos / f"{recorded['photos'][0]}.jpg").unlink()
    start["source"]["root"] = str(photos)
    (stopped_retry / "configuration.json").write_text(json.dumps(start))
    refused = run("fishprep", "retry", stopped_retry, *RETRY, code=1).err
    assert "photos gone from the source: 1" in refused and "--overwrite" in refused


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
        del record["rows_sha256"]
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


def test_a_link_out_of_the_source_is_taken_by_retry(portraits: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    shutil.copy(portraits / "a" / "02.jpg", photos)
    (photos / "link.jpg").symlink_to(portraits / "a" / "04.jpg")
    built = run("fishprep", "build", photos, out, *QUICK)
    assert "1 sample (1 train) of 2 photos" in built.out and "dropped: 1 link_outside" in built.out
    assert "1 worker x 1 thread\n" in built.err
    assert "1 shard, 1 sample: sound" in run("fishprep", "verify", out).out
    run("fishprep", "retry", out, "--status", "link_outside", "--follow-links", "--workers", 1)
    assert {row["status"] for row in rows(out).values()} == {"ok"}
    assert json.loads((out / "retry-0001.json").read_text())["follow_links"] is True
    assert "2 shards, 2 samples: sound" in run("fishprep", "verify", out).out


def test_kept_photos_are_not_tried_again(built: Path, copy_of: Copy) -> None:
    out = copy_of(built)
    assert "not tried again" in run("fishprep", "retry", out, "--status", "ok", code=1).err
    assert shards(out) == shards(built) and not list(out.glob("retry-*"))


@pytest.mark.parametrize("damage", [cut_short, lose_shard])
def test_build_does_not_count_a_lost_shard_as_done(
    portraits: Path, built: Path, copy_of: Copy, damage: Callable[[Path], None]
) -> None:
    out = copy_of(built)
    damage(out)
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4)
    assert shards(out) == shards(built)


def test_retry_without_a_status_lists_them(built: Path) -> None:
    assert "no_face" in run("fishprep", "retry", built, code=2).err


def test_retry_of_nothing_that_is_a_build(tmp_path: Path) -> None:
    assert "not the folder of a build" in run("fishprep", "verify", tmp_path, code=1).err
    assert "not a finished build" in run("fishprep", "retry", tmp_path, "--status", "ok", code=1).err


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
