"""The commands answer at once: what they run is imported when it runs."""

import json
import os
import re
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import ClassVar

import cv2
import fishcli
import numpy as np
import pytest
from annotated import build, in_process, write_photo
from PIL import Image
from support import run

import fishfsr
import fishprep
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.networks import WeightsFrom
from fishprep.builds.resolved import resolve
from fishprep.common import extras
from fishprep.common.weights import WeightRecord, WeightStatus, WeightStore, find
from fishprep.public.weights import DEFAULT_WEIGHTS
from fishprep.weights import RECORDS

__all__ = ["in_process"]


def test_the_commands_are_there_without_torch() -> None:
    check = "import sys, fishcli.prep, fishcli.fsr; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Lacking(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == lacking:
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

lacking, *lines = sys.argv[1:]
sys.meta_path.insert(0, Lacking())
from fishcli import common, fsr, prep
groups = {"fishprep": (prep.cli, (common.FishPrepError,)), "fishfsr": (fsr.cli, fsr.ERRORS)}
for line in lines:
    program, *arguments = line.split()
    print(common.execute(groups[program][0], program, arguments, groups[program][1]), flush=True)
    print("=====", flush=True)
"""


def answered(lacking: str, *lines: str) -> list[str]:
    """What each command says, its exit code last, where a library cannot be loaded."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, lacking, *lines],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        env={**os.environ, "FISHFSR_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    answers = done.stdout.split("=====\n")[:-1]
    assert len(answers) == len(lines) and "Traceback" not in done.stdout
    return answers


def test_whoever_looks_at_a_build_does_not_wait_for_torch(in_process: None, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photo(photos, "a", 1)
    build(photos, out)
    looking = [
        f"fishprep {words}"
        for words in (f"verify {out}", f"rows {out}", f"describe {out}", f"diff {out} {out}", f"leaks {out}")
    ]
    looking += [
        f"fishprep report {out}",
        f"fishprep inspect {out}/train-00000.h5",
        f"fishprep move {out} {tmp_path}/to",
    ]
    for command, answer in zip(looking, answered("torch", *looking), strict=True):
        assert answer.endswith("\n0\n"), (command, answer)


def test_what_needs_no_opencv_works_without_it_and_the_rest_says_what_to_do(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (64, 64)).save(photos / "a.jpg")
    free = ["fishprep --help", "fishfsr --help", "fishprep models list", "fishfsr models", "fishprep build --help"]
    bound = [
        f"fishprep build {photos} {tmp_path}/out --parser landmark-skin --device cpu",
        f"fishprep parse {photos} {tmp_path}/maps --device cpu",
        f"fishfsr upscale {photos} -o {tmp_path}/up --device cpu",
        "fishprep doctor",
        "fishfsr doctor",
    ]
    answers = answered("cv2", *free, *bound)
    for command, answer in zip(free, answers, strict=False):
        assert answer.endswith("\n0\n") and "libGL" not in answer, command
    for command, answer in zip(bound, answers[len(free) :], strict=True):
        assert answer.count("libGL") == 1, (command, answer)
        (line,) = (line for line in answer.splitlines() if "libGL" in line)
        assert answer.endswith("\n1\n") and "libgl1" in line and "opencv-python-headless" in line, command
    assert not (tmp_path / "out").exists()


def test_doctor_finds_nothing_wrong_here() -> None:
    for program in ("fishprep", "fishfsr"):
        found = {finding["name"]: finding for finding in json.loads(run(program, "doctor", "--json").out)}
        assert found["opencv"]["value"] == cv2.__version__ and "core" in found["cpu"]["value"]
        assert (
            "onnx" in found["extra export"]["value"] and "extra dev" not in found and "free" in found["disk"]["value"]
        )
        assert "compact-fishfsr" in found["build runs"]["value"] and "x8" in found["upscale runs"]["value"]
        assert not any(finding["problem"] for finding in found.values())


def test_doctor_names_damaged_weights(tmp_path: Path) -> None:
    (tmp_path / find("bisenet", RECORDS).file).write_bytes(b"<html>")
    ran = run("fishprep", "doctor", code=1, FISHFSR_CACHE_DIR=str(tmp_path))
    assert "problem: weights bisenet" in ran.out


def test_doctor_knows_what_a_build_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = resolve(BuildConfiguration(), WeightsFrom()).configuration.weights
    needed = {record.sha256: record.name for record in RECORDS}
    assert {needed[sha256] for sha256 in taken.values()} == set(DEFAULT_WEIGHTS)

    present = WeightStore.status

    def lacking(store: WeightStore, record: WeightRecord) -> WeightStatus:
        return WeightStatus.MISSING if record.name == "compact-fishfsr" else present(store, record)

    monkeypatch.setattr(WeightStore, "status", lacking)
    ran = run("fishprep", "doctor", code=1)
    assert "problem: build runs: weights compact-fishfsr are missing" in ran.out


def test_doctor_says_which_extra_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    class Declared:
        requires: ClassVar = [
            "torch>=2",
            'no-such-library>=1; extra == "far"',
            'numpy; extra == "near"',
            'fishfsr[near,far]; extra == "all"',
        ]
        metadata = EmailMessage()

    for name in ("near", "far", "all", "dev"):
        Declared.metadata["Provides-Extra"] = name
    monkeypatch.setattr(extras, "distribution", lambda name: Declared)
    found = {each.name: each.value for each in fishprep.examine([]) if each.name.startswith("extra ")}
    assert found.keys() == {"extra near", "extra far", "extra all"}
    assert found["extra near"] == f"numpy {np.__version__}"
    assert found["extra far"] == "not here: no-such-library (pip install '.[far]' in a checkout)"
    assert found["extra all"].startswith(f"numpy {np.__version__}; not here: no-such-library")


def test_opencv_is_loaded_in_one_place() -> None:
    packages = [Path(package.__file__).parent for package in (fishprep, fishfsr, fishcli) if package.__file__]
    files = [file for package in packages for file in package.rglob("*.py")]
    loading = [file.name for file in files if re.search(r"^\s*(import|from) cv2\b", file.read_text("utf-8"), re.M)]
    assert len(files) > 100 and loading == []
