"""Workers on the devices of a machine."""

import pytest
import torch

from fishprep.common.device import exact_convolutions, own_device
from fishprep.common.turns import WORKER


@pytest.mark.parametrize(("worker", "device"), [(None, "cuda:0"), ("0", "cuda:0"), ("1", "cuda:1"), ("5", "cuda:2")])
def test_workers_take_devices_in_turn(monkeypatch: pytest.MonkeyPatch, worker: str | None, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv(WORKER, raising=False)
    if worker is not None:
        monkeypatch.setenv(WORKER, worker)
    assert own_device("cuda") == device
    assert own_device("cuda:1") == "cuda:1" and own_device("cpu") == "cpu"


def test_without_devices_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert own_device("cuda") == "cuda"


@pytest.mark.parametrize(("device", "inside"), [("cuda:0", (False, True)), ("cpu", (True, False))])
def test_convolutions_on_cuda_are_float32_and_the_same_each_time(device: str, inside: tuple[bool, bool]) -> None:
    cudnn = torch.backends.cudnn
    with cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=True):
        with exact_convolutions(torch.device(device)):
            assert (cudnn.allow_tf32, cudnn.deterministic) == inside
        assert (cudnn.allow_tf32, cudnn.deterministic) == (True, False)
