"""A loss of power at every moment: what may be left is verified, and the same command goes on from it to the same bytes."""

import hashlib
import random
import shutil
import time
from pathlib import Path

import pytest
from judge import Wanted, lost, numberless, wanted
from reading import OPTIONS, read_log
from replay import Log, materialise
from scenarios import SCENARIOS, Scenario, Stage, contents
from test_calls import WHOLE

from fishprep.common.files import meant_for

SAMPLE = {"build": 2, "retry": 2, "extend": 2, "repair": 2, "upscale": 2}
FEW = 1
"""States of each command that are gone on from with the other tests; `make crash` takes all."""

pytestmark = pytest.mark.usefixtures("strace")


@pytest.mark.ends(7200 if WHOLE else 300)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_loss_of_power(stage: Stage, name: str) -> None:
    """The folder is sound, or said not to be; the same command makes it what it should be; what was finished stands."""
    scenario = stage.scenario(name)
    scenario.lay_out()
    stage.commands.warm(scenario.command)
    goal = wanted(scenario, stage.commands)
    scenario.lay_out()
    ended = stage.commands.run(scenario.command, OPTIONS)
    assert ended.code == 0, ended.printed
    log = read_log(ended.log, scenario.out, scenario.before)
    assert not list(log.faults())
    assert contents(_laid(dict(log.states())[f"after {len(log.operations)} calls"], scenario)) == goal.after
    count, distinct = _distinct(log)
    began = time.monotonic()
    chosen = distinct if WHOLE else random.Random(0).sample(distinct, SAMPLE.get(name, FEW))
    wrong = [f"{name}, {story}: {fault}" for story, state in chosen for fault in _faults(state, scenario, goal, stage)]
    took = time.monotonic() - began
    print(
        f"{name}: {len(log.operations)} operations, {count} states, {len(distinct)} distinct, {len(chosen)} gone on from, {took:.0f} s"
    )
    assert not wrong, "\n".join(wrong)


State = dict[str, bytes | None]


def _distinct(log: Log) -> tuple[int, list[tuple[str, State]]]:
    """How many states there are, and those that differ."""
    count, seen, distinct = 0, set(), []
    for story, state in log.states():
        count += 1
        key = hashlib.sha256(
            repr(sorted((numberless(name), content) for name, content in state.items())).encode()
        ).digest()
        if key not in seen:
            seen.add(key)
            distinct.append((story, state))
    return count, distinct


def _laid(state: State, scenario: Scenario) -> Path:
    shutil.rmtree(scenario.out, ignore_errors=True)
    materialise(state, scenario.out)
    return scenario.out


def _faults(state: State, scenario: Scenario, goal: Wanted, stage: Stage) -> list[str]:
    out = _laid(state, scenario)
    found = contents(out)
    wrong = [
        f"{name} is neither what it was nor what it should be"
        for name, content in found.items()
        if meant_for(Path(name).name) is None
        and not scenario.may_pass(name)
        and content not in (goal.after.get(name), goal.before.get(name))
    ]
    wrong += lost(goal, found)
    build = next((place for place in (out, out / "home") if (place / "configuration.json").exists()), None)
    if build is not None and scenario.command[0] == "fishprep":
        verified = stage.commands.run(("fishprep", "verify", str(build)))
        own = {name: content for name, content in found.items() if meant_for(name) is None}
        known = own in (goal.after, goal.before) or scenario.halfway
        if "Traceback" in verified.printed or (verified.code == 0 and not known):
            wrong.append(f"verified to {verified.code}: {verified.printed}")
    again = stage.commands.run(scenario.command)
    if again.code != 0 and scenario.over not in again.printed:
        wrong.append(f"the same command ended with {again.code}: {again.printed}")
    now = contents(out)
    if now != goal.after:
        wrong.append(
            f"the same command ended otherwise: {sorted(n for n in now.keys() | goal.after if now.get(n) != goal.after.get(n))}"
        )
    return wrong
