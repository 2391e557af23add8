"""Builds, retries, repairs, kills, refusals and damage in orders that nobody thought of."""

import pytest
from build_machine import BuildMachine
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from stubs import STUB, StubEngine
from test_calls import WHOLE

from fishprep.engines import ENGINES


@pytest.mark.ends(14000 if WHOLE else 300)
def test_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    before = BuildMachine.steps
    examples, steps = (700, 30) if WHOLE else (5, 24)
    run_state_machine_as_test(
        BuildMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not WHOLE,
            database=None,
            phases=list(Phase)
            if WHOLE
            else (Phase.explicit, Phase.generate),  # to shrink takes longer than the test may
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"builds: {BuildMachine.steps - before:,} steps")
