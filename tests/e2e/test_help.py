"""The commands answer at once: what they run is imported when it runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import fishcli
from PIL import Image
from support import run

import fishfsr
import fishprep
from fishprep.common.weights import find
from fishprep.weights import RECORDS


def test_the_commands_are_there_without_torch() -> None:
    check = "import sys, fishcli.prep, fishcli.fsr; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


WITHOUT_OPENCV = """
import sys
from importlib.abc import MetaPathFinder

class Lacking(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

sys.meta_path.insert(0, Lacking())
from fishcli import common, fsr, prep
groups = {"fishprep": (prep.cli, (common.FishPrepError,)), "fishfsr": (fsr.cli, fsr.ERRORS)}
for line in sys.argv[1:]:
    program, *arguments = line.split()
    print(common.execute(groups[program][0], program, arguments, groups[program][1]), flush=True)
    print("=====", flush=True)
"""


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
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OPENCV, *free, *bound],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        env={**os.environ, "FISHFSR_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    answers = done.stdout.split("=====\n")[:-1]
    assert len(answers) == len(free) + len(bound) and "Traceback" not in done.stdout
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
        assert not any(finding["problem"] for finding in found.values())


def test_doctor_names_damaged_weights(tmp_path: Path) -> None:
    (tmp_path / find("bisenet", RECORDS).file).write_bytes(b"<html>")
    ran = run("fishprep", "doctor", code=1, FISHFSR_CACHE_DIR=str(tmp_path))
    assert "problem: weights bisenet" in ran.out


def test_opencv_is_loaded_in_one_place() -> None:
    packages = [Path(package.__file__).parent for package in (fishprep, fishfsr, fishcli) if package.__file__]
    files = [file for package in packages for file in package.rglob("*.py")]
    loading = [file.name for file in files if re.search(r"^\s*(import|from) cv2\b", file.read_text("utf-8"), re.M)]
    assert len(files) > 100 and loading == []
