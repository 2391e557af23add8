"""`fishprep report`: a build as one HTML page."""

import json
from pathlib import Path

import click

import fishprep
from fishcli import common
from fishprep.common.words import size_text


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.option(
    "--html",
    type=common.NEW_FILE,
    show_default="OUT/report.html",
    help="Where to write the page.",
)
@click.option(
    "--where",
    help="Only the rows that fulfil a condition: \"status == 'ok' and blur < 40\" (fishprep rows); needs --html.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the samples that are shown.")
@common.usual_options
def report(out: Path | str, html: Path | None, where: str | None, seed: int, **flags: bool) -> None:
    """Show a finished build as one HTML page that needs no network: what was kept, what was dropped and why, landmarks and skin
    maps over the faces, measures, near-duplicates.

    \b
    fishprep report shards
    fishprep report shards --where "abs(yaw) > 30" --html turned.html
    """
    result = fishprep.report(out, html, where=where, seed=seed)
    if flags["json"]:
        click.echo(json.dumps({"path": str(result.path), "bytes": result.bytes}))
    else:
        click.echo(f"{result.path} ({size_text(result.bytes)})")
