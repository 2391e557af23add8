"""Means and variances of batch normalisation for the weights that are kept: measured, not gathered on the way."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fishfsr.data import Stream, to_faces
from fishfsr.data.batch import Faces

FACES, TOGETHER = 256, 32
"""Faces that are looked at, those trained on last, and how many of them at once."""


def is_normalised(network: nn.Module) -> bool:
    """Whether there is a batch normalisation in it."""
    return bool(_norms(network))


def last_faces(stream: Stream, seen: int, device: torch.device) -> Iterator[Faces]:
    """The `FACES` faces of the stream before its place `seen`, as they were trained on; before so many were seen, the first ones."""
    first = max(0, seen - FACES)
    for start in range(first, first + FACES, TOGETHER):
        read = stream.at(np.arange(start, start + TOGETHER, dtype=np.int64))
        yield to_faces(read.batch, device, read.flip)


@torch.no_grad()
def measure_statistics(network: nn.Module, output: Callable[[Faces], Tensor], batches: Iterable[Faces]) -> None:
    """Put the mean and variance of what `batches` come to into every batch normalisation of `network`, by its weights as they are.

    Those that training leaves behind are of the weights of its last steps, noisy where its batches are small, and say nothing of
    averaged weights: a network evaluated by them is another one (Izmailov et al., UAI 2018, section 3.2; Wu and Johnson, Rethinking
    "Batch" in BatchNorm, 2021, section 3). `output`: calls the network on a batch. Batches weigh alike.
    """
    norms, was_training = _norms(network), network.training
    momenta = [norm.momentum for norm in norms]
    network.train()
    try:
        for number, faces in enumerate(batches, 1):
            for norm in norms:  # the first batch takes the place of what was there, each further one has its share
                norm.momentum = 1 / number
            output(faces)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.train(was_training)


def _norms(network: nn.Module) -> list[_BatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]
