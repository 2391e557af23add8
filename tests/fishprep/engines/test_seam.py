"""Engines and what is above them know nothing of each other, and an engine is added by the text of CONTRIBUTING alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from annotated import write_photo
from here import Here
from support import rows

import fishprep
from fishprep.common.errors import ConfigurationError
from fishprep.engines import ENGINES, create_engine
from fishprep.engines.local import LocalEngine

ROOT = Path(fishprep.__file__).parent


@pytest.mark.parametrize("room", ["builds", "reports"])
def test_nothing_above_the_engines_names_a_process(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        named |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        tops = {name.split(".")[0] for name in named}
        assert not tops & {"multiprocessing", "concurrent", "subprocess", "threading", "signal"}, path
        assert not {name for name in named if name.startswith("fishprep.engines.")} - {"fishprep.engines.base"}, path


def test_whoever_only_looks_at_a_build_loads_no_torch() -> None:
    check = """
import importlib, sys
for name in ("reports", "builds.verify", "builds.repair", "builds.retry", "builds.build", "engines"):
    importlib.import_module(f"fishprep.{name}")
    assert "torch" not in sys.modules, name
"""
    subprocess.run([sys.executable, "-c", check], check=True, timeout=120)


def test_an_engine_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(create_engine(), LocalEngine)
    with pytest.raises(ConfigurationError, match="no engine is called 'cloud': there are local"):
        create_engine("cloud")
    monkeypatch.setitem(ENGINES, "here", Here)
    assert isinstance(create_engine("here"), Here)


def test_a_build_by_another_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it writes is what worker processes write."""
    for number in range(3):
        write_photo(tmp_path / "photos", f"{number}", number)
    monkeypatch.setitem(ENGINES, "here", Here)
    settings = fishprep.BuildSettings(landmarks="annotation", parser="landmark-skin", device="cpu", workers=1)
    for engine in ("local", "here"):
        fishprep.build(tmp_path / "photos", tmp_path / engine, settings, engine=engine)
    assert len(rows(tmp_path / "here")) == 3
    for name in ("train-00000.h5", "manifest.json"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
