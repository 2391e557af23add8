"""Shards, and a comparison of two narrow methods on them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from compared import FACES, QUICK, write
from support import run

from fishfsr.comparison import measures
from fishfsr.models import fishfsrnet


@contextmanager
def cheap() -> Iterator[None]:
    """FishFSRNet with one block a stage, where the paper has two, and timed once: it is trained and measured many times over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fishfsrnet, "PAFBS_PER_STAGE", 1)
        patch.setattr(measures, "REPEATS", 1)
        yield


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap():
        yield


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without classes."""
    return write(tmp_path_factory.mktemp("plain"), classes=False)


@pytest.fixture(scope="session")
def words(shards: Path) -> Callable[..., tuple[object, ...]]:
    """A function that gives the words of a comparison of SRCNN and FishFSRNet, three steps each, into a folder."""

    def asked(out: Path, *more: object, methods: str = "srcnn,fishfsrnet") -> tuple[object, ...]:
        return ("compare", shards, "--out", out, "--methods", methods, *FACES, *QUICK, *more)

    return asked


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, words: Callable[..., tuple[object, ...]]) -> Path:
    """The folder of that comparison, gone through without a stop."""
    out = tmp_path_factory.mktemp("whole")
    with cheap():
        ran = run("fishfsr", *words(out), "--quiet", "--json")
    assert ran.err == "" and json.loads(ran.out) == json.loads((out / "comparison.json").read_text())
    return out
