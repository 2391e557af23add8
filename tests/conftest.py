"""What every test may ask for."""

import os
import signal
from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> None:
    """A shell that starts the tests in the background has SIGINT ignored, and every process below inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of research data beside the project; a machine without it skips, continuous integration must have it."""
    if not SHARED.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"continuous integration needs the research data at {SHARED}")
        pytest.skip("needs the research data that is kept beside the project")
    return SHARED


@pytest.fixture(scope="session")
def faces(shared: Path) -> Path:
    """Real photos with ground truth."""
    return shared / "faces"
