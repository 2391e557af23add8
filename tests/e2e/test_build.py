"""`fishprep build` and what comes after it: the same bytes however it went, and nothing lost however it ended."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from annotated import in_process
from support import QUICK, command, rows, run, shards
from warm import Started

KILLS = int(os.environ.get("FISHFSR_TEST_KILLS", "5"))
Copy = Callable[[Path], Path]
HERE = pytest.mark.usefixtures("in_process")
"""Without workers, which take seconds to start, where they are not the matter."""
__all__ = ["in_process"]


@pytest.fixture
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a command that runs by itself prints to."""
    return tmp_path_factory.mktemp("said")


def test_a_build_is_what_it_says(portraits: Path, built: Path) -> None:
    table = rows(built)
    assert len(table) == 16 and table["b/07"]["status"] == "no_face"
    kept = {name: row for name, row in table.items() if row["status"] == "ok"}
    assert len(kept) >= 14
    for row in kept.values():
        assert row["score"] > 0
        with h5py.File(built / f"{row['shard']}.h5") as shard:
            assert shard["id"].asstr()[row["index"]] == row["id"]
            np.testing.assert_array_equal(shard["box"][row["index"]], np.array(row["box"], np.float32))
            points = shard["landmarks"][row["index"]]
            left, right = points[36:42].mean(0), points[42:48].mean(0)
            assert 20 < left[0] < right[0] < 108 and np.linalg.norm(right - left) > 20
            assert 0.1 < shard["skin/128"][row["index"]].mean() < 0.8
    manifest = json.loads((built / "manifest.json").read_text())
    assert manifest["totals"]["samples"] == len(kept) and manifest["totals"]["photos"] == 16
    assert manifest["configuration"]["parser"] == "landmark-skin" and len(manifest["shards"]) == 4


@pytest.mark.parametrize("workers", [1, 4])
def test_the_bytes_do_not_depend_on_the_workers(portraits: Path, built: Path, tmp_path: Path, workers: int) -> None:
    run("fishprep", "build", portraits, tmp_path, *QUICK, "--shard-size", 4, "--workers", workers)
    assert shards(tmp_path) == shards(built)
    assert rows(tmp_path) == rows(built)


@HERE
def test_building_again_changes_nothing(portraits: Path, built: Path, copy_of: Copy) -> None:
    out = copy_of(built)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.h5")}
    again = run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, "--json")
    assert json.loads(again.out)["built"] == 0 and json.loads(again.out)["resumed"] == 4
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.h5")} == before


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_the_same(portraits: Path, built: Path, tmp_path: Path, said: Path) -> None:
    words = ("build", portraits, tmp_path, *QUICK, "--shard-size", 4, "--workers", 2, "--quiet")
    rng = random.Random(0)
    finished = 0
    for _ in range(KILLS):
        process = Started(said, "fishprep", *words)
        with suppress(subprocess.TimeoutExpired):  # it may be done before
            process.wait(rng.uniform(0.2, 4.0))
        process.kill()
        process.wait()
        for path in tmp_path.glob("*.h5"):  # whatever has a final name is whole
            assert path.read_bytes() == (built / path.name).read_bytes()
        now = len(list(tmp_path.glob("train-*.parquet")))
        assert now >= finished, "finished work was lost"
        finished = now
        if finished == 4:
            shutil.rmtree(tmp_path)
            finished = 0
    run("fishprep", "build", portraits, tmp_path, *QUICK, "--shard-size", 4, "--workers", 2)
    assert shards(tmp_path) == shards(built) and rows(tmp_path) == rows(built)
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_says_how_to_go_on(
    portraits: Path, tmp_path: Path, said: Path, number: signal.Signals, code: int
) -> None:
    words = ("fishprep", "build", portraits, tmp_path, *QUICK, "--shard-size", 1, "--workers", 1)
    process: Started | subprocess.Popen[str]
    if number == signal.SIGINT:  # once as a shell starts it, with workers that load all that they need
        process = subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    else:
        process = Started(said, *words)
    while not list(tmp_path.glob("train-00001.parquet")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "fishprep build" in err and "are kept" in err and "Traceback" not in err
    assert list(tmp_path.glob("train-00001.h5"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--expand", "1.4"), "expand: None → 1.4"),
        (("--shard-size", "5"), "shard_size: 4 → 5"),
        (("--resizer", "torch-bicubic"), "resizer: pillow-bicubic → torch-bicubic"),
    ],
)
def test_resuming_with_other_settings_is_refused(
    portraits: Path, built: Path, copy_of: Copy, change: tuple[str, ...], words: str
) -> None:
    out = copy_of(built)
    refused = run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, *change, code=1)
    assert words in refused.err and shards(out) == shards(built)


