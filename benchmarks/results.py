"""The tables and the curve of docs/results.md, from what `fishfsr eval` left.

    python benchmarks/results.py EVAL... [--curve FILE.png]     # one table over all scales, one over all maps
    python benchmarks/results.py --pair WITHOUT_MAP WITH_MAP    # the second minus the first, face by face

EVAL is a folder with `summary.json` and `per_face.csv`; the order of the tables is that of the folders. The curve shows what a
turned map costs (Fig. 13 of the paper) where the evaluations have `--map estimated,rotate:...`.
"""

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fishfsr.evaluation.summary import Bootstrap, figure
from fishfsr.registry import ARCHITECTURES
from fishprep.common.files import atomic

MEASURES = {"psnr": "{:.2f}", "ssim": "{:.4f}", "identity": "{:.4f}", "accuracy": "{:.4f}"}
SIGNED = {"psnr": "{:+.3f}", "ssim": "{:+.4f}", "identity": "{:+.4f}"}
WORDS = {
    "estimated": "estimated by ParsingNet",
    "truth": "true (the shards')",
    "wrong": "another face's",
    "none": "none (zeros)",
}
COLOURS = ("#1f6f8b", "#c8553d", "#5b8c3a", "#7b5ea7")
INK, FAINT = "#22262b", "#d9dde2"

Figures = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """One `summary.json`: `maps` by name, `changes` against the first of them."""

    scale: int
    network: str
    figures: dict[str, Figures]
    maps: dict[str, Figures]
    changes: dict[str, Figures]

    @classmethod
    def read(cls, folder: Path) -> "Evaluation":
        content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        rows = content["maps"]
        return cls(
            content["provenance"]["scale"],
            ARCHITECTURES[content["provenance"]["checkpoint"]["networks"]["sr_net"]["architecture"]].title,
            content["figures"],
            {row["map"]: row["figures"] for row in rows},
            {row["map"]: row["differences"] for row in rows if row["differences"]},
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluations", nargs="*", type=Path)
    parser.add_argument("--curve", type=Path, help="Draw what turned maps cost into this PNG.")
    parser.add_argument("--pair", nargs=2, type=Path, help="Two evaluations of the same faces.")
    asked = parser.parse_args()
    found = [Evaluation.read(folder) for folder in asked.evaluations]
    if found:
        print(methods_table(found), maps_table(found), sep="\n\n")
    if asked.curve:
        draw_curve(found, asked.curve)
    if asked.pair:
        print(pair_table(*asked.pair))


def methods_table(found: list[Evaluation]) -> str:
    """Bicubic, the network and their difference by scale."""
    lines = [
        "| scale | | PSNR-Y, dB | SSIM-Y | identity, cosine | ParsingNet's accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for it in found:
        own = it.figures["sr"] | it.figures["parsing"]
        lines.append(_row(f"x{it.scale}", "Bicubic", it.figures["bicubic"], MEASURES))
        lines.append(_row("", f"{it.network}, estimated map", own, MEASURES))
        lines.append(_row("", "difference", it.figures["gain"], SIGNED | {"accuracy": ""}))
    return "\n".join(lines)


def maps_table(found: list[Evaluation]) -> str:
    """PSNR-Y of the first map, and what each other one changes of it, by scale."""
    head = [f"x{it.scale}" for it in found]
    lines = ["| map | " + " | ".join(head) + " |", "|---|" + "---|" * len(found)]
    first = next(iter(found[0].maps))
    cells = [f"{it.maps[first]['psnr']['mean']:.2f} dB" for it in found]
    lines.append(f"| {_map_words(first)} | " + " | ".join(cells) + " |")
    for name in found[0].changes:
        cells = [_cell(it.changes[name].get("psnr"), SIGNED["psnr"]) if name in it.changes else "" for it in found]
        lines.append(f"| {_map_words(name)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def pair_table(first: Path, second: Path) -> str:
    """Means of both and the second minus the first, face by face."""
    columns = [_columns(folder) for folder in (first, second)]
    if columns[0]["id"].tolist() != columns[1]["id"].tolist():
        raise SystemExit(f"{first} and {second} are not of the same faces")
    lines = ["| | " + " | ".join((first.name, second.name, "difference")) + " |", "|---|---|---|---|"]
    for name in ("psnr", "ssim"):
        values = [found[f"sr_{name}"].astype(np.float64) for found in columns]
        means = [MEASURES[name].format(value.mean()) for value in values]
        change = figure(values[1] - values[0], Bootstrap())
        lines.append(
            f"| {name} | {means[0]} | {means[1]} | {_interval(change.mean, change.low, change.high, SIGNED[name])} |"
        )
    return "\n".join(lines)


def draw_curve(found: list[Evaluation], path: Path) -> None:
    """Change of PSNR-Y by the angle by which the true map is turned; the true map itself stands at 0°."""
    picture = Figure(figsize=(7, 3.6), layout="constrained", facecolor="white")
    axes = picture.subplots()
    axes.axhline(0, color=INK, linewidth=0.8)
    for it, colour in zip(found, COLOURS, strict=False):
        turned = {0.0: it.changes["truth"]["psnr"]} | {
            float(name.partition(":")[2]): change["psnr"]
            for name, change in it.changes.items()
            if name.startswith("rotate:")
        }
        angles = sorted(turned)
        means, low, high = (np.array([turned[angle][key] for angle in angles]) for key in ("mean", "low", "high"))
        axes.errorbar(
            angles, means, (means - low, high - means), color=colour, marker="o", markersize=4, capsize=3, linewidth=1.6
        )
        axes.annotate(
            f"x{it.scale}", (angles[-1], means[-1]), (8, 0), textcoords="offset points", color=colour, va="center"
        )
    axes.set_xlabel("map turned by, degrees", color=INK)
    axes.set_ylabel("PSNR-Y against the estimated map, dB", color=INK)
    axes.grid(color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with atomic(path) as temporary:
        FigureCanvasAgg(picture).print_figure(temporary, dpi=130, format="png")


def _columns(folder: Path) -> dict[str, np.ndarray]:
    with open(folder / "per_face.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _row(scale: str, title: str, figures: Figures, forms: dict[str, str]) -> str:
    cells = [_cell(figures.get(name), forms[name]) for name in MEASURES]
    return f"| {scale} | {title} | " + " | ".join(cells) + " |"


def _cell(found: Figures | None, form: str) -> str:
    return "" if found is None else _interval(found["mean"], found["low"], found["high"], form)


def _interval(mean: float, low: float, high: float, form: str) -> str:
    return f"{form.format(mean)} ({form.format(low)} ... {form.format(high)})"


def _map_words(name: str) -> str:
    return WORDS.get(name) or f"true, turned by {name.partition(':')[2]}°"


if __name__ == "__main__":
    main()
