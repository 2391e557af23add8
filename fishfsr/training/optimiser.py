"""What moves the weights: Adam, the schedule of its rate, and the average of the weights."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from fishfsr.training.config import StageSection


def adam(network: nn.Module, section: StageSection) -> torch.optim.Adam:
    """Adam as the paper sets it; the rate is set anew at each step."""
    return torch.optim.Adam(network.parameters(), section.lr, betas=section.betas, eps=section.eps, fused=True)


def rate(section: StageSection, step: int) -> float:
    """The learning rate of step `step`, from 0: a straight rise over the warm-up, then constant or a half cosine."""
    if step < section.warmup:
        return section.lr * (step + 1) / section.warmup
    if section.schedule == "constant":
        return section.lr
    done = (step - section.warmup) / max(1, section.steps - section.warmup)
    return section.lr * (section.final_lr + (1 - section.final_lr) * (1 + math.cos(math.pi * min(1.0, done))) / 2)


class Average:
    """Exponential moving average of a network's weights. Early on it forgets faster, so that the start does not linger."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights as they are after step `step`, from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)
        # Means and variances of batch normalisation are averages already.
        for kept, newest in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(newest)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients, then training mode again."""
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        network.train()
