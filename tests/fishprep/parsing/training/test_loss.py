"""The loss against a direct computation."""

import numpy as np
import pytest
import torch

from fishprep.parsing.training.loss import hard_pixel_loss


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
