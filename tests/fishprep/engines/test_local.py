"""The engine: every spec has one event, whatever happens to the processes."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fishprep.common.errors import BuildError, FishPrepError
from fishprep.common.progress import Progress
from fishprep.common.steps import Steps
from fishprep.engines.base import Done, Failed
from fishprep.engines.local import LocalEngine

Tell = Callable[[object], None]


@dataclass(frozen=True)
class Numbers:
    """A spec whose parts are written numbers; what is left out has a reason."""

    parts: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_trial: bool = False

    def trial(self, parts: Sequence[str]) -> "Numbers":
        return replace(self, parts=tuple(parts), is_trial=True)

    def without(self, blamed: Mapping[str, str]) -> "Numbers":
        return Numbers(tuple(part for part in self.parts if part not in blamed), dict(blamed))


def numbers(*values: int) -> Numbers:
    return Numbers(tuple(map(str, values)))


def square() -> Callable[[Numbers, Tell], tuple[list[int], Mapping[str, str]]]:
    def one(number: int) -> int:
        if number == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 14:
            os.abort()
        if number == 15:
            raise MemoryError
        while number == 16:
            time.sleep(0.01)
        return number * number

    def work(spec: Numbers, tell: Tell) -> tuple[list[int], Mapping[str, str]]:
        if spec.parts == ("3",):
            raise FishPrepError("three is not to be squared")
        if spec.parts == ("4",):
            raise OSError(errno.ENOSPC, "No space left on device")
        steps, results = Steps(tell), []
        for part in spec.parts:
            with steps.at("square", part):
                results.append(one(int(part)))
            if not spec.is_trial:
                tell(Progress(1))
        return results, spec.left_out

    return work


def unfit() -> Callable[[Numbers, Tell], int]:
    raise FishPrepError("no weights")


def broken() -> Callable[[Numbers, Tell], int]:
    raise RuntimeError("CUDA error: no kernel image is available for execution on the device")


def killed() -> Callable[[Numbers, Tell], int]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.parametrize("workers", [1, 2])
def test_every_spec_has_one_event(workers: int) -> None:
    specs = [numbers(n) for n in range(6)]
    events = list(LocalEngine().run(square, specs, workers))
    done = {event.spec: event.result for event in events if isinstance(event, Done)}
    failed = {event.spec: event for event in events if isinstance(event, Failed)}
    assert done == {numbers(n): ([n * n], {}) for n in (0, 1, 2, 5)}
    assert set(failed) == {numbers(3), numbers(4)} and len(events) == 6
    assert failed[numbers(3)].reason == "three is not to be squared"
    assert failed[numbers(4)].system_error == errno.ENOSPC


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


@pytest.mark.parametrize(
    ("make", "words"), [(unfit, "no weights"), (broken, "no kernel image"), (killed, "while it loaded.*SIGKILL")]
)
def test_a_process_that_cannot_begin_ends_the_run_at_once(make: Callable[[], object], words: str) -> None:
    with pytest.raises(BuildError, match=words):
        list(LocalEngine().run(make, (numbers(n) for n in range(1000)), 2))  # type: ignore[arg-type]


def test_nobody_is_late_while_all_sleep(tmp_path: Path) -> None:
    """A machine that was suspended, or a whole group that was stopped, has lost no photo."""
    script = tmp_path / "sleeper.py"
    script.write_text(
        "import time\n"
        "from test_local import numbers, Steps\n"
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
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
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
        "from test_local import numbers\n"
        "from fishprep.engines.local import LocalEngine\n"
        "def make():\n"
        "    def work(spec, tell):\n"
        "        pathlib.Path(sys.argv[1], f'pid{spec.parts[0]}').write_text(str(os.getpid()))\n"
        "        time.sleep(60)\n"
        "    return work\n"
        "if __name__ == '__main__':\n"
        "    list(LocalEngine().run(make, map(numbers, range(2)), 2))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
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
