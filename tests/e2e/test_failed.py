"""A photo that kills the process which opens it, seen from the command line: found, reported, tried again."""

import json
from pathlib import Path

import pytest
from PIL import Image
from support import QUICK, astronaut, hopper, rows, run, shards

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
        whole = astronaut() if number % 2 else hopper()
        Image.fromarray(whole[number : 400 + number, 20:420]).save(folder / f"{number}.jpg")
    with open(folder / "1.jpg", "ab") as stream:
        stream.write(b"KILL ME")
    return folder


def test_a_photo_that_kills_costs_itself_and_is_tried_again(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(KILLER)
    out, calm = tmp_path / "out", tmp_path / "calm"
    planned = run("fishprep", "plan", photos, *QUICK, "--json", PYTHONPATH=str(tmp_path))
    assert json.loads(planned.out)["estimate"]["dropped"] == {"failed": 1}
    run("fishprep", "build", photos, out, *QUICK, PYTHONPATH=str(tmp_path))
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
    run("fishprep", "build", photos, calm, *QUICK)
    assert {name: row["fingerprint"] for name, row in rows(calm).items()} == {
        name: row["fingerprint"] for name, row in rows(out).items()
    }