@HERE
def test_resuming_with_other_photos_is_refused(portraits: Path, built: Path, copy_of: Copy, tmp_path: Path) -> None:
    out, photos = copy_of(built), tmp_path / "photos"
    shutil.copytree(portraits, photos)
    (photos / "a" / "00.jpg").unlink()
    (photos / "new.jpg").write_bytes((photos / "a" / "02.jpg").read_bytes())
    (photos / "a" / "04.jpg").write_bytes((photos / "a" / "02.jpg").read_bytes())
    refused = run("fishprep", "build", photos, out, *QUICK, "--shard-size", 4, code=1)
    for words in ("photos added: 1 (new)", "photos gone: 1 (a/00)", "photos changed: 1 (a/04)"):
        assert words in refused.err
    (out / "mine-00000.h5").write_text("somebody else's")
    run("fishprep", "build", photos, out, *QUICK, "--shard-size", 4, "--overwrite")
    assert (out / "mine-00000.h5").exists(), "--overwrite removes only what a build writes"
    assert "new" in rows(out) and "a/00" not in rows(out)


def test_no_resume_and_foreign_folders(portraits: Path, built: Path, copy_of: Copy, tmp_path: Path) -> None:
    refused = run("fishprep", "build", portraits, copy_of(built), *QUICK, "--no-resume", code=1)
    assert "holds a build already" in refused.err
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "precious.h5").write_text("somebody else's")
    refused = run("fishprep", "build", portraits, foreign, *QUICK, code=1)
    assert "precious.h5" in refused.err and (foreign / "precious.h5").read_text() == "somebody else's"


def test_one_build_at_a_time(portraits: Path, tmp_path: Path, said: Path) -> None:
    first = Started(said, "fishprep", "build", portraits, tmp_path, *QUICK, "--workers", 1)
    while not (tmp_path / "configuration.json").exists():
        assert first.poll() is None
        time.sleep(0.02)
    second = run("fishprep", "build", portraits, tmp_path, *QUICK, code=None)
    first.kill()
    first.wait()
    assert second.code == 1 and "another build is at work" in second.err


@HERE
def test_a_full_disk_loses_nothing(portraits: Path, tmp_path: Path, said: Path) -> None:
    """The limit on a file's size stands for the disk: the plan fits, a shard of 16 photos does not."""
    words = ("build", portraits, tmp_path, *QUICK, "--shard-size", 16, "--workers", 1)
    refused = Started(said, "fishprep", *words, limit=1_000_000)
    _, err = refused.communicate(timeout=120)
    assert refused.returncode == 1 and "Traceback" not in err
    assert "too large" in err and "train-00000" in err and "run the same command" in err
    assert not list(tmp_path.glob("*.h5")) and not list(tmp_path.glob(".*.tmp"))
    run("fishprep", *words)
    assert len(rows(tmp_path)) == 16


@HERE
def test_max_drop_exits_with_3_and_keeps_everything(portraits: Path, tmp_path: Path) -> None:
    done = run("fishprep", "build", portraits, tmp_path, *QUICK, "--max-drop", "0.01", code=3)
    assert "--max-drop" in done.err and (tmp_path / "manifest.json").exists()


