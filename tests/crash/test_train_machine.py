"""Trainings that are killed, refused, stopped, begun anew and gone on with in orders that nobody thought of."""

import random
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import training
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from safetensors.torch import load_file
from sittings import Sitting, sit
from test_calls import WHOLE
from train_machine import SETTINGS, WEIGHTS, TrainMachine, timeless
from training import losses

from fishfsr.training import loop
from fishfsr.training.run import run_training
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


@pytest.mark.ends(7200 if WHOLE else 300)
@pytest.mark.parametrize("seed", range(10 if WHOLE else 1))
def test_in_sittings_of_one_process_and_of_two(seed: int, tmp_path: Path) -> None:
    """Each killed at a random moment but the last: the weights are those of one run, as near as the order of sums lets them be."""
    rng = random.Random(seed)
    shards = training.write(tmp_path / "shards", {"train": (3, 2), "val": (2,)})
    run_training(training.request(shards, tmp_path / "unbroken", *SETTINGS, "save_every=1"), lambda news: None)
    asked = training.request(shards, tmp_path / "run", *SETTINGS, "save_every=1")
    for processes in (2, 1) if seed % 2 else (1, 2):
        victim = rng.randrange(processes)
        assert -signal.SIGKILL in sit(asked, Sitting(processes, victim, rng.randrange(1, 4)))
    last = Sitting(1 + seed % 3 % 2)
    assert sit(asked, last) == [0] * last.processes
    one, other = tmp_path / "unbroken", tmp_path / "run"
    assert [line.keys() for line in timeless(one)] == [line.keys() for line in timeless(other)]
    np.testing.assert_allclose(list(losses(other).values()), list(losses(one).values()), rtol=2e-5)
    for name in WEIGHTS:
        weights = [load_file(run / f"{name}.safetensors") for run in (one, other)]
        for key in weights[0].keys() | weights[1].keys():
            torch.testing.assert_close(weights[1][key], weights[0][key], rtol=1e-3, atol=1e-5)
