"""`fishprep plan`: what a build would do, and cost."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

import fishprep
from fishcli import common
from fishcli.options import build_options, build_settings
from fishcli.progress import BuildProgress, say_what_runs
from fishprep.common.words import counted, size_text


@click.command(context_settings=common.PREP)
@click.argument("source_folder", metavar="SOURCE", type=common.SOURCE)
@build_options
@common.usual_options
def plan(source_folder: Path | str, **flags: Any) -> None:
    """Say what a build would do, and cost. Nothing is written.

    A few photos are taken all the way to samples, in memory, to measure the time and the share that is kept.

    \b
    fishprep plan ~/CelebA --split dic --workers 8
    """
    settings = build_settings(flags)
    with BuildProgress(settings.workers, quiet=flags["quiet"]) as progress:
        result = fishprep.plan(source_folder, settings, progress=progress)
    if flags["json"]:
        click.echo(json.dumps(_facts(result)))
        return
    if not flags["quiet"]:
        say_what_runs(result.planned, settings.workers)
    common.console().print(_table(result, settings.workers))


def _facts(result: "fishprep.PlanResult") -> dict[str, Any]:
    planned = result.planned
    return {
        "photos": planned.photos,
        "left_out": [asdict(left_out) for left_out in planned.left_out],
        "shards": result.shards,
        "recipe": planned.recipe,
        "estimate": asdict(result.estimate),
        "notes": planned.notes,
        "configuration": planned.configuration,
    }


def _table(result: "fishprep.PlanResult", workers: int) -> Table:
    cost = result.estimate
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, count in result.planned.photos.items():
        table.add_row(f"photos, {name}", f"{count:,}")
    table.add_row("shards", f"{result.shards:,}")
    table.add_row("disk", f"{size_text(cost.shard_bytes)}")
    table.add_row("time", f"{common.time_text(cost.build_seconds)} with {counted(workers, 'worker')}")
    table.add_row(
        "tried",
        f"{counted(cost.tried, 'photo')}: {cost.kept_per_photo:.0%} kept, {cost.seconds_per_photo * 1000:.0f} ms each",
    )
    for status, count in cost.dropped.items():
        table.add_row("", f"{count} {status}")
    return table
