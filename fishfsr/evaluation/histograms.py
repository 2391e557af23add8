"""How a measure is spread over the faces, as the geometry of an inline picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_BARS = 36
_TAIL = 0.5
"""Per cent of the numbers at either end that the outermost bars take in, so that one odd face does not squeeze the rest."""


@dataclass(frozen=True)
class Series:
    """One method: `heights` of its bars relative to the tallest of all, `counts`, and where its mean lies (0 to 1)."""

    name: str
    heights: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float


@dataclass(frozen=True)
class Histogram:
    """`edges` of the bars, one more than bars; `zero`: where 0 lies between the first and the last edge, or None."""

    title: str
    edges: tuple[float, ...]
    series: tuple[Series, ...]
    zero: float | None


def histogram(title: str, columns: dict[str, NDArray[np.float64]]) -> Histogram | None:
    """Of one or two methods over the same edges; None where no face has a finite number."""
    finite = {name: values[np.isfinite(values)] for name, values in columns.items()}
    finite = {name: values for name, values in finite.items() if len(values)}
    if not finite:
        return None
    edges = _edges(np.concatenate(list(finite.values())))
    start, end = edges[0], edges[-1]
    counts = {name: np.histogram(values.clip(start, end), edges)[0] for name, values in finite.items()}
    tallest = max(int(each.max()) for each in counts.values())
    return Histogram(
        title,
        tuple(edges.tolist()),
        tuple(
            Series(
                name,
                tuple((each / tallest).tolist()),
                tuple(each.tolist()),
                float(np.clip((finite[name].mean() - start) / (end - start), 0, 1)),
            )
            for name, each in counts.items()
        ),
        float(-start / (end - start)) if start < 0 < end else None,
    )


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of at most `MOST_BARS` bars, at multiples of 1, 2 or 5 times a power of ten."""
    low, high = np.percentile(values, [_TAIL, 100 - _TAIL]).tolist()
    width = max(high - low, abs(low) * 1e-3, 1e-3) / (MOST_BARS - 2)
    power = 10.0 ** np.floor(np.log10(width))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= width)
    return np.arange(np.floor(low / step), np.floor(high / step) + 2) * step
