"""A comparison → one HTML file."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup

from fishfsr.comparison.frontier import HEIGHT, WIDTH, frontiers
from fishfsr.comparison.gallery import GalleryFace
from fishfsr.comparison.rows import ComparedRow, written
from fishfsr.evaluation.measures import ACCURACY, IDENTITY, PSNR, SSIM
from fishfsr.evaluation.pictures import lossless_uri
from fishfsr.evaluation.summary import MeasureText
from fishprep.common.names import printable
from fishprep.common.pages import page_environment

WHY = {"worst": "The worst", "median": "About the median"}


@dataclass(frozen=True)
class TableCell:
    """One number: `column` and `value` as the CSV has them, `shown`, and what stands small beside it."""

    column: str
    value: str
    shown: str
    beside: str = ""


@dataclass(frozen=True)
class PageRow:
    """A line of the table; `note`: beneath its title."""

    name: str
    title: str
    note: str
    cells: tuple[TableCell, ...]
    reference: bool


@dataclass(frozen=True)
class Heading:
    """Of a column: its title, its unit, and whether it is the paper's."""

    title: str
    unit: str = ""
    paper: bool = False


@dataclass(frozen=True)
class PagePicture:
    """A picture with its words."""

    title: str
    uri: str
    value: str
    square: bool = False


def render_comparison(
    title: str,
    rows: Sequence[ComparedRow],
    facts: Sequence[tuple[str, str]],
    conclusion: Sequence[str],
    gallery: Sequence[GalleryFace],
    texts: Mapping[str, MeasureText],
    reference: str,
) -> str:
    """The page as text. Whatever comes from outside is escaped; it runs its own script alone and fetches nothing."""
    environment = page_environment("fishfsr.comparison")
    environment.filters["line"] = printable
    script = _own("fishfsr.comparison", "page.js")
    titles = {row.name: row.title for row in rows}
    shown = _columns(rows, texts, titles.get(reference, reference))
    page = environment.get_template("page.html.j2").render(
        title=title,
        headings=[heading for heading, _ in shown],
        rows=[_row(row, [column for _, column in shown], texts, reference) for row in rows],
        facts=facts,
        conclusion=conclusion,
        frontiers=frontiers(rows, reference),
        chart=(WIDTH, HEIGHT),
        reference=reference,
        sheets=_sheets(gallery, texts[PSNR]),
        failed=[row for row in rows if row.error is not None],
        style=Markup(_own("fishfsr.evaluation", "page.css") + _own("fishfsr.comparison", "page.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return page.encode("utf-8", "backslashreplace").decode()


def _columns(
    rows: Sequence[ComparedRow], texts: Mapping[str, MeasureText], reference: str
) -> list[tuple[Heading, str]]:
    """Headings with the names of their columns; without those in which no row has a number."""
    known = [
        (Heading(texts[PSNR].title, texts[PSNR].unit), PSNR),
        (Heading(f"from {reference}", texts[PSNR].unit), f"{PSNR}_difference"),
        (Heading("paper's PSNR", "dB", True), "paper_psnr"),
        (Heading(texts[SSIM].title), SSIM),
        (Heading("paper's SSIM", "", True), "paper_ssim"),
        (Heading("identity", "cosine"), IDENTITY),
        (Heading("paper's identity", "", True), "paper_identity"),
        (Heading("map", "accuracy"), ACCURACY),
        (Heading("parameters", "M"), "parameters"),
        (Heading("GMAC", "a face"), "gmac"),
        (Heading("time", "ms a face"), "milliseconds"),
        (Heading("trained", "minutes"), "minutes"),
        (Heading("faces seen"), "faces_seen"),
        (Heading("width"), "width"),
    ]
    cells = [row.cells() for row in rows]
    return [(heading, column) for heading, column in known if any(each[column] is not None for each in cells)]


def _row(row: ComparedRow, columns: Sequence[str], texts: Mapping[str, MeasureText], reference: str) -> PageRow:
    cells = row.cells()
    made = tuple(
        TableCell(column, written(cells[column]), _shown(cells[column], column, texts), _beside(row, column, texts))
        for column in columns
    )
    seeds = f"{row.seeds} seeds" if row.seeds > 1 else ""
    note = ", ".join(each for each in (row.changed, "failed" if row.error is not None else seeds) if each)
    return PageRow(row.name, row.title, note, made, row.name == reference)


def _shown(value: str | float | int | None, column: str, texts: Mapping[str, MeasureText]) -> str:
    if value is None or isinstance(value, str):
        return ""
    measure, _, difference = column.partition("_")
    if measure in texts:
        return texts[measure].text(value, bool(difference))
    forms = {"parameters": lambda number: f"{number / 1e6:.2f}", "gmac": "{:.2f}".format, "milliseconds": "{:.1f}".format,
             "minutes": "{:.1f}".format, "faces_seen": "{:,}".format, "paper_psnr": "{:.2f}".format,
             "paper_ssim": "{:.4f}".format, "paper_identity": "{:.4f}".format}  # fmt: skip
    return forms.get(column, str)(value)


def _beside(row: ComparedRow, column: str, texts: Mapping[str, MeasureText]) -> str:
    """Intervals; the full network where a narrowed one was trained; the seeds' spread."""
    measure, _, difference = column.partition("_")
    if measure in texts:
        figure = (row.differences if difference else row.figures).get(measure)
        spread = row.spread
        if column == PSNR and spread is not None:
            return f"seeds {texts[PSNR].text(spread.low)} … {texts[PSNR].text(spread.high)}"
        return "" if figure is None else texts[measure].interval(figure, bool(difference))
    cost = row.cost
    if cost is None or cost.width == cost.full_width:
        return ""
    full = {
        "width": f"of {cost.full_width}",
        "parameters": f"full {cost.full_size.parameters / 1e6:.2f}",
        "gmac": f"full {cost.full_size.macs / 1e9:.2f}",
    }
    return full.get(column, "")


def _sheets(gallery: Sequence[GalleryFace], psnr: MeasureText) -> list[tuple[str, list[tuple[str, list[PagePicture]]]]]:
    """Faces under the titles of their kinds, each with its pictures."""
    sheets = []
    for why, title in WHY.items():
        faces = [(face.id, _pictures(face, psnr)) for face in gallery if face.why == why]
        if faces:
            sheets.append((title, faces))
    return sheets


def _pictures(face: GalleryFace, psnr: MeasureText) -> list[PagePicture]:
    return [
        PagePicture("LR", lossless_uri(face.lr), f"{len(face.lr)} px", square=True),
        *(PagePicture(each.title, lossless_uri(each.pixels), f"{psnr.text(each.psnr)} dB") for each in face.pictures),
        PagePicture("HR", lossless_uri(face.hr), ""),
    ]


def _own(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")
