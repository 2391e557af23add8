"""`fishprep leaks`: what stands in two splits of a set, or in two sets."""

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
KINDS = {
    "file": "equal files",
    "picture": "one photo, two files",
    "mirrored": "one photo, mirrored",
    "person": "one person",
    "alike": "perhaps one person",
}


@click.command(context_settings=common.PREP)
@click.argument("sets", metavar="OUT...", type=common.BUILT, nargs=-1, required=True)
@click.option(
    "--identity",
    is_flag=True,
    help="Look also for people whom the source does not name, by vectors of identity: an eighth of a second a face, once.",
)
@click.option(
    "--max-distance",
    type=click.FloatRange(0, 2),
    default=fishprep.SAME_PERSON,
    help="Of two vectors of one person, with --identity; larger finds more, and more who are others.",
)
@click.option("--html", type=common.NEW_FILE, help="Write a page with the pairs side by side.")
@click.option(
    "--write-split",
    type=common.NEW_FILE,
    help="Write a split of the first set without them, for build --split: test stays, then val; what is one with them goes.",
)
@common.usual_options
def leaks(sets: tuple[Path | str, ...], html: Path | None, write_split: Path | None, **flags: Any) -> None:
    """Find what stands in two splits of a finished build, or in two of several: equal files, photos in disguise, people.

    A photo is known again by its face when it was saved anew, cropped, mirrored, or made darker; a person by the name that the
    source has, or with --identity by the face. Exit code 3 where anything is found.

    \b
    fishprep leaks shards --html leaks.html
    fishprep leaks celeba helen --write-split without-helen.csv
    """
    line = common.ProgressLine(flags["quiet"])
    try:
        found = fishprep.leaks(
            *sets,
            identity=flags["identity"],
            max_distance=flags["max_distance"],
            html=html,
            write_split=write_split,
            progress=lambda done, total: line.show(f"{done:,} / {counted(total, 'likely pair')}", last=done == total),
            vectors=lambda done, total: line.show(
                f"vectors of {done:,} / {counted(total, 'face')}", last=done == total
            ),
        )
    finally:
        line.close()
    if flags["json"]:
        click.echo(json.dumps(asdict(found), default=str))
    else:
        _say(found, flags["identity"])
    if found.leaks:
        click.get_current_context().exit(common.NOT_ALL)


def _say(found: "fishprep.LeaksResult", asked: bool) -> None:
    if found.counts:
        table = Table(box=None, pad_edge=False)
        there = {kind for each in found.counts.values() for kind in each}
        kinds = [kind for kind in KINDS if kind in there]
        for name in ("", *(KINDS[kind] for kind in kinds)):
            table.add_column(name, justify="right" if name else "left")
        for places, each in found.counts.items():
            table.add_row(places, *(f"{each.get(kind, 0):,}" for kind in kinds))
        common.console().print(table)
    for leak in found.leaks[:LISTED]:
        measure = "" if leak.measure is None else f" ({leak.measure:.2f})"
        click.echo(f"{KINDS[leak.kind]}{measure}: {printable(leak.one.path)} ↔ {printable(leak.other.path)}")
    if len(found.leaks) > LISTED:
        click.echo(f"... {counted(len(found.leaks) - LISTED, 'more pair')}: --html, --json")
    if not found.leaks:
        click.echo(f"{counted(found.faces, 'face')}: nothing stands in two places")
    if found.people is None and not asked:
        click.echo("no photo has the name of a person: --identity looks for those who are alike")
    if not found.complete:
        click.echo("not all: so many faces look alike that the search for doubles ended early")
    if found.page is not None:
        click.echo(str(found.page))
    if found.split is not None:
        gone = ", ".join(f"{number:,} of {split}" for split, number in found.left_out.items()) or "none"
        click.echo(f"{found.split}: photos left out: {gone}")
