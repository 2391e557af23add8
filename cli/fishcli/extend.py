"""`fishprep extend`: photos that came later, or of a second source, as further shards of a finished build."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishcli.finished import print_finished
from fishcli.options import cluster_settings, engine_options, given, source_options, workers
from fishcli.progress import BuildProgress
from fishprep.common.names import printable
from fishprep.common.words import counted

_TOLD = {
    "gone": "gone from the source, their samples stay",
    "changed": "with other bytes in the source now, their samples stay as they were built",
    "redescribed": "of which the source says something else now (points, licence, identity); `retry` takes that up where they were dropped",
}


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.argument("source_folder", metavar="[SOURCE]", type=common.SOURCE, required=False)
@source_options
@click.option("--split", type=common.FILE, help="File of names and splits, of a build that was split by one.")
@click.option(
    "--prefix", metavar="WORD", default="", show_default=False, help="Goes before the names of the photos of SOURCE."
)
@click.option("--parser-weights", type=common.FILE, help="Weights of the parser, the same as in the build.")
@common.weights_dir
@workers
@engine_options
@click.option("--overwrite/--no-overwrite", help="First remove an extension that was stopped halfway, with its shards.")
@common.usual_options
@click.pass_context
def extend(context: click.Context, out: Path | str, source_folder: Path | str | None, **flags: Any) -> None:
    """Build the photos that OUT has not yet into further shards of it: those that came to its source, or those in SOURCE.

    Made as the others were: settings are those of the build. Shards that stand are never rewritten, and everybody keeps his split.
    Photos that are gone or changed in the source are listed. Stopped at any moment, the same command goes on where it was.

    \b
    fishprep extend shards
    fishprep extend shards more-photos --prefix more
    """
    settings = fishprep.ExtendSettings(**given(context, fishprep.ExtendSettings))
    stopping = resumable(f"Finished shards in {out} are kept", out, "extend-*.parquet", begun=False)
    with stopping, BuildProgress(settings.workers, stopping.begin, flags["quiet"]) as progress:
        result = fishprep.extend(
            out,
            source_folder,
            settings,
            overwrite=flags["overwrite"],
            engine=flags["engine"],
            cluster=cluster_settings(flags | {"threads": None}),
            progress=progress,
        )
    if flags["json"]:
        click.echo(json.dumps(_facts(result)))
        return
    _print(result, flags["quiet"])


def _facts(result: "fishprep.ExtendResult") -> dict[str, Any]:
    listed = ("added", "already", "gone", "changed", "redescribed", "left_out", "notes", "later")
    shards = (
        {"built": result.build.built, "resumed": result.build.resumed} if result.build else {"built": 0, "resumed": 0}
    )
    return {**asdict(result.totals), **{name: getattr(result, name) for name in listed}, **shards}


def _print(result: "fishprep.ExtendResult", quiet: bool) -> None:
    for note in () if quiet else result.notes:
        click.echo(f"note: {note}", err=True)
    for name, what in _TOLD.items():
        if paths := getattr(result, name):
            shown = f"{', '.join(map(repr, paths[:3]))}{', ...' if len(paths) > 3 else ''}"
            click.echo(printable(f"{counted(len(paths), 'photo')} {what}: {shown}"))
    if result.left_out:
        click.echo(f"left out: {printable(', '.join(result.left_out))}")
    if result.already:
        click.echo(f"{counted(result.already, 'photo')} of the source in the build already")
    if result.build is None:
        click.echo("nothing to add")
        return
    added = ", ".join(f"{count:,} {split}" for split, count in result.added.items())
    click.echo(f"added: {counted(sum(result.added.values()), 'photo')} ({added})")
    if result.later:
        click.echo(
            f"{counted(result.later, 'photo')} came to the source since: the same command adds what of them has a place"
        )
    print_finished(result.build, as_json=False)
