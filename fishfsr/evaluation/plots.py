"""How measures are spread over the faces, and what maps change: the geometry of the page's inline pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fishfsr.evaluation.measures import ACCURACY, PSNR, MeasuredFaces
from fishfsr.evaluation.methods import BICUBIC
from fishfsr.evaluation.summary import Figure, MeasureText, Summary

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
class MethodHistogram:
    """`edges` of the bars, one more than bars; `zero`: where 0 lies between the first and the last edge, or None."""

    title: str
    edges: tuple[float, ...]
    series: tuple[Series, ...]
    zero: float | None


@dataclass(frozen=True)
class Whisker:
    """A row of the plot of maps: where mean and interval lie between the ends of the axis, 0 to 1."""

    title: str
    mean: float
    low: float
    high: float
    text: str
    network: bool


@dataclass(frozen=True)
class MapPlot:
    """Change of PSNR by map, and of bicubic; `ticks`: their places, 0 to 1, and texts; `zero`: no change."""

    title: str
    rows: tuple[Whisker, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float


def measure_histograms(summary: Summary, measures: MeasuredFaces) -> list[tuple[MeasureText, MethodHistogram]]:
    """Of every measure, with how it is written: the headline's beside bicubic, its gain, the accuracy of the map."""
    own, bicubic = (measures.methods[name] for name in (summary.headline, BICUBIC))
    found = [
        (summary.measures[name], histogram(summary.measures[name].title, {"Bicubic": bicubic[name], "SR": own[name]}))
        for name in own
    ]
    gain = histogram(f"{summary.measures[PSNR].title}, gain over bicubic", {"SR": own[PSNR] - bicubic[PSNR]})
    found.insert(1, (summary.measures[PSNR], gain))
    if ACCURACY in measures.parsing:
        accuracy = histogram("Accuracy of the estimated map", {"SR": measures.parsing[ACCURACY]})
        found.append((summary.measures[ACCURACY], accuracy))
    return [(measure, each) for measure, each in found if each is not None]


def histogram(title: str, columns: dict[str, NDArray[np.float64]]) -> MethodHistogram | None:
    """Of one or two methods over the same edges; None where no face has a finite number."""
    finite = {name: values[np.isfinite(values)] for name, values in columns.items()}
    finite = {name: values for name, values in finite.items() if len(values)}
    if not finite:
        return None
    edges = _edges(np.concatenate(list(finite.values())))
    start, end = edges[0], edges[-1]
    counts = {name: np.histogram(values.clip(start, end), edges)[0] for name, values in finite.items()}
    tallest = max(int(each.max()) for each in counts.values())
    return MethodHistogram(
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


def map_plot(summary: Summary) -> MapPlot | None:
    """Means and intervals by map; None where nothing is compared."""
    psnr = summary.measures[PSNR]
    rows = [(row.choice.title, row.differences[PSNR]) for row in summary.maps if row.differences is not None]
    values = [value for _, each in rows for value in (each.mean, each.low, each.high) if value is not None]
    if not values:
        return None
    rows.append(("bicubic", _negative(summary.gain[PSNR])))
    values += [value for value in (rows[-1][1].mean, 0.0) if value is not None]
    start, end, step = _axis(min(values), max(values))

    def place(value: float) -> float:
        return (value - start) / (end - start)

    def whisker(title: str, each: Figure) -> Whisker:
        assert each.mean is not None
        low, high = (each.mean if edge is None else edge for edge in (each.low, each.high))
        text = psnr.text(each.mean, signed=True)
        return Whisker(title, place(each.mean), place(low), place(high), text, title != "bicubic")

    count = round((end - start) / step)
    ticks = tuple(
        (index / count, f"{start + index * step:.4g}".replace("-", "\N{MINUS SIGN}")) for index in range(count + 1)
    )
    drawn = tuple(whisker(title, each) for title, each in rows if each.mean is not None)
    first = summary.maps[0].choice.title
    return MapPlot(f"Change of {psnr.title} from the {first}, {psnr.unit}", drawn, ticks, place(0.0))


def _negative(figure: Figure) -> Figure:
    mean, low, high = (None if value is None else -value for value in (figure.mean, figure.low, figure.high))
    return Figure(mean, high, low, figure.faces, figure.left_out)


def _axis(low: float, high: float) -> tuple[float, float, float]:
    """Round ends around the values, and the step between the ticks: at most six of them."""
    width = max(high - low, 0.01)
    power = 10.0
    while power > width:
        power /= 10
    step = next(power * factor for factor in (0.2, 0.5, 1, 2, 5) if width / (power * factor) <= 4)
    start, end = low // step * step, -(-high // step) * step
    return start, end if end > start else start + step, step


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of at most `MOST_BARS` bars, at multiples of 1, 2 or 5 times a power of ten."""
    low, high = np.percentile(values, [_TAIL, 100 - _TAIL]).tolist()
    width = max(high - low, abs(low) * 1e-3, 1e-3) / (MOST_BARS - 2)
    power = 10.0 ** np.floor(np.log10(width))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= width)
    return np.arange(np.floor(low / step), np.floor(high / step) + 2) * step
