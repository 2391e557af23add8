"""A user's build that lives: 40 real photos, 10 more, half of them killed on the way."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support import QUICK, command, rows, run, shards

pytestmark = [pytest.mark.faces, pytest.mark.usefixtures("without_workers")]


@pytest.fixture(scope="module")
def names(faces: Path) -> list[Path]:
    return sorted((faces / "celeba" / "img_align_celeba").iterdir())[:50]


@pytest.fixture(scope="module")
def forty(names: list[Path], tmp_path_factory: pytest.TempPathFactory, without_workers: None) -> tuple[Path, Path]:
    """A folder of 40 faces, split by shares, and its build."""
    photos, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("forty")
    for path in names[:40]:
        shutil.copy(path, photos)
    run("fishprep", "build", photos, out, *QUICK, "--shard-size", 8, "--split", "0.8,0.1,0.1", "--min-side", 32)
    return photos, out


def test_ten_more(forty: tuple[Path, Path], names: list[Path], tmp_path: Path) -> None:
    photos, built = forty
    out, again = tmp_path / "out", tmp_path / "again"
    shutil.copytree(built, out)
    before, old = shards(out), rows(out)
    for path in names[40:]:
        shutil.copy(path, photos)
    shutil.copytree(out, again)
    killed(out)
    run("fishprep", "extend", out, "--workers", 1)
    run("fishprep", "extend", again, "--workers", 1)
    assert shards(out) == shards(again) and rows(out) == rows(again)
    assert {name: shards(out)[name] for name in before} == before
    after = rows(out)
    assert len(after) == 50 and {name: after[name] for name in old} == old
    run("fishprep", "verify", out, "--deep")
    run("fishprep", "report", out)
    page = (out / "report.html").read_text()
    assert "<h2>Extensions</h2>" in page and str(photos) in page


def killed(out: Path) -> None:
    """An extension by two workers, killed when its first shard stands."""
    numbers = {path.name for path in out.glob("*.parquet")}
    process = subprocess.Popen(
        command("fishprep", "extend", out, "--workers", 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        if any(
            "-0" in path.name and path.name[:6] != "extend"
            for path in out.glob("*.parquet")
            if path.name not in numbers
        ):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.02)
    process.wait(timeout=60)
    assert (out / "extend-0001.parquet").exists()
