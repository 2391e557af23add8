"""The engine: every spec has one event, whatever happens to the processes."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fishprep.engines.local import Done, Failed, run
from fishprep.errors import BuildError, FishPrepError


def square() -> Callable[[int, Callable[[object], None]], int]:
    def work(number: int, tell: Callable[[object], None]) -> int:
        tell(("at", number))
        if number == 3:
            raise FishPrepError("three is not to be squared")
        if number == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        if number == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number

    return work


def unfit() -> Callable[[int, Callable[[object], None]], int]:
    raise FishPrepError("no weights")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_spec_has_one_event(workers: int) -> None:
    news: list[object] = []
    events = list(run(square, range(8), workers, news.append))
    done = {event.spec: event.result for event in events if isinstance(event, Done)}
    failed = {event.spec: event for event in events if isinstance(event, Failed)}
    assert done == {n: n * n for n in (0, 1, 2, 6, 7)}
    assert set(failed) == {3, 4, 5} and len(events) == 8
    assert failed[3].reason == "three is not to be squared"
    assert failed[4].system_error == errno.ENOSPC
    assert "SIGKILL" in failed[5].reason
    assert sorted(news) == [("at", n) for n in range(8)]  # type: ignore[type-var]


def test_a_process_that_cannot_work_ends_the_run() -> None:
    with pytest.raises(BuildError, match="no weights"):
        list(run(unfit, range(3), 2))


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time, pathlib, os\n"
        "from fishprep.engines.local import run\n"
        "def make():\n"
        "    def work(n, tell):\n"
        "        pathlib.Path(sys.argv[1], f'pid{n}').write_text(str(os.getpid()))\n"
        "        time.sleep(60)\n"
        "    return work\n"
        "if __name__ == '__main__':\n"
        "    list(run(make, range(2), 2))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    deadline = time.monotonic() + 60
    while len(pids := [p.read_text() for p in tmp_path.glob("pid*") if p.read_text()]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while any(_alive(int(pid)) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
