"""`fishprep verify`: does a build hold what it says?"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishprep.common.names import printable
from fishprep.common.words import counted


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.option("--deep", is_flag=True, help="Derive LR images and maps of a sample again, from the 128² of the shards.")
@click.option("--samples", type=click.IntRange(1), default=16, help="--deep: samples of each shard.")
@click.option("--rows-only", is_flag=True, help="Rows and records alone: shards may be elsewhere.")
@click.option("--repair", is_flag=True, help="First mend the records: rows, samples.parquet, manifest.json.")
@click.option("--parser-weights", type=common.FILE, help="--deep: weights of the parser, the same as in the build.")
@common.weights_dir
@common.usual_options
def verify(out: Path | str, quiet: bool, **flags: Any) -> None:
    """Check a build: format, shapes, values, hashes, and the manifest against the shards. Exits with 1 where it is not sound.

    \b
    fishprep verify shards --deep
    """
    as_json = flags.pop("json")
    result = fishprep.verify(out, **flags)
    if as_json:
        click.echo(json.dumps(asdict(result)))
    else:
        for note in () if quiet else result.notes:
            click.echo(f"note: {note}", err=True)
        for problem in result.problems:
            click.echo(printable(problem))
        again = f", {result.rederived:,} derived again" if flags["deep"] else ""
        verdict = counted(len(result.problems), "problem") if result.problems else "sound"
        click.echo(f"{counted(result.shards, 'shard')}, {counted(result.samples, 'sample')}{again}: {verdict}")
    if result.problems:
        sys.exit(common.FAILED)
