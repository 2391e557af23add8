"""An evaluation → one HTML file."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from markupsafe import Markup

from fishfsr.evaluation import plots, tables
from fishfsr.evaluation.measures import ACCURACY, IDENTITY, PSNR, SSIM, MeasuredFaces
from fishfsr.evaluation.methods import BICUBIC
from fishfsr.evaluation.pictures import lossless_uri
from fishfsr.evaluation.shown import COLUMNS, ShownFace, ShownFaces
from fishfsr.evaluation.summary import MeasureText, Summary
from fishprep.common.names import printable
from fishprep.common.pages import page_environment


@dataclass(frozen=True)
class CardPicture:
    """`square`: its pixels are shown as squares."""

    label: str
    uri: str
    square: bool


@dataclass(frozen=True)
class FaceCard:
    """A face with its pictures and its numbers."""

    anchor: str
    id: str
    pictures: tuple[CardPicture, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CardSheet:
    """Cards under one title."""

    title: str
    cards: tuple[FaceCard, ...]


@dataclass(frozen=True)
class MapCell:
    """One face by one map: the map above, SR below."""

    title: str
    map: str
    enlarged: str
    value: str


def render_page(summary: Summary, measures: MeasuredFaces, shown: ShownFaces) -> str:
    """The page as text. Whatever comes from outside is escaped; it runs no script and fetches nothing."""
    environment = page_environment("fishfsr.evaluation")
    environment.filters |= {"line": printable, "short": "{:.4g}".format}
    page = environment.get_template("page.html.j2").render(
        summary=summary,
        title=tables.title(summary),
        facts=tables.facts(summary),
        sheets=[
            CardSheet(sheet.title, tuple(_card(shown.faces[number], summary, measures) for number in sheet.numbers))
            for sheet in shown.sheets
        ],
        histograms=plots.measure_histograms(summary, measures),
        plot=plots.map_plot(summary),
        map_rows=[_map_row(face, summary, measures) for face in shown.map_faces],
        settings=_settings(summary),
        style=Markup(resources.files("fishfsr.evaluation").joinpath("page.css").read_text(encoding="utf-8")),
    )
    return page.encode("utf-8", "backslashreplace").decode()


def _card(face: ShownFace, summary: Summary, measures: MeasuredFaces) -> FaceCard:
    own, bicubic = (measures.methods[name] for name in (summary.headline, BICUBIC))
    psnr, number = summary.measures[PSNR], face.number
    facts = [(psnr.title, f"{psnr.text(own[PSNR][number])} {psnr.unit}")]
    facts.append(("over bicubic", psnr.text(own[PSNR][number] - bicubic[PSNR][number], signed=True)))
    named = [(summary.measures[name], own[name][number]) for name in (SSIM, IDENTITY) if name in own]
    if ACCURACY in measures.parsing:
        named.append((MeasureText("", "map", 3), measures.parsing[ACCURACY][number]))
    facts += [(measure.title, measure.text(value)) for measure, value in named]
    strip = face.strip(summary.headline)
    labels = COLUMNS if summary.reads_map else (*COLUMNS[:-1], "True map")
    pictures = [
        CardPicture(label, lossless_uri(pixels), len(pixels) < len(face.hr))
        for label, pixels in zip(labels, strip, strict=True)
    ]
    return FaceCard(f"face-{number}", face.id, tuple(pictures), tuple(facts))


def _map_row(face: ShownFace, summary: Summary, measures: MeasuredFaces) -> list[MapCell]:
    """A cell for each map, and one with the LR face above HR."""
    psnr, cells = summary.measures[PSNR], []
    for row in summary.maps:
        name = row.choice.name
        value = f"{psnr.text(measures.methods[name][PSNR][face.number])} {psnr.unit}"
        cells.append(MapCell(row.choice.title, lossless_uri(face.maps[name]), lossless_uri(face.enlarged[name]), value))
    return [*cells, MapCell("LR, HR", lossless_uri(face.lr), lossless_uri(face.hr), "")]


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
