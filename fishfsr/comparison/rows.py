"""A row for each method: what it was, what it cost, what it came to, and what the paper says."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fishfsr.comparison.intervals import SeedSpread
from fishfsr.comparison.paper import PaperRow
from fishfsr.evaluation.measures import ACCURACY, IDENTITY, PSNR, SSIM
from fishfsr.evaluation.summary import Figure, Figures
from fishfsr.registry import ModelSize


@dataclass(frozen=True)
class NetworkCost:
    """`width` and `size` (parameters, multiply-accumulates of a face; ParsingNet's too where its map is read) of what was trained here,
    and of the network as published."""

    width: int
    size: ModelSize
    full_width: int
    full_size: ModelSize


@dataclass(frozen=True)
class ComparedRow:
    """One method, with what was `changed` in its settings alone. `figures`: means by measure; `differences`: from the reference, face
    by face. `spread`: of PSNR between the seeds.

    `seconds`, `steps`, `faces`: of training, the mean of the seeds; `milliseconds`: of a face here. `seeds`: how many are trained and
    measured. `error`: why there is nothing, or why there is no more.
    """

    name: str
    title: str
    changed: str = ""
    seeds: int = 0
    figures: Figures = field(default_factory=dict)
    differences: Figures = field(default_factory=dict)
    spread: SeedSpread | None = None
    cost: NetworkCost | None = None
    milliseconds: float | None = None
    seconds: float | None = None
    steps: int | None = None
    faces: int | None = None
    paper: PaperRow | None = None
    error: str | None = None

    @property
    def measured(self) -> bool:
        """Whether it has figures."""
        return PSNR in self.figures

    @property
    def psnr(self) -> float:
        """Its mean; only where it is measured, and finite for some face."""
        mean = self.figures[PSNR].mean
        assert mean is not None
        return mean

    def cells(self) -> dict[str, str | float | int | None]:
        """Every number by the name of its column: what the CSV, the JSON and the page hold."""
        found: dict[str, str | float | int | None] = {"method": self.name, "title": self.title, "seeds": self.seeds}
        for measure in (PSNR, SSIM, IDENTITY, ACCURACY):
            found |= _figure(measure, self.figures.get(measure))
        for measure in (PSNR, SSIM, IDENTITY):
            found |= _figure(f"{measure}_difference", self.differences.get(measure))
        cost, paper = self.cost, self.paper
        return found | {
            "psnr_lowest_seed": None if self.spread is None else self.spread.low,
            "psnr_highest_seed": None if self.spread is None else self.spread.high,
            "width": None if cost is None else cost.width,
            "parameters": None if cost is None else cost.size.parameters,
            "gmac": None if cost is None else cost.size.macs / 1e9,
            "full_width": None if cost is None else cost.full_width,
            "full_parameters": None if cost is None else cost.full_size.parameters,
            "full_gmac": None if cost is None else cost.full_size.macs / 1e9,
            "milliseconds": self.milliseconds,
            "minutes": None if self.seconds is None else self.seconds / 60,
            "steps": self.steps,
            "faces_seen": self.faces,
            "paper_psnr": None if paper is None else paper.psnr,
            "paper_ssim": None if paper is None else paper.ssim,
            "paper_identity": None if paper is None else paper.identity,
            "changed": self.changed or None,
            "error": self.error,
        }


def written(value: str | float | int | None) -> str:
    """A cell as the CSV has it, and the page beside what it shows: six places, nothing where there is no number."""
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def table_csv(rows: tuple[ComparedRow, ...]) -> str:
    """A line for each method."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(rows[0].cells())
    writer.writerows([written(value) for value in row.cells().values()] for row in rows)
    return stream.getvalue()


def plain(row: ComparedRow) -> dict[str, Any]:
    """Ready for JSON: its cells, and how many faces its figures are of."""
    figures: Mapping[str, Figure] = row.figures
    return {**row.cells(), "figures": {name: asdict(each) for name, each in figures.items()}}


def _figure(name: str, each: Figure | None) -> dict[str, float | None]:
    if each is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: each.mean, f"{name}_low": each.low, f"{name}_high": each.high}
