"""A description as a dataset card in Markdown, for people."""

from collections.abc import Iterable, Sequence

from fishprep.common.names import printable
from fishprep.common.words import counted, size_text
from fishprep.descriptions.content import Description
from fishprep.descriptions.croissant import responsible, summary
from fishprep.shards.schema import SPLITS

HEADINGS = {
    "dataUseCases": "Meant for",
    "dataLimitations": "Limits",
    "personalSensitiveInformation": "People",
}


def card(description: Description) -> str:
    """The Markdown text; whatever comes from outside stands in it as text, on one line."""
    it, totals = description.publisher, description.totals
    splits = [split for split in SPLITS if split in totals.by_split]
    said = responsible(description)
    parts = [
        f"# {_line(it.name)}",
        summary(description),
        *([f"Where: {_line(it.url)}"] if it.url else []),
        *([f"By: {_line(it.creator)}"] if it.creator else []),
        *([f"Published: {_line(it.published)}"] if it.published else []),
        *([f"Cite as: {_line(it.cite)}"] if it.cite else []),
        "## Terms",
        _table(("terms of the photos", "faces"), ((terms, f"{count:,}") for terms, count in description.terms.items())),
        "Weights that made landmarks and maps:",
        _table(("file", "for", "licence"), ((each.name, each.purpose, each.licence) for each in description.weights)),
        "## What is in it",
        _table(("split", "faces"), ((split, f"{totals.by_split[split]:,}") for split in splits)),
        f"{counted(len(description.shards), 'shard')}, {size_text(totals.bytes)}; `{description.rows.name}` has a row for each face "
        "and each dropped photo.",
        "Photos that gave no face, and faces that were dropped:",
        _table(("why", "rows"), ((status, f"{count:,}") for status, count in description.dropped.items())),
        *(
            ["Left out of the source: " + "; ".join(map(_line, description.left_out)) + "."]
            if description.left_out
            else []
        ),
        "## Faces by what can be measured",
    ]
    for each in description.groupings:
        rows = ((group.name, *(f"{group.by_split.get(split, 0):,}" for split in splits)) for group in each.groups)
        parts += [_table((each.title, *splits), rows), *([each.said] if each.said else [])]
    parts += [f"## {heading}\n\n{_line(said[name])}" for name, heading in HEADINGS.items()]
    parts += [
        "## How it was made",
        f"{_line(description.producer)}, recipe `{description.recipe}`.",
        _table(("setting", "value"), description.settings.items()),
        _table(("version of", ""), description.versions.items()),
        "## Files",
        _table(
            ("file", "bytes", "SHA-256"),
            ((f.name, f"{f.bytes:,}", f"`{f.sha256}`") for f in (description.rows, *description.shards)),
        ),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(map(_line, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines]) if lines else ""


def _line(text: str) -> str:
    """On one line, without what a table or HTML would take for its own."""
    return printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
