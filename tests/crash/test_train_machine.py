"""Trainings that are killed, refused, stopped, begun anew and gone on with in orders that nobody thought of."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from test_calls import WHOLE
from train_machine import TrainMachine

from fishfsr.training import loop
from fishprep.common.files import write_text


@pytest.mark.ends(14000 if WHOLE else 300)
def test_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, states and logs are those of a run that nothing happened to."""
    monkeypatch.setattr(loop, "draw_curves", lambda metrics, picture: write_text(picture, metrics.read_text()))
    TrainMachine.prepare(tmp_path)
    examples, steps = (40, 30) if WHOLE else (3, 14)
    run_state_machine_as_test(
        TrainMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not WHOLE,
            database=None,
            phases=list(Phase) if WHOLE else (Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"trainings: {TrainMachine.steps:,} steps")
