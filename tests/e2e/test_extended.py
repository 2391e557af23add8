"""A user's build that lives: 40 real photos, 10 more, half of them killed on the way; then all else that is done to one."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from support import QUICK, rows, run, shards
from warm import Started

NETWORK = ("--parser", "compact-fishfsr")
TINY = ("parsing.width=4", "parsing.blocks=1", "parsing.batch_size=2", "parsing.steps=1")

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


def test_ten_of_another_folder_and_what_becomes_of_the_set(
    forty: tuple[Path, Path], names: list[Path], tmp_path: Path
) -> None:
    """Extended, given better maps, searched for leaks, described, compared with what it was, trained from by a view."""
    more, out, new = tmp_path / "more", Path(shutil.copytree(forty[1], tmp_path / "out")), tmp_path / "new"
    more.mkdir()
    for path in names[40:]:
        shutil.copy(path, more)
    run("fishprep", "extend", out, more, "--prefix", "more", "--workers", 1)
    run("fishprep", "remap", out, new, *NETWORK, "--workers", 1)
    run("fishprep", "verify", new, "--deep")
    searched = json.loads(run("fishprep", "leaks", new, "--json", "-q").out)
    assert searched["faces"] == sum(row["status"] == "ok" for row in rows(new).values()) and searched["leaks"] == []

    compared = json.loads(run("fishprep", "diff", forty[1], new, "--json", code=3).out)
    assert len(compared["gained"]) == 10 and compared["lost"] == compared["moved"] == []
    run("fishprep", "describe", new)
    described = json.loads((new / "croissant.json").read_text())
    assert "http://mlcommons.org/croissant/1.1" in described["conformsTo"] and (new / "card.md").exists()

    condition = "abs(yaw) < 20"
    seen = json.loads(run("fishprep", "rows", new, "--where", f"{condition} and split == 'train'", "--json").out)
    words = ("--where", condition, "--device", "cpu", *(word for each in TINY for word in ("--set", each)))
    told = run("fishfsr", "train", new, "--out", tmp_path / "run", "--stage", "parsing", *words).err
    assert re.search(rf"^{len(seen)} faces, x8", told, re.MULTILINE) and 0 < len(seen) < searched["faces"]


def killed(out: Path) -> None:
    """An extension by two workers, killed when its first shard stands."""
    numbers = {path.name for path in out.glob("*.parquet")}
    process = Started(out.parent, "fishprep", "extend", out, "--workers", 2)
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
