"""The curves of a run as one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from fishfsr.training.journal import ORDER, read_metrics
from fishprep.common.files import atomic

INK, FAINT, COLOUR, SECOND = "#22262b", "#d9dde2", "#1f6f8b", "#c8553d"
TITLES = {"parsing": "ParsingNet", "alignment": "Landmarks", "sr": "SR network"}
FIGURES = {
    "parsing": ("accuracy", "parsing accuracy", "{:.4f}"),
    "alignment": ("pck", "share of landmarks found", "{:.4f}"),
    "sr": ("psnr", "PSNR-Y, dB", "{:.2f} dB"),
}
SMOOTHED_OVER = 0.04

Lines = Sequence[dict[str, Any]]


def draw_curves(metrics: Path, picture: Path) -> None:
    """Loss and validation of each stage in `metrics` (metrics.jsonl) → `picture` (PNG); nothing where there is no line."""
    lines = read_metrics(metrics)
    stages = [stage for stage in ORDER if any(line["stage"] == stage for line in lines)]
    if not stages:
        return
    figure = Figure(figsize=(11, 0.4 + 3.3 * len(stages)), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)  # type: ignore[union-attr,call-arg]
    axes = figure.subplots(len(stages), 2, squeeze=False)
    for row, stage in zip(axes, stages, strict=True):
        own = [line for line in lines if line["stage"] == stage]
        _draw_loss(row[0], stage, [line for line in own if "loss" in line])
        _draw_validation(row[1], stage, [line for line in own if FIGURES[stage][0] in line])
    with atomic(picture) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, dpi=130, format="png")


def _draw_loss(axes: Axes, stage: str, lines: Lines) -> None:
    _prepare(axes, f"{TITLES[stage]}: training loss")
    if not lines:
        return
    steps, losses = (np.array([line[name] for line in lines]) for name in ("step", "loss"))
    axes.plot(steps, losses, color=COLOUR, alpha=0.3, linewidth=0.9)
    axes.plot(steps, _smoothed(losses), color=COLOUR, linewidth=1.8)
    if losses.min() > 0 and losses.max() > 8 * losses.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    rates = axes.twinx()
    rates.plot(steps, [line["lr"] for line in lines], color=SECOND, linewidth=1.0, linestyle=(0, (4, 2)), alpha=0.8)
    rates.set_ylim(bottom=0)
    rates.set_ylabel("learning rate", color=SECOND, fontsize=9)
    rates.tick_params(colors=SECOND, labelsize=8, length=0)
    rates.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    rates.yaxis.get_offset_text().set(color=SECOND, fontsize=8)
    for spine in rates.spines.values():
        spine.set_visible(False)


def _draw_validation(axes: Axes, stage: str, lines: Lines) -> None:
    name, label, text = FIGURES[stage]
    _prepare(axes, f"{TITLES[stage]}: {label}, validation")
    if not lines:
        axes.text(0.5, 0.5, "not validated yet", transform=axes.transAxes, ha="center", va="center", color="#7a828c")
        return
    steps, values = (np.array([line[key] for line in lines]) for key in ("step", name))
    axes.plot(steps, values, color=COLOUR, linewidth=1.8, marker="o", markersize=3.5)
    best = int(values.argmax())
    axes.plot(steps[best], values[best], marker="o", markersize=8, markerfacecolor="none", markeredgecolor=INK)
    if "bicubic_psnr" in lines[-1]:
        bicubic = lines[-1]["bicubic_psnr"]
        axes.axhline(bicubic, color=SECOND, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.annotate(
            f"bicubic {bicubic:.2f} dB", (0.99, bicubic), xycoords=axes.get_yaxis_transform(), xytext=(0, 4),
            textcoords="offset points", ha="right", color=SECOND, fontsize=9,
        )  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.16 * (high - low))
    on_the_right = steps[best] > 0.6 * steps[-1]
    axes.annotate(
        text.format(values[best]), (steps[best], values[best]), xytext=(0, 9), textcoords="offset points",
        ha="right" if on_the_right else "left", fontsize=10, fontweight="bold", color=INK,
    )  # fmt: skip


def _prepare(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(which="both", colors=INK, labelsize=9, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:,.0f}"))
    axes.set_xlabel("step", fontsize=9, color=INK)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Centred means over a few per cent of the run, shorter at its ends."""
    half = max(1, round(SMOOTHED_OVER * len(values) / 2))
    sums = np.concatenate(([0.0], np.cumsum(values)))
    places = np.arange(len(values))
    reach = np.minimum(half, np.minimum(places, len(values) - 1 - places))
    return (sums[places + reach + 1] - sums[places - reach]) / (2 * reach + 1)
