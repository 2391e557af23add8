"""Numbers of many faces → a mean and its interval, by the bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_DRAWN_AT_ONCE = 1 << 21
"""Numbers drawn at a time: memory does not grow with the faces times the resamples."""


@dataclass(frozen=True)
class Bootstrap:
    """The percentile bootstrap of a mean: `resamples` draws of as many faces as there are, with replacement."""

    seed: int = 0
    resamples: int = 2000


@dataclass(frozen=True)
class Figure:
    """The mean over `faces` faces, and the 95 % interval from `low` to `high` (None with fewer than two faces).

    `left_out`: faces with no finite number, which are in none of these; with no other faces the mean is None.
    """

    mean: float | None
    low: float | None
    high: float | None
    faces: int
    left_out: int


def figure(values: NDArray[np.float64], bootstrap: Bootstrap) -> Figure:
    """The figure of one number per face, (N,) float64; the same values and seed give the same figure."""
    finite = values[np.isfinite(values)]
    left_out = len(values) - len(finite)
    if not len(finite):
        return Figure(None, None, None, 0, left_out)
    mean = float(finite.mean())
    if len(finite) < 2:
        return Figure(mean, None, None, 1, left_out)
    outside = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(resampled_means(finite, bootstrap), (outside, 100 - outside))
    return Figure(mean, float(low), float(high), len(finite), left_out)


def resampled_means(values: NDArray[np.float64], bootstrap: Bootstrap) -> NDArray[np.float64]:
    """Means of the resamples of `values` (N,), (resamples,) float64."""
    generator = np.random.default_rng(bootstrap.seed)
    at_once = max(1, _DRAWN_AT_ONCE // len(values))
    means = np.empty(bootstrap.resamples)
    for start in range(0, bootstrap.resamples, at_once):
        rows = min(at_once, bootstrap.resamples - start)
        means[start : start + rows] = values[generator.integers(len(values), size=(rows, len(values)))].mean(1)
    return means
