"""An evaluation → one HTML file."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fishfsr.evaluation import tables
from fishfsr.evaluation.histograms import Histogram, histogram
from fishfsr.evaluation.measures import ACCURACY, IDENTITY, PSNR, SSIM
from fishfsr.evaluation.methods import BICUBIC
from fishfsr.evaluation.pictures import data_uri
from fishfsr.evaluation.shown import Face
from fishfsr.evaluation.statistics import Figure
from fishfsr.evaluation.summary import Measure, Summary
from fishprep.common.names import printable

if TYPE_CHECKING:
    from fishfsr.evaluation.evaluate import Evaluation

STRIP = ("LR", "Bicubic", "SR", "HR", "Map")


@dataclass(frozen=True)
class Picture:
    """`square`: its pixels are shown as squares."""

    label: str
    uri: str
    square: bool


@dataclass(frozen=True)
class Card:
    """A face with its pictures and its numbers."""

    anchor: str
    id: str
    pictures: tuple[Picture, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cards:
    """Cards under one title."""

    title: str
    cards: tuple[Card, ...]


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
class Plot:
    """Change of PSNR by map, and of bicubic; `ticks`: their places, 0 to 1, and texts; `zero`: no change."""

    title: str
    rows: tuple[Whisker, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float


@dataclass(frozen=True)
class MapCell:
    """One face by one map: the map above, SR below."""

    title: str
    map: str
    enlarged: str
    value: str


def render(evaluation: "Evaluation") -> str:
    """The page as text. Whatever comes from outside is escaped; it runs no script and fetches nothing."""
    environment = Environment(
        loader=PackageLoader("fishfsr.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": printable, "short": "{:.4g}".format}
    summary = evaluation.summary
    page = environment.get_template("page.html.j2").render(
        summary=summary,
        title=tables.title(summary),
        facts=tables.facts(summary),
        sheets=[
            Cards(sheet.title, tuple(_card(evaluation, number) for number in sheet.numbers))
            for sheet in evaluation.sheets
        ],
        histograms=_histograms(evaluation),
        plot=_plot(summary),
        map_rows=[_map_row(evaluation, face) for face in evaluation.map_faces],
        settings=_settings(summary),
        style=Markup(resources.files("fishfsr.evaluation").joinpath("page.css").read_text(encoding="utf-8")),
    )
    return page.encode("utf-8", "backslashreplace").decode()


def _card(evaluation: "Evaluation", number: int) -> Card:
    face, summary, measures = evaluation.shown[number], evaluation.summary, evaluation.measures
    own, bicubic = (measures.methods[name] for name in (evaluation.headline, BICUBIC))
    psnr = summary.measures[PSNR]
    facts = [(psnr.title, f"{psnr.text(own[PSNR][number])} {psnr.unit}")]
    facts.append(("over bicubic", psnr.text(own[PSNR][number] - bicubic[PSNR][number], signed=True)))
    named = [(summary.measures[name], own[name][number]) for name in (SSIM, IDENTITY) if name in own]
    if ACCURACY in measures.parsing:
        named.append((Measure("", "map", 3), measures.parsing[ACCURACY][number]))
    facts += [(measure.title, measure.text(value)) for measure, value in named]
    strip = face.strip(evaluation.headline)
    labels = STRIP if summary.reads_map else (*STRIP[:-1], "True map")
    pictures = [
        Picture(label, data_uri(pixels), len(pixels) < len(face.hr))
        for label, pixels in zip(labels, strip, strict=True)
    ]
    return Card(f"face-{number}", face.id, tuple(pictures), tuple(facts))


def _map_row(evaluation: "Evaluation", face: Face) -> list[MapCell]:
    """A cell for each map, and one with the LR face above HR."""
    psnr, cells = evaluation.summary.measures[PSNR], []
    for row in evaluation.summary.maps:
        name = row.choice.name
        value = f"{psnr.text(evaluation.measures.methods[name][PSNR][face.number])} {psnr.unit}"
        cells.append(MapCell(row.choice.title, data_uri(face.maps[name]), data_uri(face.enlarged[name]), value))
    return [*cells, MapCell("LR, HR", data_uri(face.lr), data_uri(face.hr), "")]


def _histograms(evaluation: "Evaluation") -> list[tuple[Measure, Histogram]]:
    summary, measures = evaluation.summary, evaluation.measures
    own, bicubic = (measures.methods[name] for name in (evaluation.headline, BICUBIC))
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


def _plot(summary: Summary) -> Plot | None:
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
    return Plot(f"Change of {psnr.title} from the {first}, {psnr.unit}", drawn, ticks, place(0.0))


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


def _settings(summary: Summary) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tables of everything recorded, for whoever wants to know."""
    said = summary.provenance
    return [
        (
            "Recipe of the faces",
            _rows({**said.shards.configuration, **said.shards.weights, "inputs": said.shards.inputs}),
        ),
        *((name, _rows(network)) for name, network in said.checkpoint.networks.items()),
        ("What the checkpoint says", _rows(said.checkpoint.details)),
    ]


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in values.items()
    ]
