"""Measures of the kept faces as histograms, with the faces at either end."""

from dataclasses import dataclass

import numpy as np

from fishprep.reports.columns import Columns

MOST_BARS = 40
_TAIL = 0.5
"""Per cent of the faces at either end that the outermost bars take in, so that one odd face does not squeeze the rest."""


@dataclass(frozen=True)
class Measure:
    """One of `columns.MEASURES` for people. word: what comes before a value. low, high: what the ends mean; of a measure with
    `sides`, values below and above 0. factor, unit: of what is shown."""

    name: str
    title: str
    word: str
    low: str
    high: str
    note: str = ""
    unit: str = ""
    factor: float = 1.0
    sides: bool = False

    def text(self, value: float, digits: int = 0) -> str:
        """A value with its unit."""
        return f"{value * self.factor:,.{digits}f}{self.unit}".replace("-", "\N{MINUS SIGN}")

    def phrase(self, value: float) -> str:
        """A value in words."""
        if not self.sides:
            return f"{self.word} {self.text(value)}"
        return f"{self.word} {self.text(abs(value))} {self.high if value > 0 else self.low}"


MEASURES = (
    Measure(
        "side", "Size of the crop in the photo", "crop", "smallest", "largest", "below 128 px it was enlarged", " px"
    ),
    Measure("blur", "Sharpness", "sharpness", "most blurred", "sharpest", "variance of the Laplacian at 128²"),
    Measure(
        "yaw", "Turned sideways", "turned", "to the left", "to the right", "as the viewer sees it", "°", sides=True
    ),
    Measure("pitch", "Looking up or down", "looking", "up", "down", unit="°", sides=True),
    Measure("roll", "Tilted", "tilted", "anticlockwise", "clockwise", unit="°", sides=True),
    Measure("skin", "Share of skin", "skin", "least", "most", "of the pixels at 128²", "%", factor=100),
)


@dataclass(frozen=True)
class Bar:
    """Faces with values from `start` to `end`; `height` is relative to the tallest bar."""

    start: str
    end: str
    count: int
    height: float


@dataclass(frozen=True)
class Histogram:
    """middle: where the median lies between the first bar's start (0) and the last bar's end (1). smallest, largest: numbers of
    rows, outermost first. missing: kept faces without this measure."""

    measure: Measure
    bars: tuple[Bar, ...]
    median: str
    middle: float
    least: str
    most: str
    smallest: tuple[int, ...]
    largest: tuple[int, ...]
    missing: int


def histograms(columns: Columns, extremes: int) -> list[Histogram]:
    """One for each measure that any kept face has."""
    kept = np.flatnonzero(columns.kept)
    found = (_histogram(measure, kept, columns.measures[measure.name][kept], extremes) for measure in MEASURES)
    return [histogram for histogram in found if histogram is not None]


def _histogram(measure: Measure, numbers: np.ndarray, values: np.ndarray, extremes: int) -> Histogram | None:
    valid = np.isfinite(values)
    numbers, values = numbers[valid], values[valid].astype(np.float64)
    if not len(values):
        return None
    edges = _edges(*np.percentile(values, [_TAIL, 100 - _TAIL]).tolist())
    start, end = edges[0], edges[-1]
    counts, _ = np.histogram(values.clip(start, end), edges)
    digits = 0 if (edges[1] - edges[0]) * measure.factor >= 1 else 1
    median = float(np.median(values))
    order = np.argsort(values, kind="stable")
    # with few faces, none is shown at both ends
    shown = min(extremes, len(order) // 2)
    return Histogram(
        measure=measure,
        bars=tuple(
            Bar(
                measure.text(edges[i], digits),
                measure.text(edges[i + 1], digits),
                int(count),
                float(count / counts.max()),
            )
            for i, count in enumerate(counts)
        ),
        median=measure.text(median),
        middle=float((median - start) / (end - start)),
        least=measure.text(values.min()),
        most=measure.text(values.max()),
        smallest=tuple(numbers[order[:shown]].tolist()),
        largest=tuple(numbers[order[::-1][:shown]].tolist()),
        missing=int((~valid).sum()),
    )


def _edges(low: float, high: float) -> np.ndarray:
    """Edges of at most `MOST_BARS` bars from `low` to `high`, at multiples of 1, 2 or 5 times a power of ten, so that whole numbers
    spread evenly over the bars."""
    width = max(high - low, abs(low) * 1e-3, 1e-3) / (MOST_BARS - 2)
    power = 10.0 ** np.floor(np.log10(width))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= width)
    return np.arange(np.floor(low / step), np.floor(high / step) + 2) * step
