"""Workers on the devices of a machine."""

import pytest
import torch

from fishprep.common import device
from fishprep.common.device import exact_convolutions, own_device
from fishprep.common.turns import WORKER


@pytest.mark.parametrize(("worker", "taken"), [(None, "cuda:0"), ("0", "cuda:0"), ("1", "cuda:1"), ("5", "cuda:2")])
def test_workers_take_devices_in_turn(monkeypatch: pytest.MonkeyPatch, worker: str | None, taken: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv(WORKER, raising=False)
    if worker is not None:
        monkeypatch.setenv(WORKER, worker)
    assert own_device("cuda") == taken
    assert own_device("cuda:1") == "cuda:1" and own_device("cpu") == "cpu"


def test_without_devices_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert own_device("cuda") == "cuda"


@pytest.mark.parametrize(("name", "inside"), [("cuda:0", (False, True)), ("cpu", (True, False))])
def test_convolutions_on_cuda_are_float32_and_the_same_each_time(name: str, inside: tuple[bool, bool]) -> None:
    cudnn = torch.backends.cudnn
    with cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=True):
        with exact_convolutions(torch.device(name)):
            assert (cudnn.allow_tf32, cudnn.deterministic) == inside
        assert (cudnn.allow_tf32, cudnn.deterministic) == (True, False)


@pytest.mark.parametrize(
    ("instructions", "speed", "gains"), [(True, 2.3, True), (True, 0.7, False), (True, 1.1, False), (False, 2.3, False)]
)
def test_a_cpu_gains_by_bfloat16_where_it_is_measured_to(
    monkeypatch: pytest.MonkeyPatch, instructions: bool, speed: float, gains: bool
) -> None:
    monkeypatch.setattr(device, "has_bfloat16_instructions", lambda: instructions)
    monkeypatch.setattr(device, "bfloat16_speed", lambda: speed)
    assert device.gains_by_bfloat16(torch.device("cpu")) is gains


def test_measuring_leaves_threads_and_random_numbers_alone() -> None:
    before = torch.get_num_threads(), torch.random.get_rng_state()
    device.bfloat16_speed.cache_clear()
    assert 0.01 < device.bfloat16_speed() < 100
    assert torch.get_num_threads() == before[0] and torch.equal(torch.random.get_rng_state(), before[1])
