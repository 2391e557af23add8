"""The losses of a step: what each is, and which one a step asks for."""

import math

import pytest
import torch

from fishfsr.data.batch import Faces
from fishfsr.methods.base import Objective
from fishfsr.registry import create_model
from fishfsr.training.config import SrSection
from fishfsr.training.stages import LOSSES, SrStage


def test_the_logarithm_is_psnr_but_for_sign_and_factor() -> None:
    wanted = torch.full((2, 3, 4, 4), 0.5)
    output = wanted + torch.tensor([0.1, 0.01])[:, None, None, None]
    psnr = (20 + 40) / 2
    assert LOSSES["log-mse"](output, wanted).item() == pytest.approx(-psnr / 10 * math.log(10), abs=0.01)
    assert math.isfinite(LOSSES["log-mse"](wanted, wanted))


@pytest.mark.parametrize(("step", "loss"), [(0, "l1"), (7, "l1"), (8, "mse"), (9, "mse")])
def test_the_stage_takes_the_loss_of_its_step(step: int, loss: str) -> None:
    stage = SrStage(
        Objective(create_model("tapernet_x2", width=8, blocks=1)), SrSection(steps=10, finish_share=0.2), None
    )
    hr, sr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    faces = Faces(lr=torch.rand(2, 3, 4, 4), hr=hr, skin=torch.rand(2, 1, 4, 4))
    assert torch.equal(stage.loss(lambda lr, parsing: sr, faces, step), LOSSES[loss](sr, hr))
