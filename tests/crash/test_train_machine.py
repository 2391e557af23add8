"""Trainings that are killed, refused, stopped, begun anew and gone on with in orders that nobody thought of."""

import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import training
from fuse import fused
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from safetensors.torch import load_file
from sittings import Sitting, sit
from test_calls import WHOLE
from train_machine import SETTINGS, WEIGHTS, TrainMachine, timeless
from training import losses

from fishfsr.training import loop
from fishfsr.training.run import run_training


@pytest.fixture(scope="module", autouse=True)
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "draw_curves", training.curves_in_words)
        TrainMachine.prepare(tmp_path_factory.mktemp("trainings"))
        yield


@pytest.mark.parametrize(
    ("at", "fault"), [("line 2", "KILL"), ("line 7", "KILL"), ("state 1", "KILL"), ("state 1", "EIO")]
)
def test_broken_off_where_it_matters(at: str, fault: str) -> None:
    """After a line of the log that no state knows yet; where a state is to get its name. Then refused, interrupted, gone on with."""
    machine = TrainMachine()
    machine.begin()
    with fused(machine.run, None) as calls:
        run_training(training.request(machine.shards, machine.run, *SETTINGS, "save_every=2"), lambda news: None)
    shutil.rmtree(machine.run)
    lines = [
        number + 1 for number, call in enumerate(calls) if call.startswith("open") and call.endswith("metrics.jsonl")
    ]
    states = [
        number for number, call in enumerate(calls) if call.startswith("replace") and ".state.safetensors" in call
    ]
    kind, number = at.split()
    machine.train(((lines if kind == "line" else states)[int(number)], fault), save_every=2)
    machine.what_stands_is_of_the_unbroken_run()
    if machine.begun:  # without a state there is nothing that other settings would spoil
        machine.other_settings()
    machine.two_at_once()
    machine.other_shards("other")
    machine.train(None, save_every=2)
    machine.other_shards("one")
    machine.train_until_stopped(0, "interrupted", save_every=5)
    machine.what_stands_is_of_the_unbroken_run()
    machine.train_to_the_end(save_every=2)
    machine.what_stands_is_of_the_unbroken_run()
    machine.teardown()


@pytest.mark.ends(14000 if WHOLE else 300)
def test_in_any_order() -> None:
    """Weights, states and logs are those of a run that nothing happened to."""
    examples, steps = (40, 30) if WHOLE else (2, 12)
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
