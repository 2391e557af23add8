"""Faces and weights that the tests of the networks share, and the browser that looks at pages."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import training
from torch import Tensor, nn

from fishfsr.checkpoint import Checkpoint, Details
from fishfsr.methods import fsrnet
from fishfsr.registry import create_model
from fishfsr.training import loop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(autouse=True, scope="session")
def _curves_are_not_drawn() -> Iterator[None]:
    """Trainings of a second leave their log for a picture; `test_run.py` has one drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "draw_curves", training.curves_in_words)
        yield


@pytest.fixture
def lively() -> Callable[..., nn.Module]:
    """A function that gives a network weights whose output is far from constant, in evaluation mode."""

    def fill(network: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        for parameter in network.parameters():
            fan = parameter[0].numel() if parameter.ndim > 1 else 100
            with torch.no_grad():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.5 / fan) ** 0.5)
        return network.eval()

    return fill


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rivals with all that they are made of and less of each: for tests to which it is all one how deep they are."""
    depths = {
        "superfan": {"BLOCKS": (1, 1, 1, 1, 1)},
        "fsrnet": {"HOURGLASSES": 1, "DEPTH": 1, "_blocks": lambda width, count: blocks(width, 1)},
        "dic": {"GROUPS": 2, "FUSION_BLOCKS": 1},
        "alignment": {"DEPTH": 1},
        "sparnet": {"DOWN": (1, 1, 1), "MIDDLE": 1, "UP": (1, 1, 1)},
    }
    blocks = fsrnet._blocks
    for name, constants in depths.items():
        for constant, value in constants.items():
            monkeypatch.setattr(f"fishfsr.methods.{name}.{constant}", value)


@pytest.fixture
def images() -> Callable[..., Tensor]:
    """A function that gives random images (N, channels, h, w) in [0, 1]."""

    def draw(count: int, height: int, width: int | None = None, channels: int = 3, seed: int = 1) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.rand((count, channels, height, width or height), generator=generator)

    return draw


@pytest.fixture
def pair(lively: Callable[..., nn.Module]) -> Checkpoint:
    """A small pair at x4 with weights, and details."""
    return Checkpoint(
        lively(create_model("parsingnet_x4", width=8, blocks=2), 3),
        lively(create_model("fishfsrnet_x4", width=8), 4),
        Details(recipe="ab" * 32, protocol="reference", results={"psnr": 27.5}),
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a screen; a machine without it skips, continuous integration must have it."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("continuous integration needs chromium: apt-get install chromium")
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as programs:
        browser = programs.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
