"""`fishprep diff`: what two builds differ in."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

import fishprep
from fishcli import common
from fishprep.common.names import printable
from fishprep.common.words import counted

LISTED = 10


@click.command(context_settings=common.PREP)
@click.argument("one", metavar="BEFORE", type=common.BUILT)
@click.argument("other", metavar="AFTER", type=common.BUILT)
@click.option("--html", type=common.NEW_FILE, help="Write a page with the largest differences, side by side.")
@common.usual_options
def diff(one: Path | str, other: Path | str, html: Path | None, **flags: Any) -> None:
    """Show what two finished builds differ in: settings, photos, and the faces that both have.

    Faces are compared by where the crop lies, the 68 points, the skin map and the pixels. Exit code 3 where anything differs.

    \b
    fishprep diff shards-of-last-year shards --html changes.html
    """
    line = common.ProgressLine(flags["quiet"])
    try:
        found = fishprep.diff(
            one,
            other,
            html,
            progress=lambda done, total: line.show(f"{done:,} / {counted(total, 'face')}", last=done == total),
        )
    finally:
        line.close()
    if flags["json"]:
        click.echo(json.dumps(_facts(found)))
    else:
        _say(found)
    if found.differ:
        click.get_current_context().exit(common.NOT_ALL)


def _facts(found: "fishprep.DiffResult") -> dict[str, Any]:
    records = found.records
    return {
        "photos": found.photos,
        "settings": [asdict(change) for change in records.settings],
        "lost": records.lost,
        "gained": records.gained,
        "moved": [asdict(change) for change in records.moved],
        "faces": len(found.faces.ids),
        "equal": int(found.faces.equal.sum()),
        "other_photos": int((~found.faces.same_photo).sum()),
        "spreads": [asdict(spread) for spread in found.spreads],
        "page": None if found.page is None else str(found.page),
    }


def _say(found: "fishprep.DiffResult") -> None:
    records, faces = found.records, found.faces
    for change in records.settings:
        click.echo(f"{printable(change.name)}: {printable(str(change.before))} → {printable(str(change.after))}")
    if not records.settings:
        click.echo("settings: the same")
    click.echo(
        f"photos: {found.photos[0]:,} and {found.photos[1]:,}; {len(records.lost):,} only before, {len(records.gained):,} only after, "
        f"{len(records.moved):,} of another fate"
    )
    for said, number in list(records.by_change.items())[:LISTED]:
        click.echo(f"  {said}: {number:,}")
    equal = int(faces.equal.sum())
    click.echo(f"faces in both: {len(faces.ids):,}; {equal:,} the same to the byte")
    if found.spreads:
        table = Table(box=None, pad_edge=False)
        for name in ("of the others", "median", "19 of 20 within", "largest difference"):
            table.add_column(name, justify="left" if name == "of the others" else "right")
        for spread in found.spreads:
            table.add_row(spread.title, spread.median, spread.far, spread.most)
        common.console().print(table)
    if found.page is not None:
        click.echo(str(found.page))
