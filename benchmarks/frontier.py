"""What a training had gained over bicubic after how many minutes, from the logs of runs: a table and a curve.

    python benchmarks/frontier.py RUN... [--curve FILE.png]

RUN is the folder of `fishfsr train`. Minutes are those of the trained stages, validations included, of as many cores as the run had
threads. Gains are those of the run's own validation faces (`validation.faces`): runs of other scales or other faces stand apart.
"""

import argparse
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fishfsr.training.journal import read_metrics
from fishprep.common.files import atomic

COLOURS = ("#1f6f8b", "#c8553d", "#5b8c3a", "#7b5ea7", "#b8860b", "#444444")
INK, FAINT = "#22262b", "#d9dde2"


@dataclass(frozen=True)
class Course:
    """Of a run: its name, and (minutes, steps, gain in dB) at each validation of the SR network."""

    name: str
    points: tuple[tuple[float, int, float], ...]

    @classmethod
    def read(cls, folder: Path) -> "Course":
        lines = read_metrics(folder / "metrics.jsonl")
        before = max((line.get("seconds", 0.0) for line in lines if line["stage"] == "parsing"), default=0.0)
        seconds, points = 0.0, []
        for line in (line for line in lines if line["stage"] == "sr"):
            seconds = line.get("seconds", seconds)
            if "psnr" in line:
                points.append(((before + seconds) / 60, line["step"], line["psnr"] - line["bicubic_psnr"]))
        return cls(folder.name, tuple(points))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--curve", type=Path, help="Draw the courses into this PNG.")
    asked = parser.parse_args()
    courses = [Course.read(run) for run in asked.runs]
    print("| run | minutes | steps | gain over bicubic, validation |\n|---|---|---|---|")
    for course in courses:
        for minutes, steps, gain in course.points:
            print(f"| {course.name} | {minutes:.1f} | {steps:,} | {gain:+.2f} dB |")
    if asked.curve:
        draw(courses, asked.curve)


def draw(courses: list[Course], path: Path) -> None:
    """Gain over minutes, a line for each run."""
    picture = Figure(figsize=(7, 3.8), layout="constrained", facecolor="white")
    axes = picture.subplots()
    for course, colour in zip(courses, cycle(COLOURS)):
        minutes, _, gains = zip(*course.points, strict=True)
        axes.plot(minutes, gains, color=colour, marker="o", markersize=4, linewidth=1.6)
        axes.annotate(
            course.name, (minutes[-1], gains[-1]), (6, 4), textcoords="offset points", color=colour, va="center"
        )
    axes.set_xlabel("minutes of one core", color=INK)
    axes.set_ylabel("PSNR-Y over bicubic, dB", color=INK)
    axes.margins(x=0.12)
    axes.grid(color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with atomic(path) as temporary:
        FigureCanvasAgg(picture).print_figure(temporary, dpi=130, format="png")


if __name__ == "__main__":
    main()
