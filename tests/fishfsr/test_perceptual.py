"""LPIPS against the library of those who made it, on one trunk of random weights; and what is said where weights are missing."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fishfsr.errors import InputError
from fishfsr.perceptual import Lpips, lpips
from fishfsr.weights import LPIPS_CHANNELS
from fishprep.common.errors import WeightsError
from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightStore

Images = Callable[..., Tensor]


def features() -> nn.Sequential:
    """Those of torchvision's AlexNet, written down once more."""
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(True)),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(True)),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(3, 2)),
    )


@pytest.fixture
def trunk() -> nn.Sequential:
    torch.manual_seed(5)
    return features()


@pytest.fixture
def theirs(trunk: nn.Sequential, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library's network, on `trunk`: torchvision, which it takes AlexNet from and nothing else, is not needed."""
    torchvision = ModuleType("torchvision")
    torchvision.models = SimpleNamespace(alexnet=lambda pretrained: SimpleNamespace(features=trunk))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    return importlib.import_module("lpips").LPIPS(net="alex", pnet_rand=True, verbose=False)


@pytest.fixture
def ours(trunk: nn.Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lpips:
    """Read from files as it is read in use; the file of the trunk is a smaller one, of which the hash is not asked."""
    torch.save({f"features.{name}": value for name, value in trunk.state_dict().items()}, tmp_path / "alexnet.pth")
    own = WeightStore.from_environment()

    class Store(WeightStore):
        def locate(self, record: Any) -> Path:
            return own.locate(record) if record is LPIPS_CHANNELS else tmp_path / "alexnet.pth"

    return Lpips.load(Store(tmp_path, offline=True))


def test_it_is_what_the_library_computes(ours: Lpips, theirs: Any, images: Images) -> None:
    first = images(3, 64)
    second = first.roll(1, 0) * 0.7
    levels = [(image * 255).round() / 255 for image in (first, second)]
    with torch.no_grad():
        expected = theirs(*levels, normalize=True).flatten()
    found = lpips(first, second, ours)
    assert found.dtype == torch.float64 and len(set(found.tolist())) == 3
    torch.testing.assert_close(found.float(), expected, rtol=1e-4, atol=1e-6)
    assert lpips(first, first, ours).abs().max() == 0


def test_the_channels_are_those_of_the_package(ours: Lpips) -> None:
    stored = load_state_dict(WeightStore.from_environment().locate(LPIPS_CHANNELS))
    assert torch.equal(ours.channels[2], stored["lin2.model.1.weight"])


def test_wrong_inputs(ours: Lpips, images: Images) -> None:
    with pytest.raises(InputError, match="32 pixels"):
        lpips(images(1, 16), images(1, 16), ours)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=r"(?s)weights alexnet are missing: the network is off.*sha256  7be5be79"):
        Lpips.load(WeightStore(tmp_path, offline=True))
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "lpips" else find(name))
    with pytest.raises(WeightsError, match="pip install lpips"):
        Lpips.load(WeightStore(tmp_path, offline=True))
