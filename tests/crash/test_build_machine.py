"""Builds, retries, repairs, kills, refusals and damage in orders that nobody thought of."""

import pytest
from build_bench import LARGE, SMALL
from build_machine import BuildMachine
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from process_machine import ProcessMachine
from scenarios import Stage
from stubs import STUB, StubEngine
from test_calls import WHOLE

from fishprep.engines import ENGINES


def run(machine: type[BuildMachine], sequences: int, steps: int) -> None:
    """To shrink what fails takes longer than a test may: that is for `make crash`."""
    before = BuildMachine.steps
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not WHOLE,
            database=None,
            phases=list(Phase) if WHOLE else (Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{machine.__name__}: {BuildMachine.steps - before:,} steps")


@pytest.mark.parametrize("removed", [3, 4, 5])
def test_what_a_killed_overwriting_removed_comes_back_as_it_was(removed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrunken: another photo of the same size, and then `--overwrite`, killed as the rows were gone: `--repair` brings back those of
    the photo before, as the plan that stands means it. The machine took the new one for what was planned."""
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    machine = BuildMachine()
    machine.begin(photos={"a": ("train", LARGE), "b": ("train", SMALL), "c": ("train", LARGE)})
    machine.build(fault=None, interrupted=False)
    before = machine.photos["a"]
    machine.put_photo(name="a", split="train", side=LARGE, shade=7)
    machine.overwrite(fault=(removed, "KILL"))
    machine.repair(fault=None)
    assert machine.plan is not None and machine.plan["a"] == before and not machine._problems()
    machine.teardown()


def test_a_retry_outlasts_an_overwriting_that_was_killed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrunken: the machine took the retry for gone, of which nothing had been removed yet."""
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    machine = BuildMachine()
    machine.begin(photos={"a": ("train", SMALL), "b": ("train", SMALL)})
    machine.build(fault=None, interrupted=False)
    machine.retry(fault=None, limit=50)
    machine.overwrite(fault=(0, "KILL"))
    machine.repair(fault=None)
    assert not machine._problems()
    machine.teardown()


@pytest.mark.ends(14000 if WHOLE else 300)
def test_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    run(BuildMachine, *((700, 30) if WHOLE else (5, 24)))


@pytest.mark.ends(7200 if WHOLE else 300)
def test_in_any_order_with_real_processes(stage: Stage) -> None:
    ProcessMachine.commands = stage.commands
    run(ProcessMachine, *((11, 30) if WHOLE else (2, 10)))
    print(f"commands by their exit codes: {dict(ProcessMachine.ends)}")
    assert {code for _, code in ProcessMachine.ends} >= {0, -9}
