"""What the tests of crashes need of the machine."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import STRACE, commands
from scenarios import Stage


@pytest.fixture(scope="session")
def strace() -> None:
    """A machine without strace skips; continuous integration must have it."""
    if STRACE is None:
        if os.environ.get("CI") == "true":
            pytest.fail("continuous integration needs strace")
        pytest.skip("needs strace (Debian's package of that name)")


@pytest.fixture(scope="session")
def stage(strace: None) -> Iterator[Stage]:
    """Where scenarios run: in memory, where the machine has such a drive."""
    place = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(dir=place))
    try:
        (folder / "stage").mkdir()
        with commands(folder) as running:
            yield Stage(folder / "stage", running)
    finally:
        shutil.rmtree(folder)
