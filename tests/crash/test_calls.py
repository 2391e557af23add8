"""Each call that a command makes on its output: the last one of a process that is killed there, or refused by the disk."""

import os
import random
from collections import Counter

import pytest
from calls import Commands
from judge import Judge, cells, spread, wanted
from scenarios import SCENARIOS, Stage

WHOLE = os.environ.get("FISHFSR_TEST_CRASH") == "all"
"""`make crash`: all cells, and not only those that are run with the other tests."""
SWEPT = ("build", "retry", "extend", "repair")
"""Commands of which `test_sweep` tries each call every time, in one process."""
pytestmark = pytest.mark.usefixtures("strace")


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
    if name in SWEPT and not WHOLE:
        chosen = random.Random(name).sample(chosen, 6)
    judge = Judge(scenario, goal, running)
    wrong = [f"{cell}: {fault}" for cell in chosen for fault in judge.faults(cell)]
    counts = Counter(f"{cell.call.kind} {cell.fault}" for cell in chosen)
    print(f"{name}: {len(calls)} calls, {len(chosen)} cells, {len(wrong)} faults;", dict(counts))
    assert not wrong, "\n".join(wrong)
