"""`fishprep retry` on a finished build: what was dropped is tried again, into further shards."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import QUICK, rows, run, shards

from fishprep.engines import ENGINES
from fishprep.engines.local import LocalEngine

pytestmark = pytest.mark.usefixtures("without_workers")

Copy = Callable[[Path], Path]
RETRY = ("--status", "too_small", "--min-side", 64, "--workers", 1)


def test_retry_takes_up_what_was_dropped(portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "local", LocalEngine)
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


@pytest.fixture(scope="module")
def too_small(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build in which some photos are too small for its limit."""
    out = tmp_path_factory.mktemp("too_small")
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, "--min-side", 190)
    return out


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


def test_retry_without_a_status_lists_them(built: Path) -> None:
    assert "no_face" in run("fishprep", "retry", built, code=2).err


def test_retry_of_nothing_that_is_a_build(tmp_path: Path) -> None:
    assert "not the folder of a build" in run("fishprep", "verify", tmp_path, code=1).err
    assert "not a finished build" in run("fishprep", "retry", tmp_path, "--status", "ok", code=1).err
