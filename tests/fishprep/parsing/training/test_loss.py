"""The loss against a direct computation."""

import numpy as np
import pytest
import torch

from fishprep.parsing.training.config import ParserTraining
from fishprep.parsing.training.loss import dice_loss, hard_pixel_loss, parsing_loss


def _direct(logits: np.ndarray, labels: np.ndarray, hard: float) -> float:
    losses = []
    for image, marks in zip(logits, labels, strict=True):
        for row, column in zip(*np.nonzero(marks != 255), strict=True):
            values = np.exp(image[:, row, column] - image[:, row, column].max())
            losses.append(-np.log(values[marks[row, column]] / values.sum()))
    losses.sort(reverse=True)
    counted = [loss for loss in losses if loss > -np.log(hard)]
    least = max(1, len(losses) // 16)
    return float(np.mean(counted if len(counted) >= least else losses[:least]))


@pytest.mark.parametrize(("hard", "certain"), [(0.7, 1.0), (0.7, 8.0), (0.999, 1.0)])
def test_is_the_mean_over_the_hard_pixels(hard: float, certain: float) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 19, (2, 12, 12))
    labels[0, :3] = 255
    logits = rng.normal(size=(2, 19, 12, 12)).astype(np.float32)
    known = np.where(labels == 255, 0, labels)
    np.put_along_axis(logits, known[:, None], certain + rng.random((2, 1, 12, 12)).astype(np.float32), 1)
    found = hard_pixel_loss(torch.from_numpy(logits), torch.from_numpy(labels), hard)
    assert float(found) == pytest.approx(_direct(logits.astype(np.float64), labels, hard), rel=1e-4)


def test_without_labels_it_is_zero() -> None:
    logits = torch.randn(1, 19, 4, 4, requires_grad=True)
    loss = hard_pixel_loss(logits, torch.full((1, 4, 4), 255), 0.7)
    loss.backward()
    assert loss.item() == 0 and torch.equal(logits.grad, torch.zeros_like(logits))


def test_dice_counts_a_class_by_its_overlap_however_small_it_is() -> None:
    labels = torch.zeros(2, 8, 8, dtype=torch.long)
    labels[0, :2, :2] = 5  # four pixels of one class
    labels[1, 4:] = 255
    certain = torch.full((2, 19, 8, 8), -50.0)
    certain[:, 0] = 50.0  # all is called background
    labelled = 32 + 64.0
    expected = 1 - (2 * (labelled - 4) / (labelled - 4 + labelled) + 0) / 2
    assert float(dice_loss(certain, labels)) == pytest.approx(expected, abs=1e-6)
    right = torch.full((2, 19, 8, 8), -50.0).scatter_(1, labels.clamp(max=18)[:, None], 50.0)
    assert float(dice_loss(right, labels)) == pytest.approx(0, abs=1e-6)


def test_dice_without_labels_is_zero_and_can_be_derived() -> None:
    logits = torch.randn(1, 19, 4, 4, requires_grad=True)
    loss = dice_loss(logits, torch.full((1, 4, 4), 255))
    loss.backward()
    assert loss.item() == 0 and torch.equal(logits.grad, torch.zeros_like(logits))


def test_the_two_are_added_by_their_weight() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 19, 6, 6), torch.randint(0, 19, (2, 6, 6))
    hard, dice = hard_pixel_loss(logits, labels, 0.7), dice_loss(logits, labels)
    assert torch.equal(parsing_loss(logits, labels, ParserTraining()), hard)
    assert torch.allclose(parsing_loss(logits, labels, ParserTraining(dice=0.5)), hard + 0.5 * dice)
