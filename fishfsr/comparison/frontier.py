"""PSNR over what it costs: the geometry of two pictures, points with names and the line of those that nobody beats."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fishfsr.comparison.rows import ComparedRow

WIDTH, HEIGHT = 440.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 14.0, 14.0, 40.0
LINE, LETTER = 14.0, 6.5
"""Height of a name and width of its letters, in units of the picture."""


@dataclass(frozen=True)
class MethodPoint:
    """A method at (`x`, `y`); its name stands at (`label_x`, `label_y`), `anchor`: start or end. `best`: on the frontier."""

    name: str
    title: str
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str
    best: bool
    told: str


@dataclass(frozen=True)
class Frontier:
    """`ticks`: (place, text) of both axes; `line`: the frontier as points of a polyline."""

    title: str
    unit: str
    points: tuple[MethodPoint, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    line: str


def frontiers(rows: Sequence[ComparedRow], reference: str) -> tuple[Frontier, ...]:
    """PSNR over minutes of training and over GMAC of a face, on logarithmic axes; each where two methods have both."""
    measured = [row for row in rows if row.measured and row.cost is not None]
    over = {
        ("Over the time of training", "minutes"): [(row, (row.seconds or 0) / 60) for row in measured],
        ("Over the cost of a face", "GMAC"): [(row, row.cost.size.macs / 1e9) for row in measured if row.cost],
    }
    found = []
    for (title, unit), costs in over.items():
        costs = [(row, cost) for row, cost in costs if cost > 0]
        if len(costs) > 1:
            found.append(_frontier(title, unit, costs, reference))
    return tuple(found)


def _frontier(title: str, unit: str, costs: Sequence[tuple[ComparedRow, float]], reference: str) -> Frontier:
    logs = [math.log10(cost) for _, cost in costs]
    psnrs = [row.psnr for row, _ in costs]
    x_low, x_high = _padded(min(logs), max(logs), 0.12)
    y_low, y_high = _padded(min(psnrs), max(psnrs), 0.1)

    def place(log: float, psnr: float) -> tuple[float, float]:
        across = LEFT + (log - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        return across, TOP + (y_high - psnr) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    best = _unbeaten([(log, psnr) for log, psnr in zip(logs, psnrs, strict=True)])
    placed = [place(log, psnr) for log, psnr in zip(logs, psnrs, strict=True)]
    labels = _labels(placed, [row.title for row, _ in costs])
    points = tuple(
        MethodPoint(
            row.name,
            row.title,
            at[0],
            at[1],
            label[0],
            label[1],
            label[2],
            index in best,
            f"{row.title}: {row.psnr:.2f} dB, {cost:.3g} {unit}",
        )
        for index, ((row, cost), at, label) in enumerate(zip(costs, placed, labels, strict=True))
    )
    steps = [placed[index] for index in sorted(best, key=lambda each: logs[each])]
    return Frontier(
        title,
        unit,
        points,
        tuple((place(math.log10(tick), y_low)[0], f"{tick:g}") for tick in _decades(x_low, x_high)),
        tuple((place(x_low, tick)[1], f"{tick:g}") for tick in _round_ticks(y_low, y_high)),
        " ".join(f"{x:.1f},{y:.1f}" for x, y in steps),
    )


def _unbeaten(points: Sequence[tuple[float, float]]) -> set[int]:
    """Those for which no other is at least as good at no more cost."""
    return {
        index
        for index, (cost, psnr) in enumerate(points)
        if not any(
            other != index and theirs <= cost and value >= psnr and (theirs < cost or value > psnr)
            for other, (theirs, value) in enumerate(points)
        )
    }


def _labels(points: Sequence[tuple[float, float]], titles: Sequence[str]) -> list[tuple[float, float, str]]:
    """Where each name stands: beside its point, right or left, as near as it can without lying on another name or point."""
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in points]
    found: list[tuple[float, float, str]] = []
    for (x, y), title in zip(points, titles, strict=True):
        options = [
            (x + side * 9, y + shift * LINE / 2, "start" if side > 0 else "end")
            for shift in (0, -1, 1, -2, 2, -3, 3, -4, 4)
            for side in (1, -1)
        ]
        boxes = [_box(option, title) for option in options]
        costs = [sum(_overlap(box, other) for other in taken) + 50 * _outside(box) for box in boxes]
        chosen = costs.index(min(costs))
        taken.append(boxes[chosen])
        across, down, anchor = options[chosen]
        found.append((across, down + 4, anchor))
    return found


def _box(option: tuple[float, float, str], title: str) -> tuple[float, float, float, float]:
    across, down, anchor = option
    left = across if anchor == "start" else across - LETTER * len(title)
    return left, down - LINE / 2, left + LETTER * len(title), down + LINE / 2


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across * down if across > 0 and down > 0 else 0.0


def _outside(box: tuple[float, float, float, float]) -> float:
    return max(0.0, LEFT - box[0]) + max(0.0, box[2] - WIDTH) + max(0.0, -box[1]) + max(0.0, box[3] - HEIGHT + BOTTOM)


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    room = max((high - low) * share, 0.05)
    return low - room, high + room


def _decades(low: float, high: float) -> list[float]:
    """1, 2, 5 and their tens between two logarithms; only the ones where that is too many."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    every = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    inside = [tick for tick in every if low <= math.log10(tick) <= high]
    return inside if len(inside) <= 7 else [tick for tick in inside if math.log10(tick) == round(math.log10(tick))]


def _round_ticks(low: float, high: float) -> list[float]:
    step = next(step for step in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 1000.0) if (high - low) / step <= 6)
    first = math.ceil(low / step)
    return [round(number * step, 6) for number in range(first, math.floor(high / step) + 1)]