@HERE
def test_settings_from_file_and_environment_and_who_wins(portraits: Path, tmp_path: Path) -> None:
    config = tmp_path / "build.toml"
    config.write_text('shard-size = 7\nparser = "landmark-skin"\nresizer = "torch-bicubic"\n')
    planned = run(
        "fishprep",
        "plan",
        portraits,
        "--config",
        config,
        "--resizer",
        "matlab-bicubic",
        "--json",
        FISHPREP_EXPAND="1.6",
    )
    configuration = json.loads(planned.out)["configuration"]
    assert (configuration["shard_size"], configuration["expand"]) == (7, 1.6)
    assert configuration["resizer"] == "matlab-bicubic"
    config.write_text("shard_sise = 7\n")
    refused = run("fishprep", "plan", portraits, "--config", config, code=2)
    assert "unknown key 'shard_sise'" in refused.err and "shard-size" in refused.err


@HERE
def test_plan_writes_nothing_and_is_right(portraits: Path, built: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in portraits.rglob("*")}
    planned = json.loads(run("fishprep", "plan", portraits, *QUICK, "--shard-size", 4, "--json").out)
    assert planned["photos"] == {"train": 16} and planned["shards"] == 4
    assert {path: path.stat().st_mtime_ns for path in portraits.rglob("*")} == before
    true_size = sum(len(data) for data in shards(built).values())
    assert planned["estimate"]["shard_bytes"] == pytest.approx(true_size, rel=0.15)
    shown = run("fishprep", "plan", portraits, *QUICK)
    assert "photos, train" in shown.out and "disk" in shown.out


@HERE
def test_names_in_a_file_and_in_the_environment_are_the_flags(portraits: Path, built: Path, tmp_path: Path) -> None:
    config = tmp_path / "build.toml"
    config.write_text('json = true\nskin-classes = ["skin", "nose"]\n')
    refused = run("fishprep", "plan", portraits, "--config", config, "--parser", "landmark-skin", code=None)
    assert "landmark-skin knows only skin" in refused.err
    config.write_text('json = true\nparser = "landmark-skin"\nskin-classes = ["skin"]\n')
    planned = run("fishprep", "plan", portraits, "--config", config)
    assert json.loads(planned.out)["configuration"]["skin_classes"] == ["skin"]
    assert json.loads(run("fishprep", "verify", built, FISHPREP_JSON="1").out)["problems"] == []
    config.write_text('status = "outside"\n')
    for given, environment in ((("--config", config), {}), ((), {"FISHPREP_STATUS": "outside"})):
        refused = run("fishprep", "retry", built, *given, code=1, **environment)
        assert "no photo has status outside" in refused.err
    config.write_text("statuses = []\n")
    refused = run("fishprep", "retry", built, "--config", config, code=2)
    assert "unknown key 'statuses'" in refused.err and "status, " in refused.err


@HERE
def test_what_is_left_out_is_said_in_one_line(portraits: Path, tmp_path: Path) -> None:
    photos, split = tmp_path / "photos", tmp_path / "split.txt"
    shutil.copytree(portraits / "a", photos)
    (photos / "b.gif").write_bytes(b"GIF89a")
    split.write_text("00 train\n02 val\n")
    words = f"left out: 6 photos not named in {split}, 1 file of other formats (1 .gif)\n"
    planned = run("fishprep", "plan", photos, *QUICK, "--split", split)
    assert words in planned.err
    planned = run("fishprep", "plan", photos, *QUICK, "--split", split, "--json")
    assert [entry["count"] for entry in json.loads(planned.out)["left_out"]] == [6, 1]
    out = tmp_path / "out"
    assert words in run("fishprep", "build", photos, out, *QUICK, "--split", split).err
    assert ", ".join(json.loads((out / "manifest.json").read_text())["left_out"]) in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parser", "bisenet"), ("parsing_bisenet.pth", "468e13ca13a9b43c", "--parser-weights", "http")),
        (("--parser", "nonsense"), ("no parser is called 'nonsense'",)),
        (("--landmarks", "nonsense"), ("no landmark backend is called 'nonsense'",)),
        ((*QUICK, "--device", "cuda:9"), ("cuda:9", "CUDA devices")),
        ((*QUICK, "--device", "tpu"), ("expected auto, cpu, cuda",)),
        ((*QUICK, "--expand", "0.01"), ("--expand",)),
        ((*QUICK, "--mask-resizer", "bilinear"), ("bilinear", "nearest")),
        ((*QUICK, "--keep-classes"), ("landmark-skin", "only skin")),
        ((*QUICK, "--skin-classes", "skim"), ("skim",)),
        ((*QUICK, "--split", "nothing.txt"), ("nothing.txt",)),
        ((*QUICK, "--max-pixels", "999999999999"), ("--max-pixels",)),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    portraits: Path, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    refused = run("fishprep", "build", portraits, out, *arguments, code=1, FISHFSR_CACHE_DIR=str(cache))
    for word in words:
        assert word in refused.err
    assert not out.exists()


