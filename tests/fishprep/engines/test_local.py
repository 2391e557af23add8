"""Worker processes: every spec has one event, whatever happens to them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numbered
import pytest
from numbered import killed, numbers, square

from fishprep.common.errors import BuildError
from fishprep.common.progress import Progress
from fishprep.engines.base import Done
from fishprep.engines.local import LocalEngine

pytestmark = pytest.mark.ends(120)
HELPERS = Path(numbered.__file__).parent


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_part_does_costs_that_part_alone(workers: int) -> None:
    news: list[Progress] = []
    specs = [numbers(1, 13, 2, 14), numbers(3, 5), numbers(15, 6, 16)]
    events = {event.spec: event for event in LocalEngine().run(square, specs, workers, news.append, seconds=2)}  # type: ignore[arg-type]
    results = [event.result for event in map(events.get, specs) if isinstance(event, Done)]
    assert [squares for squares, _ in results] == [[1, 4], [9, 25], [36]]
    reasons = results[0][1] | results[2][1]
    assert "SIGKILL" in reasons["13"] and "SIGABRT" in reasons["14"] and set(reasons) == {"13", "14", "15", "16"}
    assert "not enough memory" in reasons["15"] and "no end after 2 s (--max-seconds)" in reasons["16"]
    assert sum(each.photos for each in news) == 5, "progress of a process that was lost is taken back"


def test_a_process_that_dies_before_it_begins_ends_the_run_at_once() -> None:
    with pytest.raises(BuildError, match=r"while it loaded.*SIGKILL"):
        list(LocalEngine().run(killed, map(numbers, range(1000)), 2))


def test_workers_know_their_turn() -> None:
    """So that they take the devices of a machine one each; who comes in the place of one that died has its turn."""
    specs = [numbers(n) for n in (1, 1, 13, 1, 1)]
    events = LocalEngine().run(numbered.turns, specs, 2, seconds=60)
    seen = [event.result for event in events if isinstance(event, Done)]
    assert {turn for turn, _ in seen} == {0, 1} and all(of_three == turn % 3 for turn, of_three in seen)


def test_nobody_is_late_while_all_sleep(tmp_path: Path) -> None:
    """A machine that was suspended, or a whole group that was stopped, has lost no photo."""
    script = tmp_path / "sleeper.py"
    script.write_text(
        "import time\n"
        "from fishprep.common.steps import Steps\n"
        "from numbered import numbers\n"
        "from fishprep.engines.local import LocalEngine\n"
        "def make():\n"
        "    def work(spec, tell):\n"
        "        with Steps(tell).at('nap', *spec.parts):\n"
        "            print('begun', flush=True)\n"
        "            time.sleep(2)\n"
        "        return spec.left_out\n"
        "    return work\n"
        "if __name__ == '__main__':\n"
        "    (event,) = LocalEngine().run(make, [numbers(1)], 1, seconds=4)\n"
        "    print(event.result)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(HELPERS)}
    command = [sys.executable, str(script)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(5)
    os.killpg(process.pid, signal.SIGCONT)
    assert process.communicate(timeout=30)[0] == "{}\n"


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time, pathlib, os\n"
        "from numbered import numbers\n"
        "from fishprep.engines.local import LocalEngine\n"
        "def make():\n"
        "    def work(spec, tell):\n"
        "        pathlib.Path(sys.argv[1], f'pid{spec.parts[0]}').write_text(str(os.getpid()))\n"
        "        time.sleep(60)\n"
        "    return work\n"
        "if __name__ == '__main__':\n"
        "    list(LocalEngine().run(make, map(numbers, range(2)), 2))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(HELPERS)}
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment)
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
