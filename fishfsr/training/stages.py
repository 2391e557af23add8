"""What the stages train and how each is judged: ParsingNet, a network of landmarks for methods that want one, the enlarging one."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.checkpoint import Checkpoint, Details
from fishfsr.data.batch import Faces
from fishfsr.methods.alignment import LOOKS, AlignmentNet, alignment_loss, found
from fishfsr.methods.base import Forward, Objective, published
from fishfsr.metrics import parsing_accuracy, psnr, ssim
from fishfsr.models.parsingnet import ParsingNet
from fishfsr.training.config import StageSection

FAINT = 1e-6
"""Squared error of a face, in units of the whole range, below which its logarithm asks for no more: 60 dB."""


def log_mse(output: Tensor, wanted: Tensor) -> Tensor:
    """Mean over faces (N, c, h, w) in [0, 1] of the logarithm of the squared error: PSNR, but for sign and factor."""
    return (output - wanted).square().mean((1, 2, 3)).add(FAINT).log().mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "log-mse": log_mse,
    "published": published,
}


class TrainingStage(Protocol):
    """One network's training.

    `network` is what is trained; `measures` names all of `figures`, `figure` the one by which the best weights are
    chosen: the larger, the better.
    """

    name: str
    figure: str
    measures: tuple[str, ...]
    section: StageSection

    @property
    def network(self) -> nn.Module: ...

    def loss(self, forward: Forward, faces: Faces, step: int) -> Tensor:
        """The loss of a batch at step `step`, a scalar; `forward` is the network, perhaps wrapped."""

    def output(self, network: nn.Module, faces: Faces) -> Tensor:
        """What `network` makes of the faces."""

    def figures(self, network: nn.Module, faces: Faces) -> dict[str, Tensor]:
        """Figures of every face, (N,) each."""

    def checkpoint(self, network: Any, details: Details) -> Checkpoint:
        """What is kept, with `network` (the trained one, or its average) in its place."""

    def kept(self, checkpoint: Checkpoint) -> nn.Module | None:
        """The stage's network out of a checkpoint."""


class ParsingStage:
    """Stage 1: L1 against the map at LR size (eq. 2); judged by the accuracy of Table IV."""

    name, figure = "parsing", "accuracy"
    measures: tuple[str, ...] = ("accuracy",)

    def __init__(self, network: ParsingNet, section: StageSection) -> None:
        self.network, self.section = network, section

    def loss(self, forward: Forward, faces: Faces, step: int) -> Tensor:
        return LOSSES[self.section.loss_at(step)](forward(faces.lr).float(), faces.skin)

    def output(self, network: nn.Module, faces: Faces) -> Tensor:
        return network(faces.lr)

    def figures(self, network: nn.Module, faces: Faces) -> dict[str, Tensor]:
        return {"accuracy": parsing_accuracy(self.output(network, faces), faces.skin)}

    def checkpoint(self, network: Any, details: Details) -> Checkpoint:
        return Checkpoint(parsing_net=network, details=details)

    def kept(self, checkpoint: Checkpoint) -> nn.Module | None:
        return checkpoint.parsing_net


class AlignmentStage:
    """Landmarks on HR faces, for methods whose loss or network needs them; judged by the share that is found.

    It looks several times, as DIC will: a network that has never been given its own state gives back larger ones with each look.
    `pck`: landmarks whose highest place in their heatmap lies within one of its pixels, 4 of the face's 128; at the look that finds
    the fewest of them.
    """

    name, figure = "alignment", "pck"
    measures: tuple[str, ...] = ("pck",)

    def __init__(self, network: AlignmentNet, section: StageSection) -> None:
        self.network, self.section = network, section

    def loss(self, forward: Forward, faces: Faces, step: int) -> Tensor:
        assert faces.landmarks is not None
        return alignment_loss(forward(faces.hr, LOOKS), faces.landmarks.repeat(LOOKS, 1, 1))

    def output(self, network: nn.Module, faces: Faces) -> Tensor:
        return network(faces.hr)

    def figures(self, network: nn.Module, faces: Faces) -> dict[str, Tensor]:
        assert faces.landmarks is not None and isinstance(network, AlignmentNet)
        shares = [found(maps.float(), faces.landmarks) for maps in network.looks(faces.hr)]
        return {"pck": torch.stack(shares).amin(0)}

    def checkpoint(self, network: Any, details: Details) -> Checkpoint:
        return Checkpoint(alignment_net=network, details=details)

    def kept(self, checkpoint: Checkpoint) -> nn.Module | None:
        return checkpoint.alignment_net


class SrStage:
    """The last stage, FishFSRNet's by default: L1 against HR (eq. 24) on the map that the frozen ParsingNet estimates; judged by
    PSNR-Y, `reference`. Another method brings its own loss (`fishfsr.methods`).

    The map is estimated anew for every batch: it takes less than a hundredth of the step's time, and nothing is kept
    that grows with the data. It is computed in float32, as evaluation and export do, and clamped to [0, 1].
    """

    name, figure = "sr", "psnr"
    measures: tuple[str, ...] = ("psnr", "ssim", "bicubic_psnr")

    def __init__(self, objective: Objective, section: StageSection, parsing_net: ParsingNet | None) -> None:
        self.objective, self.section = objective, section
        self.network, self._config = objective.trained, objective.network.config
        self.parsing_net = None if parsing_net is None else parsing_net.eval().requires_grad_(False)

    def loss(self, forward: Forward, faces: Faces, step: int) -> Tensor:
        return self.objective.loss(forward, faces, self._map(faces.lr), LOSSES[self.section.loss_at(step)], step)

    def output(self, network: nn.Module, faces: Faces) -> Tensor:
        return network(faces.lr, self._map(faces.lr))

    def figures(self, network: nn.Module, faces: Faces) -> dict[str, Tensor]:
        scale = self._config.scale
        sr = self.output(network, faces).float()
        return {
            "psnr": psnr(sr, faces.hr, scale),
            "ssim": ssim(sr, faces.hr, scale),
            "bicubic_psnr": psnr(bicubic(faces.lr, scale), faces.hr, scale),
        }

    def checkpoint(self, network: Any, details: Details) -> Checkpoint:
        return Checkpoint(self.parsing_net, self.objective.network_of(network), details=details)

    def kept(self, checkpoint: Checkpoint) -> nn.Module | None:
        return checkpoint.sr_net

    def _map(self, lr: Tensor) -> Tensor | None:
        if self.parsing_net is None or not self._config.needs_map:
            return None
        with torch.no_grad(), torch.autocast(lr.device.type, enabled=False):
            return self.parsing_net(lr).clamp(0, 1)


def bicubic(lr: Tensor, scale: int) -> Tensor:
    """(N, 3, h, w) in [0, 1] enlarged by Pillow's kernel (a = -0.5, which PyTorch uses where antialias is set)."""
    return F.interpolate(lr, scale_factor=scale, mode="bicubic", antialias=True).clamp(0, 1)
