"""Builds that the end-to-end tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from here import Here
from PIL import Image
from support import QUICK, astronaut, hopper, run

from fishprep.engines import ENGINES
from fishprep.engines.local import LocalEngine


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 photos of two people: moved, mirrored, darkened; one of them shows no face."""
    folder = tmp_path_factory.mktemp("portraits")
    for i in range(16):
        whole = astronaut() if i % 2 else hopper()
        moved = whole[i : 400 + i, 20 + i : 420 + i]
        image = (moved[:, ::-1] if i % 3 == 0 else moved) * (1 - i / 40)
        if i == 7:
            image = np.zeros((300, 300, 3))
        (folder / f"{'ab'[i % 2]}").mkdir(exist_ok=True)
        Image.fromarray(image.astype(np.uint8)).save(folder / "ab"[i % 2] / f"{i:02d}.jpg", quality=90)
    return folder


@pytest.fixture(scope="session")
def built(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed build of the portraits, by two workers: 4 shards."""
    out = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", LocalEngine)  # whichever module asks first
        run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, "--workers", 2)
    return out


@pytest.fixture(scope="module")
def without_workers() -> Iterator[None]:
    """Builds run in this process: a worker takes seconds to start. What workers do is seen in `test_build.py` and by `built`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        yield


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A folder's copy, to be damaged."""

    def copy(folder: Path) -> Path:
        target = tmp_path / "copy"
        target.mkdir()
        for path in folder.iterdir():
            if path.is_file():
                (target / path.name).write_bytes(path.read_bytes())
        return target

    return copy
