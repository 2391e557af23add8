"""onnxruntime is loaded in one place, which keeps it from writing and sending anything."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOAD = "from fishprep.common.onnx_runtime import load_onnxruntime; load_onnxruntime()"


def left_by(program: str, folder: Path) -> list[str]:
    """What a program leaves in its home and among temporary files, where nothing says that it is a test."""
    shown = ("PATH", "LANG", "PYTHONPATH")  # onnxruntime sends nothing from CI, which it knows by variables
    environment = {name: os.environ[name] for name in shown if name in os.environ}
    places = {"HOME": folder, "XDG_CACHE_HOME": folder, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {name: str(value) for name, value in places.items()}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, cwd=ROOT)
    return sorted(path.name for path in folder.iterdir())


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    assert left_by(LOAD, tmp_path) == []


def test_who_has_decided_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    from fishprep.common.onnx_runtime import SILENT, load_onnxruntime

    monkeypatch.setenv(SILENT, "0")
    load_onnxruntime()
    assert os.environ[SILENT] == "0"
    monkeypatch.delenv(SILENT)
    load_onnxruntime()
    assert os.environ[SILENT] == "1"


def test_nobody_loads_it_elsewhere() -> None:
    found = []
    for package in ("fishprep", "fishfsr", "cli"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            for node in ast.walk(ast.parse(text)) if "onnxruntime" in text else ():
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if any(name.partition(".")[0] == "onnxruntime" for name in names):
                    found.append(path.name)
    assert found == []
