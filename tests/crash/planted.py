"""Faults of one line, each planted into a copy of the project, and the tests that notice it: proof that these tests see.

    python tests/crash/planted.py [WORD...]     # those with one of the words in their names

prints a table, and ends with 1 where one was not noticed.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import cv2  # noqa: F401 (what takes long to load, and is no part of the project: those that are forked have it)
import dlib  # noqa: F401
import h5py  # noqa: F401
import hypothesis.stateful  # noqa: F401
import pyarrow.parquet  # noqa: F401
import pydantic  # noqa: F401
import pytest
import skimage.data  # noqa: F401
import torch  # noqa: F401
from faults import PLANTED, Planted

ROOT = Path(__file__).parents[2]
COPIED = ("fishprep", "fishfsr", "cli", "tests", "weights", "pyproject.toml", "README.md")


def copy_of_project(folder: Path) -> None:
    """What tests need, without what git does not know."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / name)


def plant(fault: Planted, folder: Path) -> None:
    """Change the copy."""
    path = folder / fault.file
    text = path.read_text()
    assert text.count(fault.old) == 1, f"{fault.name}: {text.count(fault.old)} times in {fault.file}"
    compile(text.replace(fault.old, fault.new), fault.file, "exec")
    path.write_text(text.replace(fault.old, fault.new))


def who_notices(fault: Planted, folder: Path) -> str | None:
    """The first test that fails; None where all pass."""
    shutil.copy(folder / fault.file, folder / "kept")
    plant(fault, folder)
    try:
        code, printed = _tested(folder, fault.tests)
        failed = [_test(line) for line in printed.splitlines() if line.startswith(("FAILED", "ERROR"))]
        assert code == bool(failed), f"{fault.name}: pytest ended with {code}: {printed[-2000:]}"
        return failed[0] if failed else None
    finally:
        shutil.copy(folder / "kept", folder / fault.file)


def _test(line: str) -> str:
    """Of pytest's line on it, its name; why it failed too where the time was up, which a machine that has much to do may bring about."""
    return line if "no end after" in line else line.split(" - ")[0]


def _tested(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """pytest's exit code, and what it printed, in a process that has the libraries loaded and the copy's packages still to load."""
    log = folder / "log"
    child = os.fork()
    if not child:
        code = 70
        try:
            os.chdir(folder)
            sys.path[:0] = [str(folder), str(folder / "cli")]
            os.environ["PYTHONPATH"] = f"{folder}:{folder / 'cli'}"
            written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(written, 1)
            os.dup2(written, 2)
            code = int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *tests]))
            sys.stdout.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), log.read_text(errors="replace")


def main() -> None:
    """Plant each, one after another."""
    words = sys.argv[1:] or [""]
    missed = count = 0
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copy_of_project(folder)
        for fault in (fault for fault in PLANTED if any(word in fault.name for word in words)):
            began = time.monotonic()
            noticed = who_notices(fault, folder)
            count += 1
            missed += noticed is None
            print(f"{fault.name:52} {noticed or 'NOT NOTICED':90} {time.monotonic() - began:.0f} s", flush=True)
    print(f"{count} planted, {missed} not noticed")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
