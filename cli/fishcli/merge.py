"""`fishprep merge`: parts of a build that were made in several places, joined."""

import json
from dataclasses import asdict
from pathlib import Path

import click

import fishprep
from fishcli import common
from fishcli.common import ProgressLine
from fishprep.common.words import counted


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.argument("parts", metavar="PART...", nargs=-1, required=True, type=common.BUILT)
@common.usual_options
def merge(out: Path | str, parts: tuple[Path | str, ...], **flags: bool) -> None:
    """Take the shards of every PART into the build in OUT, which is a part itself. The PARTs stay as they are.

    Parts of one plan (build --part into folders of their own) give the shards that are lacking in OUT; others, made with the same
    settings and weights of other photos, become extensions of it. Stopped at any moment, the same command goes on.

    \b
    fishprep merge shards-a shards-b shards-c
    """
    line = ProgressLine(flags["quiet"])
    try:
        result = fishprep.merge(out, *parts, progress=lambda name: line.show(f"copying {name}"))
    finally:
        line.close()
    if flags["json"]:
        click.echo(json.dumps(asdict(result)))
        return
    for note in () if flags["quiet"] else result.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{counted(result.taken, 'shard')} copied, {result.stood:,} there already")
    if result.totals is None:
        click.echo(
            f"{counted(result.missing, 'shard')} still missing: merge the parts that have them, or run `fishprep build` in {out}"
        )
    else:
        click.echo(f"{counted(result.totals.samples, 'sample')} of {counted(result.totals.photos, 'photo')} in {out}")
