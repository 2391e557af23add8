"""Columns of numbers → figures: means over seeds and faces, differences from the reference face by face, with 95 % intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fishfsr.evaluation.measures import Column
from fishfsr.evaluation.summary import Bootstrap, Figure, Figures, figure, minus

FaceColumns = Mapping[str, Column]
"""By measure, (N,) float64 each, of the same faces in the same order."""


@dataclass(frozen=True)
class SeedSpread:
    """Lowest and highest mean of the seeds, and how many there are."""

    low: float
    high: float
    seeds: int


def over_seeds(columns: Sequence[FaceColumns]) -> dict[str, Column]:
    """The mean of the seeds for each face: what intervals over faces are made of."""
    return {name: np.mean([each[name] for each in columns], axis=0) for name in columns[0]}


def figures_of(columns: FaceColumns, bootstrap: Bootstrap) -> Figures:
    """The mean over faces of each measure, with its interval."""
    return {name: figure(values, bootstrap) for name, values in columns.items()}


def paired_differences(columns: FaceColumns, reference: FaceColumns, bootstrap: Bootstrap) -> Figures:
    """Of each measure that both have, this minus the reference: paired, as both saw the same faces."""
    return {
        name: figure(minus(values, reference[name]), bootstrap) for name, values in columns.items() if name in reference
    }


def spread_of(columns: Sequence[FaceColumns], measure: str) -> SeedSpread | None:
    """Between the seeds; None where there is one alone."""
    if len(columns) < 2:
        return None
    means = [float(np.mean(each[measure][np.isfinite(each[measure])])) for each in columns]
    return SeedSpread(min(means), max(means), len(means))


def is_apart(difference: Figure) -> bool:
    """Whether the interval leaves out zero."""
    return difference.low is not None and difference.high is not None and (difference.low > 0 or difference.high < 0)
