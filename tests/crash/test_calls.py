"""Each call that a command makes on its output: the last one of a process that is killed there, or refused by the disk."""

import os
import random
from collections import Counter

import pytest
from calls import Commands
from judge import Judge, cells, wanted
from scenarios import SCENARIOS, Stage

WHOLE = os.environ.get("FISHFSR_TEST_CRASH") == "all"
SAMPLE = {"build": 10, "retry": 6, "repair": 6, "train": 6, "upscale": 6, "pack": 6}
"""Cells of each command that are run with the other tests; `make crash` runs all."""

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
    chosen = table if WHOLE else random.Random(0).sample(table, SAMPLE[name])
    judge = Judge(scenario, goal, running)
    wrong = [f"{cell}: {fault}" for cell in chosen for fault in judge.faults(cell)]
    counts = Counter(f"{cell.call.kind} {cell.fault}" for cell in chosen)
    print(f"{name}: {len(calls)} calls, {len(chosen)} cells, {len(wrong)} faults;", dict(counts))
    assert not wrong, "\n".join(wrong)
