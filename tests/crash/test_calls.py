"""Each call that a command makes on its output: the last one of a process that is killed there, or refused by the disk."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest
from calls import Call, Commands, calls_on
from judge import Judge, cells, spread, wanted
from scenarios import SCENARIOS, Stage

WHOLE = os.environ.get("FISHFSR_TEST_CRASH") == "all"
"""`make crash`: all cells, and not only those that are run with the other tests."""
SWEPT = ("build", "retry", "extend", "move", "back", "merge", "repair")
"""Commands of which `test_sweep` tries each call every time, in one process."""
pytestmark = pytest.mark.usefixtures("strace")


def test_calls_that_threads_interrupt_are_read(tmp_path: Path) -> None:
    """Each is counted once, where it begins; one that only reads is none on the output."""
    (tmp_path / "log").write_text(
        """7 openat(AT_FDCWD</>, "/out/read.json", O_RDONLY|O_CLOEXEC <unfinished ...>
8 futex(0x7f, FUTEX_WAKE_PRIVATE, 1) = 0
7 <... openat resumed>) = 3</out/read.json>
7 openat(AT_FDCWD</>, "/out/new", O_WRONLY|O_CREAT|O_CLOEXEC, 0666 <unfinished ...>
8 <... futex resumed>) = 0
7 <... openat resumed>) = 4</out/new>
7 write(4</out/new>, ""..., 3) = 3
8 +++ exited with 0 +++
"""
    )
    found = list(calls_on(Path("/out"), tmp_path / "log"))
    assert found == [Call("openat", 2, "new", "7"), Call("write", 1, "new", "7")]


@pytest.mark.ends(7200 if WHOLE else 300)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_call(stage: Stage, name: str) -> None:
    """Killed there, or refused: the same command goes on to the same bytes, or an error says what was refused and where."""
    running: Commands = stage.commands
    scenario = stage.scenario(name)
    scenario.lay_out()
    running.warm(scenario.command)
    goal = wanted(scenario, running)
    scenario.lay_out()
    calls = running.calls(scenario.command, scenario.out)
    assert len({call.thread for call in calls}) == 1, "calls of other threads would be passed over"
    table = cells(name, calls)
    chosen = table if WHOLE else spread(table)
    if not WHOLE:
        chosen = random.Random(name).sample(chosen, 3 if name in SWEPT else -(-len(chosen) // 3))
    judge = Judge(scenario, goal, running)
    wrong = [f"{cell}: {fault}" for cell in chosen for fault in judge.faults(cell)]
    counts = Counter(f"{cell.call.kind} {cell.fault}" for cell in chosen)
    print(f"{name}: {len(calls)} calls, {len(chosen)} cells, {len(wrong)} faults;", dict(counts))
    assert not wrong, "\n".join(wrong)
