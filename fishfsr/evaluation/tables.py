"""The figures of an evaluation as tables of text, what stands at their head, and the whole in Markdown."""

from collections.abc import Iterable
from dataclasses import dataclass

from fishfsr.evaluation.summary import Figures, MeasureText, Summary
from fishprep.common.names import printable

MARKUP = "\\`*_[]<>|"


@dataclass(frozen=True)
class TextTable:
    """Cells of text; the first column names the rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As Markdown; the cells hold no markup."""
        rule = ("---", *("---:" for _ in self.head[1:]))
        return "\n".join("| " + " | ".join(row) + " |" for row in (self.head, rule, *self.rows))

    def text(self) -> str:
        """As aligned lines for a terminal."""
        lines = (self.head, *self.rows)
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.head))]
        padded = ([line[0].ljust(widths[0]), *(map(str.rjust, line[1:], widths[1:]))] for line in lines)
        return "\n".join("   ".join(line).rstrip() for line in padded)


def title(summary: Summary) -> str:
    """The network, the scale and the faces in one line."""
    shards = summary.provenance.shards
    faces = (
        f"the first {shards.faces:,} of {shards.available:,}"
        if shards.faces < shards.available
        else f"{shards.faces:,}"
    )
    where = f" where {shards.where}" if shards.where else ""
    return f"{summary.network} x{summary.provenance.scale} on {faces} {shards.split} face{'s' if shards.available > 1 else ''}{where}"


def methods(summary: Summary) -> TextTable:
    """Bicubic, the network, and their difference."""
    names = tuple(summary.sr)
    return TextTable(
        ("", *_titles(summary, names)),
        (
            ("Bicubic", *_cells(summary, summary.bicubic)),
            (summary.network, *_cells(summary, summary.sr)),
            ("difference", *_cells(summary, summary.gain, signed=True)),
        ),
    )


def parsing(summary: Summary) -> TextTable:
    """ParsingNet's map against the shards'."""
    return TextTable(
        ("map against the shards'", *_titles(summary, summary.parsing)),
        (("ParsingNet", *_cells(summary, summary.parsing)),),
    )


def maps(summary: Summary) -> TextTable:
    """A row for each map; the changes are from the first, face by face."""
    names = summary.compared
    changes = tuple(f"{summary.measures[name].title}, change" for name in names)
    blank = ("",) * len(names)
    return TextTable(
        ("map", *_titles(summary, names), *changes),
        tuple(
            (
                row.choice.title,
                *(summary.measures[name].text(row.figures[name].mean) for name in names),
                *(blank if row.differences is None else _cells(summary, row.differences, signed=True)),
            )
            for row in summary.maps
        ),
    )


def facts(summary: Summary) -> list[tuple[str, str]]:
    """What an evaluation was made with, name by name."""
    said = summary.provenance
    shards = said.shards
    faces = (
        f"{shards.faces:,}" if shards.faces == shards.available else f"first {shards.faces:,} of {shards.available:,}"
    )
    return [
        ("protocol", f"{said.protocol}: {said.protocol_words}"),
        ("map", summary.maps[0].choice.title if summary.reads_map else "none: this network reads no map"),
        ("identity", said.identity or "not measured"),
        ("intervals", f"95 %, percentile bootstrap over faces, {said.resamples:,} resamples, seed {said.seed}"),
        ("checkpoint", f"{said.checkpoint.file} (SHA-256 {said.checkpoint.sha256})"),
        ("trained on recipe", str(said.checkpoint.details.get("recipe", "not recorded"))),
        ("faces", f"{shards.folder}, split {shards.split}: {faces}{f', where {shards.where}' if shards.where else ''}"),
        ("recipe of the faces", shards.recipe),
        ("runs on", said.runs_on),
        ("versions", ", ".join(f"{name} {version}" for name, version in said.versions.items())),
    ]


def markdown(summary: Summary) -> str:
    """The whole summary as one text."""
    parts = [f"# {title(summary)}", *(f"**Note:** {_safe(warning)}" for warning in summary.warnings)]
    parts.append(methods(summary).markdown())
    if summary.parsing:
        parts.append(parsing(summary).markdown())
    if len(summary.maps) > 1:
        parts += ["## By parsing map", maps(summary).markdown()]
    parts += ["## Made with", "\n".join(f"- {name}: {_safe(value)}" for name, value in facts(summary))]
    return "\n\n".join(parts) + "\n"


def _titles(summary: Summary, names: Iterable[str]) -> list[str]:
    return [_headed(summary.measures[name]) for name in names]


def _headed(measure: MeasureText) -> str:
    return f"{measure.title} [{measure.unit}]" if measure.unit else measure.title


def _cells(summary: Summary, figures: Figures, signed: bool = False) -> list[str]:
    cells = []
    for name, each in figures.items():
        measure = summary.measures[name]
        interval = measure.interval(each, signed)
        cells.append(measure.text(each.mean, signed) + (f" ({interval})" if interval else ""))
    return cells


def _safe(text: str) -> str:
    """Paths and other words from outside on one line, in which nothing is markup."""
    return "".join(f"\\{char}" if char in MARKUP else char for char in printable(text))


def all_tables(summary: Summary) -> str:
    """All tables, as `fishfsr eval` prints them."""
    shown = [methods(summary)]
    shown += [parsing(summary)] if summary.parsing else []
    shown += [maps(summary)] if len(summary.maps) > 1 else []
    head = f"{title(summary)}, protocol {summary.provenance.protocol}"
    return "\n\n".join([head, *(table.text() for table in shown)])
