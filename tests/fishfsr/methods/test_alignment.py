"""The network of landmarks is trained as DIC uses it: given the state that it left at the look before."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import training
from torch import nn

from fishfsr.data.batch import Faces
from fishfsr.methods.alignment import LOOKS, AlignmentNet, AlignmentNetConfig, found, heatmaps
from fishfsr.methods.dic import DICConfig
from fishfsr.training.config import AlignmentSection
from fishfsr.training.stages import AlignmentStage


@pytest.fixture(scope="module")
def faces() -> Faces:
    samples = training.drawn(4, "train")
    landmarks = torch.from_numpy(np.random.default_rng(1).uniform(30, 100, (4, 68, 2)).astype(np.float32))
    hr = torch.from_numpy(samples.images[128]).permute(0, 3, 1, 2).float() / 255
    return Faces(hr, hr, hr[:, :1], landmarks)


def apart(network: AlignmentNet, faces: Faces) -> list[float]:
    """Squared error at each look, the state handed on here."""
    state, errors = None, []
    with torch.no_grad():
        for _ in range(LOOKS):
            maps, state = network.look(faces.hr, state)
            errors.append((maps - heatmaps(faces.landmarks, 32)).square().mean().item())
    return errors


def test_no_look_runs_away(faces: Faces) -> None:
    """It was trained by one look alone: at the fourth one the error was half a million times the first one's."""
    torch.manual_seed(0)
    network = AlignmentNet(AlignmentNetConfig(8))
    stage = AlignmentStage(network, AlignmentSection())
    assert DICConfig().turns == LOOKS
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for step in range(12):
        loss = stage.loss(network, faces, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    errors = apart(network, faces)
    assert max(errors) < 2 * errors[0] < 0.05, errors


def test_every_look_counts(faces: Faces, lively: Callable[..., nn.Module]) -> None:
    """The loss is their mean; what is found is what the worst of them finds."""
    network = lively(AlignmentNet(AlignmentNetConfig(8)))
    stage = AlignmentStage(network, AlignmentSection())
    errors = apart(network, faces)
    assert max(errors) > 1.001 * min(errors)
    assert stage.loss(network, faces, 0).item() == pytest.approx(np.mean(errors), rel=1e-5)
    with torch.no_grad():
        shares = torch.stack([found(maps, faces.landmarks, 20) for maps in network.looks(faces.hr)])
        worst = stage.figures(network, faces)["pck"]
    assert worst.shape == (4,) and (worst <= shares.amin(0)).all() and (worst >= 0).all()


def test_training_calls_the_network_as_it_was_wrapped(faces: Faces) -> None:
    """What is compiled is a wrapper of the network: a loss that goes by it trains what was not compiled."""
    network = AlignmentNet(AlignmentNetConfig(8))
    called: list[int] = []

    def wrapped(faces: torch.Tensor, looks: int) -> torch.Tensor:
        called.append(looks)
        return network(faces, looks)

    AlignmentStage(network, AlignmentSection()).loss(wrapped, faces, 0)
    assert called == [LOOKS]
