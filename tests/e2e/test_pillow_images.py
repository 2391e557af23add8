"""Hostile pictures that nobody here made: the test images of Pillow's own source distribution, in one build."""

import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import PIL
import pytest
from support import rows, run
from warm import Started

FETCHED_WITHIN, BUILT_WITHIN = 540, 540  # seconds


@pytest.fixture(scope="module")
def share(request: pytest.FixtureRequest) -> int:
    """One of so many images is tried: all where that is asked for."""
    asked = "pillow_images" in request.config.option.markexpr or os.environ.get("FISHFSR_TEST_CRASH") == "all"
    return 1 if asked else 3


@pytest.fixture(scope="module")
def images(request: pytest.FixtureRequest, share: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`Tests/images` of the installed Pillow's release; from pytest's cache, or fetched where that is asked for and can be."""
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir(f"pillow-{PIL.__version__}") if cache else tmp_path_factory.mktemp("pillow")
    found = list(folder.glob("pillow-*.tar.gz"))
    if not found:
        if share > 1 and os.environ.get("CI") != "true":
            pytest.skip("fetches 47 MB where it is asked for: -m pillow_images")
        found = [_fetched(folder)]
    unpacked = tmp_path_factory.mktemp("images")
    with tarfile.open(found[0]) as archive:
        members = [member for member in archive if "/Tests/images/" in member.name and member.isfile()]
        members.sort(key=lambda member: member.name)
        archive.extractall(unpacked, members[::share], filter="data")
    (images,) = unpacked.glob("pillow-*/Tests/images")
    return images


def _fetched(folder: Path) -> Path:
    wanted = [f"pillow=={PIL.__version__}", "--no-deps", "--no-binary", ":all:"]
    try:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", *wanted, "--dest", folder],
            check=True,
            capture_output=True,
            timeout=FETCHED_WITHIN,
        )
        (found,) = folder.glob("pillow-*.tar.gz")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        pytest.skip(f"Pillow's sources cannot be fetched here: {error}")
    return found


@pytest.mark.slow
@pytest.mark.pillow_images
def test_every_image_has_its_row(images: Path, share: int, tmp_path: Path) -> None:
    out = tmp_path / "out"
    quick = ("--parser", "landmark-skin", "--detector", "blazeface")  # what is tried here is the reading
    done = Started(tmp_path, "fishprep", "build", images, out, *quick, "--device", "cpu", "--workers", 2)
    printed = "".join(done.communicate(BUILT_WITHIN))
    assert done.returncode in (0, 3), printed[-4000:]
    assert "Traceback" not in printed and "\x1b" not in printed
    table = rows(out)
    lines = json.loads((out / "manifest.json").read_text("utf-8"))["left_out"]
    left_out = sum(int(line.partition(" ")[0].replace(",", "")) for line in lines)
    files = [path for path in images.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert len(files) > 900 / share
    photos = Counter(row["path"] for row in table.values())
    assert len(photos) + left_out == len(files)
    assert all(row["status"] == "ok" or row["reason"] for row in table.values())
    assert not any("\n" in row["reason"] for row in table.values())
    kinds = Counter(row["status"] for row in table.values())
    assert kinds["undecodable"] > 30 / share and kinds["no_face"] > 200 / share and not kinds["failed"]
    run("fishprep", "verify", out)
