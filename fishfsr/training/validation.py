"""Figures of a network over the validation faces, shared out among the processes."""

from dataclasses import dataclass

import torch
from torch import nn

from fishfsr.data import ShardDataset, to_faces
from fishfsr.training.config import Validation
from fishfsr.training.optimiser import evaluating
from fishfsr.training.precision import Amp
from fishfsr.training.ranks import Ranks
from fishfsr.training.stages import TrainingStage


@dataclass(frozen=True)
class MeanFigures:
    """Means over `faces` faces, by the figure's name.

    `left_out`: faces of which some figure is not finite (the PSNR of equal pictures is infinite); they are in none of
    the means, and where there are no others `means` is empty.
    """

    means: dict[str, float]
    faces: int
    left_out: int


class Validator:
    """Measures on the faces of `dataset` that `settings` choose; every process of the group calls it at once."""

    def __init__(self, dataset: ShardDataset, settings: Validation, amp: Amp, ranks: Ranks) -> None:
        self._dataset, self._settings, self._amp, self._ranks = dataset, settings, amp, ranks
        self.count = min(len(dataset), settings.faces or len(dataset))
        self.identity = f"{self.count} of {len(dataset)} faces, {dataset.fingerprint}"
        """Which faces these are: figures can be compared where it is the same."""

    def measure(self, stage: TrainingStage, network: nn.Module) -> MeanFigures:
        """The stage's figures of `network`, as means."""
        own = self._ranks.together(lambda: self._sums(stage, network))
        faces, *totals = self._ranks.sums(own)
        means = {name: total / faces for name, total in zip(stage.measures, totals, strict=True)} if faces else {}
        return MeanFigures(means, int(faces), self.count - int(faces))

    def _sums(self, stage: TrainingStage, network: nn.Module) -> list[float]:
        """Number of this process's faces with finite figures, and the sum of each figure over them: none at all give zeros."""
        step, length = self._settings.batch_size, len(self._dataset)
        mine = [index * length // self.count for index in range(self.count)][self._ranks.rank :: self._ranks.world]
        sums = torch.zeros(1 + len(stage.measures), dtype=torch.float64)
        with evaluating(network), self._amp.autocast():
            for start in range(0, len(mine), step):
                batch = self._dataset.__getitems__(mine[start : start + step])
                figures = stage.figures(network, to_faces(batch, self._amp.device))
                table = torch.stack([figures[name].double().cpu() for name in stage.measures])
                finite = table.isfinite().all(0)
                sums += torch.cat([finite.sum().view(1), table[:, finite].sum(1)])
        return sums.tolist()
