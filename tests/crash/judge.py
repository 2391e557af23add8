"""What must hold after a command was broken off or refused something, and after it was run again."""

import os
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from calls import FAULTS, Call, Commands, was_injected
from scenarios import Scenario, contents, leftovers

from fishprep.common.files import meant_for

TRIES = 4
_WORDS = {"EIO": "input/output error", "ENOSPC": "no space left on"}


@dataclass(frozen=True)
class Cell:
    """A cell of the table: a command, one of its calls, and what befalls it there."""

    scenario: str
    call: Call
    fault: str

    def __str__(self) -> str:
        return f"{self.scenario} | {self.call} | {self.fault}"


@dataclass(frozen=True)
class Wanted:
    """What lies in the folder before a command, and what must in the end, name → hash."""

    before: Mapping[str, str]
    after: Mapping[str, str]


def wanted(scenario: Scenario, commands: Commands) -> Wanted:
    """By an undisturbed run."""
    scenario.lay_out()
    before = contents(scenario.out)
    ended = commands.run(scenario.command)
    assert ended.code == 0, ended.printed
    return Wanted(before, contents(scenario.out))


def cells(name: str, calls: list[Call]) -> list[Cell]:
    """All of a command."""
    return [Cell(name, call, fault) for call in calls for fault in FAULTS]


def spread(table: list[Cell], seed: int = 0) -> list[Cell]:
    """Some cells of a command: killed once at every file (where it gets its name, if it does), and each kind of call refused."""
    rng = random.Random(seed)
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in table:
        place = numberless(cell.call.target).partition(" -> ")[0] if cell.fault == "KILL" else cell.call.kind
        groups.setdefault((place, cell.fault), []).append(cell)
    naming = (
        [cell for cell in group if cell.call.kind == "rename" and cell.fault == "KILL"] for group in groups.values()
    )
    return [rng.choice(first or group) for first, group in zip(naming, groups.values(), strict=True)]


class Judge:
    """Runs cells. What the same command makes of a folder it makes of an equal one: that is tried once."""

    def __init__(self, scenario: Scenario, goal: Wanted, commands: Commands) -> None:
        self._scenario, self._goal, self._commands = scenario, goal, commands
        self._ended_well: set[tuple[tuple[str, str], ...]] = set()

    def faults(self, cell: Cell) -> Iterator[str]:
        """What is wrong, a line each, where the command is disturbed at a call and then run again."""
        scenario, goal = self._scenario, self._goal
        for _ in range(TRIES):  # a library may have opened one file more, or fewer
            scenario.lay_out()
            first = self._commands.with_fault(scenario.command, cell.call, cell.fault)
            if cell.fault == "KILL" or was_injected(first.log, scenario.out):
                break
        if cell.fault == "KILL":
            if first.code != -9:
                yield f"it was not killed, but ended with {first.code}"
        elif not was_injected(first.log, scenario.out):
            yield f"nothing was refused; it ended with {first.code}"
        else:
            yield from _refused(cell, scenario, goal, first.code, first.printed)
        yield from _standing(scenario, goal)
        left = tuple(sorted((numberless(name), found) for name, found in contents(scenario.out).items()))
        if left not in self._ended_well:
            wrong = list(self._faults_again())
            yield from wrong
            if not wrong:
                self._ended_well.add(left)

    def _faults_again(self) -> Iterator[str]:
        scenario, goal = self._scenario, self._goal
        again = self._commands.run(scenario.command)
        if again.code != 0 and scenario.over not in again.printed:
            yield f"the same command again ended with {again.code}: {again.printed}"
        now = contents(scenario.out)
        if now != goal.after:
            names = sorted(name for name in now.keys() | goal.after if now.get(name) != goal.after.get(name))
            yield f"the same command again ended otherwise: {', '.join(names)}"


def _refused(cell: Cell, scenario: Scenario, goal: Wanted, code: int, printed: str) -> Iterator[str]:
    if "Traceback" in printed:
        yield f"a traceback: {printed}"
    elif code == 0 and cell.call.kind == "flush":
        yield f"it ended well, though a flush was refused: {printed}"
    elif code == 0:
        if contents(scenario.out) != goal.after:
            yield f"it ended well, but otherwise than it should: {printed}"
    elif code not in (1, 3):
        yield f"it ended with {code}: {printed}"
    elif _WORDS[cell.fault] not in printed.lower() or str(scenario.out) not in printed:
        yield f"it does not say what was refused, and where: {printed}"
    if code >= 0 and (left := leftovers(scenario.out)) and cell.call.kind != "remove":
        yield f"it left {left}"


def _standing(scenario: Scenario, goal: Wanted) -> Iterator[str]:
    """Whatever has a final name is whole, and nothing that stood before is gone."""
    now = contents(scenario.out)
    yield from lost(goal, now)
    for name, found in now.items():
        if meant_for(os.path.basename(name)) is not None or scenario.may_pass(name):  # noqa: PTH119
            continue
        if found not in (goal.before.get(name), goal.after.get(name)):
            yield f"{name} is neither what it was nor what it should be"


def lost(goal: Wanted, now: Mapping[str, str]) -> Iterator[str]:
    """Names that stood before and stay, and bytes of files that stay under whatever name."""
    for name in goal.before.keys() & goal.after.keys() - now.keys():
        yield f"{name} is gone"
    for name, found in goal.before.items():
        if found in goal.after.values() and found not in now.values():
            yield f"what was in {name} is nowhere"


def numberless(text: str) -> str:
    """A name without the number of a thread in it."""
    return re.sub(r"\.\d+\.tmp", ".N.tmp", text)
