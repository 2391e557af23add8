"""A command that is refused leaves the folder that it was given as it was."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import QUICK, run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A photo in a folder that also holds what each command takes for results of its own kind."""
    folder = tmp_path / "photos"
    (folder / "restored_faces").mkdir(parents=True)
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "a.jpg")
    for name in ("manifest.json", "state.pt", "images.jsonl", "mine.h5"):
        (folder / name).write_text("somebody's")
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("fishprep", "build", "{}", "{}", *QUICK),
        ("fishprep", "build", "{}", "{}", *QUICK, "--overwrite"),
        ("fishprep", "parse", "{}", "{}"),
        ("fishprep", "parse", "{}/..", "{}"),
        ("fishprep", "retry", "{}", "--status", "no_face"),
        ("fishprep", "verify", "{}", "--repair"),
        ("fishprep", "report", "{}"),
        ("fishfsr", "upscale", "{}/a.jpg", "-o", "{}"),
        ("fishfsr", "train", "{}", "--out", "{}"),
        ("fishfsr", "train", "{}", "--out", "{}/new/run"),
    ],
    ids=" ".join,
)
def test_nothing_is_left(photos: Path, command: tuple[str, ...]) -> None:
    before = {path: path.stat().st_mtime_ns for path in photos.rglob("*")}
    refused = run(*(word.format(photos) for word in command), code=1)
    assert refused.err
    assert {path: path.stat().st_mtime_ns for path in photos.rglob("*")} == before