def test_a_folder_that_cannot_be_written_is_named(portraits: Path, built: Path, copy_of: Copy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "out"
    for arguments in (("build", portraits, below, *QUICK), ("demo", below)):
        refused = run("fishprep", *arguments, code=1)
        assert f"{below}" in refused.err and "cannot build in it: Not a directory" in refused.err
    out = copy_of(built)
    (out / ".lock").unlink(missing_ok=True)
    (out / ".lock").mkdir()  # stands for a folder without the right to write, which means nothing to root
    for arguments in (
        ("build", portraits, out, *QUICK, "--shard-size", 4),
        ("retry", out, "--status", "no_face"),
        ("verify", out, "--repair"),
    ):
        refused = run("fishprep", *arguments, code=1)
        assert "cannot build in it" in refused.err and ".lock" in refused.err
    assert "Not a directory" in run("fishprep", "report", out, "--html", below, code=1).err


def test_usage_errors_exit_with_2(tmp_path: Path) -> None:
    assert "does not exist" in run("fishprep", "build", tmp_path / "none", tmp_path / "out", code=2).err
    assert "No such option" in run("fishprep", "build", tmp_path, tmp_path / "out", "--wokers", "2", code=2).err


@HERE
def test_several_faces(tmp_path: Path) -> None:
    from PIL import Image
    from support import astronaut, hopper

    photos, tile = tmp_path / "photos", astronaut()[20:220, 130:330]
    photos.mkdir()
    Image.fromarray(np.vstack([np.hstack([tile] * 4)] * 3)).save(photos / "twelve.png")
    Image.fromarray(hopper()).save(photos / "one.png")
    run("fishprep", "build", photos, tmp_path / "all", *QUICK, "--faces", "all")
    table = rows(tmp_path / "all")
    assert set(table) == {"one", *(f"twelve#{k}" for k in range(12))}
    boxes = np.array([table[f"twelve#{k}"]["box"] for k in range(12)])
    assert (np.diff((boxes[:, 0] + boxes[:, 2]) / 2) >= -1.5).all(), "faces are numbered from the left"
    run("fishprep", "build", photos, tmp_path / "reject", *QUICK, "--faces", "reject")
    assert rows(tmp_path / "reject")["twelve"]["status"] == "several_faces"
    assert "12 faces" in rows(tmp_path / "reject")["twelve"]["reason"]


@HERE
def test_what_is_not_the_builds_stays(portraits: Path, built: Path, copy_of: Copy) -> None:
    out = copy_of(built)
    foreign = ("celeba-20240101.h5", "celeba-20240101.parquet", ".notes.tmp", "train-20240101.h5", "retry-notes.json")
    for name in foreign:
        (out / name).write_text("somebody's")
    (out / "train-00002.parquet").unlink()
    for flags in ((), ("--overwrite",)):
        run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, *flags)
        assert [(out / name).read_text() for name in foreign] == ["somebody's"] * len(foreign)
    assert shards(built).items() <= shards(out).items()
    assert "no shard of this build" in run("fishprep", "verify", out, code=1).out


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_a_folder_without_a_build_is_left_as_it_is(portraits: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    for name in ("manifest.json", "report.html"):
        (tmp_path / name).write_text("somebody's")
    refused = run("fishprep", "build", portraits, tmp_path, *QUICK, *flags, code=1)
    assert "manifest.json" in refused.err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("manifest.json", "report.html"), "somebody's"
    )
