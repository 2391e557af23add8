"""A photo that kills the process which opens it, seen from the command line: found, reported, tried again."""

import json
import multiprocessing
from pathlib import Path

import pytest
from annotated import FLAGS, build, write_photo
from here import Here
from support import rows, run, shards

from fishprep.engines import ENGINES
from fishprep.engines.local import LocalEngine

pytestmark = pytest.mark.ends(300)

KILLER = """
import hashlib, os, signal
plain = hashlib.sha256
def sha256(data=b"", **more):
    if bytes(data[-7:]) == b"KILL ME":
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(data, **more)
hashlib.sha256 = sha256
"""
"""Run by every worker process as it starts: a stand-in for a decoder that a photo crashes."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(4):
        write_photo(folder, f"{number}", number)
    with open(folder / "1.png", "ab") as stream:
        stream.write(b"KILL ME")
    return folder


def test_a_photo_that_kills_costs_itself_and_is_tried_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(KILLER)
    monkeypatch.setattr(LocalEngine, "context", multiprocessing.get_context("spawn"))
    out, calm = tmp_path / "out", tmp_path / "calm"
    planned = run("fishprep", "plan", photos, *FLAGS, "--json", PYTHONPATH=str(tmp_path))
    assert json.loads(planned.out)["estimate"]["dropped"] == {"failed": 1}
    run("fishprep", "build", photos, out, *FLAGS, PYTHONPATH=str(tmp_path))
    monkeypatch.setitem(ENGINES, "local", Here)  # nothing kills any more
    table = rows(out)
    assert {name: row["status"] for name, row in table.items()} == {"0": "ok", "1": "failed", "2": "ok", "3": "ok"}
    assert "SIGKILL" in table["1"]["reason"]
    before = shards(out)
    run("fishprep", "verify", out)
    run("fishprep", "report", out)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "not opened again here" in page and "SIGKILL" in page
    done = run("fishprep", "retry", out, "--status", "failed", "--max-seconds", 90, "--json")
    assert json.loads(done.out)["by_status"] == {"ok": 4} and shards(out)["train-00000.h5"] == before["train-00000.h5"]
    run("fishprep", "verify", out)
    build(photos, calm)
    assert {name: row["fingerprint"] for name, row in rows(calm).items()} == {
        name: row["fingerprint"] for name, row in rows(out).items()
    }
