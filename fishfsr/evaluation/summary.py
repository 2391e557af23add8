"""Columns of numbers → the figures of an evaluation: means and their intervals by the bootstrap; and they as JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fishfsr.evaluation.measures import ACCURACY, IDENTITY, IOU, LPIPS, PSNR, SSIM, Column, MeasuredFaces
from fishfsr.evaluation.methods import BICUBIC, Methods
from fishfsr.evaluation.provenance import Provenance, warnings
from fishfsr.evaluation.settings import MapChoice
from fishfsr.metrics import get_protocol
from fishfsr.registry import ARCHITECTURES
from fishprep.common.words import counted

FORMAT = "fishfsr-evaluation"
FORMAT_VERSION = 1
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


Figures = dict[str, Figure]
"""By the measure's name."""
MethodColumns = dict[str, dict[str, Column]]
"""By the method's name, then by the measure's."""


@dataclass(frozen=True)
class MeasureText:
    """How a measure is written: `digits` behind the point, `fine` of them in differences."""

    name: str
    title: str
    digits: int = 4
    fine: int = 4
    unit: str = ""

    def text(self, value: float | None, signed: bool = False) -> str:
        """A number, with its sign where it is a difference; a dash where there is none."""
        if value is None:
            return "–"
        form = f"+.{self.fine}f" if signed else f".{self.digits}f"
        return f"{value:{form}}".replace("-", "\N{MINUS SIGN}")

    def interval(self, figure: Figure, signed: bool = False) -> str:
        """`low … high`, or nothing."""
        if figure.low is None or figure.high is None:
            return ""
        return f"{self.text(figure.low, signed)} … {self.text(figure.high, signed)}"


def measures_of(luma: bool) -> dict[str, MeasureText]:
    """Every measure by its name; on Y or on RGB."""
    channel = "Y" if luma else "RGB"
    listed = (
        MeasureText(PSNR, f"PSNR-{channel}", 2, 3, "dB"),
        MeasureText(SSIM, f"SSIM-{channel}"),
        MeasureText(IDENTITY, "Identity"),
        MeasureText(LPIPS, "LPIPS, less is better"),
        MeasureText(ACCURACY, "Accuracy"),
        MeasureText(IOU, "IoU of the skin"),
    )
    return {measure.name: measure for measure in listed}


@dataclass(frozen=True)
class MapRow:
    """The network by one map. `differences` from the first row, face by face; None in the first."""

    choice: MapChoice
    figures: Figures
    differences: Figures | None


@dataclass(frozen=True)
class Summary:
    """`maps[0]` is what the figures are of; `gain` is it minus `bicubic`, face by face. `parsing`: of ParsingNet's map.

    `reads_map`: whether the network reads a map at all.
    """

    provenance: Provenance
    warnings: tuple[str, ...]
    reads_map: bool
    measures: dict[str, MeasureText]
    bicubic: Figures
    gain: Figures
    maps: tuple[MapRow, ...]
    parsing: Figures

    @property
    def headline(self) -> str:
        """The name of the map that the figures are of."""
        return self.maps[0].choice.name

    @property
    def network(self) -> str:
        """What the network that enlarges is called: `FishFSRNet`, `TaperNet`."""
        return ARCHITECTURES[self.provenance.checkpoint.networks["sr_net"]["architecture"]].title

    @property
    def sr(self) -> Figures:
        """The figures of the network that enlarges."""
        return self.maps[0].figures

    @property
    def compared(self) -> tuple[str, ...]:
        """The measures that every map has."""
        return tuple(self.maps[-1].figures)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: no NaN, no infinity."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "confidence": CONFIDENCE,
            "figures": {
                "bicubic": _plain(self.bicubic),
                "sr": _plain(self.sr),
                "gain": _plain(self.gain),
                "parsing": _plain(self.parsing),
            },
            "reads_map": self.reads_map,
            "maps": [
                {
                    "map": row.choice.name,
                    "figures": _plain(row.figures),
                    "differences": None if row.differences is None else _plain(row.differences),
                }
                for row in self.maps
            ],
            "warnings": list(self.warnings),
            "provenance": asdict(self.provenance),
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True)
class Figurer:
    """Turns columns of numbers into figures."""

    bootstrap: Bootstrap

    def summary(self, measures: MeasuredFaces, methods: Methods, provenance: Provenance) -> Summary:
        """All figures of an evaluation; a measure's figures are all of the same faces."""
        shared = _shared(measures.methods)
        bicubic, own = (shared[name] for name in (BICUBIC, methods.headline))
        rows = self._rows(shared, methods.choices)
        figures = self._figures(bicubic), self._differences(own, bicubic), self._figures(measures.parsing)
        said = [*warnings(provenance), *_about_map(methods)]
        titles = measures_of(get_protocol(provenance.protocol).luma)
        said += _left_out(measures, titles, methods)
        return Summary(provenance, tuple(said), methods.reads_map, titles, figures[0], figures[1], rows, figures[2])

    def _figures(self, columns: dict[str, Column]) -> Figures:
        return {name: figure(values, self.bootstrap) for name, values in columns.items()}

    def _differences(self, columns: dict[str, Column], others: dict[str, Column]) -> Figures:
        """Of each column minus the other of its name, face by face."""
        return self._figures({name: minus(values, others[name]) for name, values in columns.items()})

    def _rows(self, methods: MethodColumns, choices: tuple[MapChoice, ...]) -> tuple[MapRow, ...]:
        columns = [methods[choice.name] for choice in choices]
        return tuple(
            MapRow(choice, self._figures(own), self._differences(own, columns[0]) if place else None)
            for place, (choice, own) in enumerate(zip(choices, columns, strict=True))
        )


def _about_map(methods: Methods) -> list[str]:
    return [] if methods.reads_map else ["This network reads no parsing map: the choice of a map changes nothing."]


def _shared(methods: MethodColumns) -> MethodColumns:
    """The columns with a number only for faces that have a finite one by every method: means stand beside each other."""
    finite: dict[str, np.ndarray] = {}
    for columns in methods.values():
        for name, values in columns.items():
            finite[name] = finite.get(name, np.True_) & np.isfinite(values)
    return {
        method: {name: np.where(finite[name], values, np.nan) for name, values in columns.items()}
        for method, columns in methods.items()
    }


def _left_out(measures: MeasuredFaces, titles: dict[str, MeasureText], methods: Methods) -> list[str]:
    """Faces that are missing from a mean must be seen beside it: how many, and by whom they have no number."""
    names = {BICUBIC: "bicubic"} | {choice.name: choice.title for choice in methods.choices}
    said = [
        f"{titles[name].title}: {counted(missing, 'face')} with no finite number by {names[method]}, left out of every method's figures"
        for method, columns in measures.methods.items()
        for name, values in columns.items()
        if (missing := int((~np.isfinite(values)).sum()))
    ]
    said += [
        f"{titles[name].title}: {counted(missing, 'face')} with no finite number, left out of its figure"
        for name, values in measures.parsing.items()
        if (missing := int((~np.isfinite(values)).sum()))
    ]
    return [f"{each}." for each in said]


def minus(one: Column, other: Column) -> Column:
    """Face by face, (N,)."""
    # infinity minus infinity (two perfect enlargements) is no number, and no cause for a message of NumPy's
    with np.errstate(invalid="ignore"):
        return one - other


def _plain(figures: Figures) -> dict[str, Any]:
    return {name: asdict(each) for name, each in figures.items()}
