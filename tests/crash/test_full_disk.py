"""A disk that is truly full: a small drive in memory, where this machine lets us mount one."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import training
from stubs import STUB, StubEngine
from test_sweep import Place
from train_machine import SETTINGS, ends

from fishfsr.errors import FishFSRError
from fishfsr.training import loop
from fishfsr.training.run import run_training
from fishprep.common.errors import FishPrepError
from fishprep.common.files import meant_for
from fishprep.engines import ENGINES

AMPLE = 1 << 20
"""KiB."""


class Drive:
    """A drive whose size can be set, even while it is full."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.mounted = shutil.which("mount") is not None and self._mount("size=1m")

    def size(self, kibibytes: int) -> None:
        """Make it larger, or smaller than what lies on it and the next byte."""
        assert self._mount(f"remount,size={kibibytes}k")

    def close(self) -> None:
        """Take it away."""
        if self.mounted:
            subprocess.run(["umount", str(self.place)], check=True)

    def used(self) -> int:
        """KiB."""
        return shutil.disk_usage(self.place).used // 1024

    def _mount(self, options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    place = tmp_path / "drive"
    place.mkdir()
    drive = Drive(place)
    try:
        if not drive.mounted:
            pytest.skip("needs the right to mount a drive")
        yield drive
    finally:
        drive.close()


def test_a_build_on_a_full_disk(drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However early the disk is full: one message, nothing half, and with room the same command ends with the same bytes."""
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    place = Place(tmp_path)
    place.out = drive.place / "out"
    drive.size(AMPLE)
    place.build()
    goal, whole, refused = place.contents(), drive.used(), 0
    for eighths in range(1, 9):
        shutil.rmtree(place.out)
        drive.size(max(4, whole * eighths // 8))
        try:
            place.build()
        except FishPrepError as error:
            refused += 1
            assert "no space left" in str(error).lower() and str(place.out) in str(error), str(error)
            assert place.contents(whole=True) == place.contents(), "a temporary file is left"
        assert place.contents().items() <= goal.items()
        drive.size(AMPLE)
        place.build()
        assert place.contents(whole=True) == goal
    assert refused >= 6


def test_a_training_on_a_full_disk(drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "draw_curves", training.curves_in_words)
    shards = training.write(tmp_path / "shards", {"train": (3,), "val": (2,)})
    run = drive.place / "run"
    asked = training.request(shards, run, *SETTINGS, "save_every=1")
    drive.size(AMPLE)
    run_training(asked, lambda news: None)
    goal, whole = ends(run), drive.used()
    for fourths in (1, 2, 3):
        shutil.rmtree(run)
        drive.size(whole * fourths // 4)
        with pytest.raises(FishFSRError, match="No space left on device") as raised:
            run_training(asked, lambda news: None)
        assert str(run) in str(raised.value)
        assert not [path for path in run.iterdir() if meant_for(path.name) is not None]
        drive.size(AMPLE)
        run_training(asked, lambda news: None)
        assert ends(run) == goal
