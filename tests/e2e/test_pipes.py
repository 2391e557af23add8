"""A pipe where a file is asked for is refused at once: opened as a file it would be waited for, deaf to Ctrl-C."""

import os
import threading
from pathlib import Path

import pytest
from support import run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes with names are POSIX's")


@pytest.fixture
def pipes(tmp_path: Path) -> Path:
    """A folder of pipes. Somebody at the other end ends them at once, so that a command that reads one fails and does not hang."""
    folder = tmp_path / "pipes"
    folder.mkdir()
    for name in ("a.toml", "a.safetensors", "a.pth", "manifest.json", "plan.parquet", "configuration.json"):
        os.mkfifo(folder / name)
        threading.Thread(target=_end, args=(folder / name,), daemon=True).start()
    return folder


def _end(pipe: Path) -> None:
    while True:
        os.close(os.open(pipe, os.O_WRONLY))


@pytest.mark.parametrize(
    "command",
    [
        ("fishprep", "build", "{}", "{}/out", "--config", "{}/a.toml"),
        ("fishprep", "report", "{}"),
        ("fishprep", "verify", "{}"),
        ("fishfsr", "train", "{}", "--out", "{}/run", "--config", "{}/a.toml"),
        ("fishfsr", "train", "{}", "--out", "{}/run", "--init", "{}/a.safetensors"),
        ("fishfsr", "upscale", "{}", "-o", "{}/out", "--model", "{}/a.safetensors"),
        ("fishfsr", "eval", "{}/a.safetensors", "{}"),
        ("fishfsr", "export", "{}/a.safetensors", "{}/out.onnx"),
        ("fishfsr", "models", "import", "{}/a.pth", "{}/out.safetensors"),
    ],
    ids=" ".join,
)
def test_a_pipe_is_refused(pipes: Path, command: tuple[str, ...]) -> None:
    refused = run(*(word.format(pipes) for word in command), code=None)
    assert refused.code in (1, 2) and "not a regular file" in refused.err
