"""The command `fishfsr` through its entry point: what it prints, its exit codes, and that errors show no traceback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import authors
import pytest
import torch
from fishcli.fsr import main

import fishfsr
from fishfsr.checkpoint import Checkpoint, save_checkpoint


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["fishfsr", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit:
            main()
        return Ran(int(exit.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def authors_files(tmp_path: Path) -> tuple[Path, Path]:
    """Checkpoints of the authors' x4 and ParsingNet, width 4."""
    files = tmp_path / "x4.pth", tmp_path / "parsing.pth"
    for path, name in zip(files, ("x4", "parsingnet"), strict=True):
        torch.save({key: torch.full(shape, 0.01) for key, shape in authors.keys(name, 4).items()}, path)
    return files


def test_version_and_help(run: Run) -> None:
    assert fishfsr.__version__ in run("--version").out
    for words in ((), ("models",), ("models", "import"), ("models", "show"), ("export",)):
        ran = run(*words, "--help")
        assert ran.code == 0
        assert not words or f"\n  fishfsr {words[0]} " in ran.out  # an example


def test_models_are_listed_with_computed_sizes(run: Run) -> None:
    listed = json.loads(run("models", "list", "--json").out)
    rows = {row["name"]: row for row in listed["networks"]}
    assert set(rows) == {record.name for record in fishfsr.list_models()}
    assert rows["fishfsrnet_x8"]["parameters"] == 7_011_843
    assert rows["fishfsrnet_x8"]["input_size"] == [16, 16]
    table = run("models")
    assert table.code == 0 and "7,011,843" in table.out and "30.218" in table.out
    shipped = {model["name"]: model for model in listed["shipped"]}
    assert list(shipped)[:5] == ["x2", "x4", "x8", "x16", "x4-wild"] and shipped["x8"]["sides"] == [11, 22]
    (line,) = (line for line in table.out.splitlines() if line.startswith("x8 "))
    for text in ("16x16", "11-22 px", "sharp", "26.93 dB", "23.73 dB", "present", "non-commercial"):
        assert text in line


def test_import_then_show(run: Run, authors_files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "pair.safetensors"
    ran = run("models", "import", *authors_files, out)
    assert ran.code == 0 and "authors_fishfsrnet" in ran.out
    shown = json.loads(run("models", "show", out, "--json").out)
    assert shown["sr_net"]["config"]["scale"] == shown["details"]["scale"] == 4
    assert shown["parsing_net"]["config"]["map_channels"] == 3
    assert "x4.pth" in shown["details"]["source"]
    assert fishfsr.load(out, device="cpu").upscale(torch.rand(1, 3, 4, 4)).shape == (1, 3, 16, 16)
    again = run("models", "import", authors_files[0], out)
    assert again.code == 1 and "--overwrite" in again.err
    assert run("models", "import", authors_files[0], out, "--overwrite").code == 0
    assert "parsing_net" not in run("models", "show", out).out


def test_errors_are_one_message(run: Run, authors_files: tuple[Path, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"\x80\x04nothing")
    out = tmp_path / "out.safetensors"
    for arguments, message in (
        (("models", "import", bad, out), "bad.pth"),
        (("models", "import", authors_files[0], authors_files[0], out), "same kind"),
        (("models", "show", authors_files[0]), "fishfsr models import"),
    ):
        ran = run(*arguments)
        assert ran.code == 1 and message in ran.err
        assert "Traceback" not in ran.err and len(ran.err.strip().splitlines()) == 1
    assert not out.exists()


def test_wrong_usage_is_2(run: Run, tmp_path: Path) -> None:
    assert run("models", "import", tmp_path / "absent.pth", tmp_path / "o.safetensors").code == 2
    assert run("export").code == 2


def test_export_takes_flags_from_the_environment(
    run: Run, pair: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export itself has its own test: here it is stopped at a file that exists, which the environment then allows."""
    checkpoint, out = tmp_path / "x4.safetensors", tmp_path / "x4.onnx"
    save_checkpoint(checkpoint, Checkpoint(sr_net=pair.sr_net))
    out.write_bytes(b"precious")
    assert "--overwrite" in run("export", checkpoint, out).err
    monkeypatch.setenv("FISHFSR_OVERWRITE", "1")
    ran = run("export", checkpoint, out)
    assert ran.code == 1 and "no ParsingNet" in ran.err
    assert out.read_bytes() == b"precious"
