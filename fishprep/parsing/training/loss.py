"""The loss of BiSeNet: cross-entropy of the hard pixels, at the main head and the two auxiliary ones."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from fishprep.parsing.labelled import UNLABELLED

LEAST = 16  # a sixteenth of the pixels counts in any case


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
