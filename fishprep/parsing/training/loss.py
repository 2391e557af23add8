"""The loss of a parser, at each of its heads: cross-entropy of the hard pixels, and Dice if asked for."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from fishprep.parsing.labelled import UNLABELLED
from fishprep.parsing.training.config import ParserTraining

LEAST = 16  # a sixteenth of the pixels counts in any case


def parsing_loss(logits: Tensor, labels: Tensor, config: ParserTraining) -> Tensor:
    """What a head is trained by; a scalar. Shapes as in `hard_pixel_loss`."""
    loss = hard_pixel_loss(logits, labels, config.hard)
    return loss + config.dice * dice_loss(logits, labels) if config.dice else loss


def dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """1 - 2 |found · labelled| / (|found| + |labelled|), the mean over the classes that the batch is labelled with; a scalar.

    Sums run over the labelled pixels of the whole batch (Milletari et al., V-Net, 3DV 2016, without the squares).
    logits (N, C, m, m) float32; labels (N, m, m) int64, 255 where there is none.
    """
    known = (labels != UNLABELLED)[:, None]
    truth = torch.zeros_like(logits).scatter_(1, labels.clamp(max=logits.shape[1] - 1)[:, None], 1.0) * known
    found = logits.softmax(dim=1) * known
    areas = truth.sum(dim=(0, 2, 3))
    dice = 2 * (found * truth).sum(dim=(0, 2, 3)) / (found.sum(dim=(0, 2, 3)) + areas).clamp(min=1e-6)
    here = areas > 0
    return 1 - dice[here].mean() if here.any() else found.sum()  # which is 0, and can be derived


def hard_pixel_loss(logits: Tensor, labels: Tensor, hard: float) -> Tensor:
    """Mean cross-entropy over the pixels whose class has less than the probability `hard`; a scalar.

    logits (N, C, m, m) float32; labels (N, m, m) int64, 255 where there is none. Where fewer than a sixteenth of the
    labelled pixels are that hard, it is the mean over the hardest sixteenth.
    """
    losses = F.cross_entropy(logits, labels, ignore_index=UNLABELLED, reduction="none").flatten()
    labelled = int((labels != UNLABELLED).sum())
    least = max(1, labelled // LEAST)
    counted = losses > -math.log(hard)
    count = int(counted.sum())
    if count >= least:
        return (losses * counted).sum() / count
    return torch.topk(losses, least, sorted=False).values.mean()
