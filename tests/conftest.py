"""What every test may ask for."""

import functools
import logging
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType

import dlib
import pytest
import torch
from warm import begin, warm

from fishprep.engines.local import LocalEngine

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parent.parent / "shared"
SLOWEST = (TESTS / "slowest.txt").read_text().split()
"""Files of tests that take longest, the longest first."""


LONGEST = 540
"""Seconds after which a test that has no end of its own fails. Before `faulthandler_timeout`, which ends all tests: that is for what
hangs where no exception can be raised."""


def pytest_configure(config: pytest.Config) -> None:
    """One of several workers forks the process that others are forked from: each would load everything twice."""
    if hasattr(config, "workerinput"):
        begin()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files come first, so that in the end no worker is left with one while the others have nothing to do."""
    assert not (gone := [name for name in SLOWEST if not (TESTS / name).is_file()]), f"slowest.txt: no file {gone}"
    place = {TESTS / name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test that waits for ever fails, and those after it run; `@pytest.mark.ends(seconds)` gives it less time than all have."""
    marker = item.get_closest_marker("ends")
    seconds = marker.args[0] if marker else LONGEST

    def fail(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"no end after {seconds} s")  # no error that the code under test might take for one of the disk's

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> None:
    """A shell that starts the tests in the background has SIGINT ignored, and every process below inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _torchs_loggers_pass_on() -> None:
    """What they are told is caught all the same: pytest hangs its handlers on each logger that passes nothing on to the root, six
    times a test, and torch has forty of them."""
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and logger.name.partition(".")[0] == "torch":
            logger.propagate = True


@pytest.fixture(autouse=True, scope="session")
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Some milliseconds for each of tens of thousands of flushes, against a loss of power that no test brings about. That each is asked
    for, and in which order, is what `tests/crash` looks at, as are the commands that run as processes of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(autouse=True, scope="session")
def _dlibs_models_are_read_once() -> Iterator[None]:
    """A second each, a hundred times over; nothing changes them. What stands in their file is checked each time all the same."""
    with pytest.MonkeyPatch.context() as patch:
        for reader in ("get_frontal_face_detector", "shape_predictor", "cnn_face_detection_model_v1"):
            patch.setattr(dlib, reader, functools.cache(getattr(dlib, reader)))
        yield


@pytest.fixture(autouse=True, scope="session")
def _workers_are_forked() -> Iterator[None]:
    """From a process that has loaded everything, which takes each of them four seconds: see `warm`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalEngine, "context", property(lambda self: warm()))
        yield


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
