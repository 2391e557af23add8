"""`fishprep build`: photos in, verified shards out."""

import sys
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishcli.finished import print_finished
from fishcli.options import build_options, build_settings
from fishcli.progress import BuildProgress


@click.command(context_settings=common.PREP)
@click.argument("source_folder", metavar="SOURCE", type=common.EITHER)
@click.argument("out", type=common.OUT)
@build_options
@click.option("--resume/--no-resume", default=True, help="Go on with a build that is in OUT already.")
@click.option("--overwrite/--no-overwrite", help="Remove the build that is in OUT first.")
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 1),
    help="Exit with 3 where a larger share of the photos gave no face (0 to 1).",
)
@common.usual_options
def build(source_folder: Path, out: Path | str, **flags: Any) -> None:
    """Build shards in OUT from the photos in SOURCE.

    SOURCE is any folder of photos, CelebA or Helen as downloaded, or a ZIP, TAR or Parquet file; OUT a folder or a
    bucket. Stopped at any moment, the same command goes on where it was. Every photo ends in OUT/samples.parquet with a status.

    \b
    fishprep build ~/CelebA shards/celeba --split dic --workers 8
    fishprep build photos shards --parser landmark-skin
    fishprep build photos s3://bucket/shards
    """
    settings = build_settings(flags)
    stopping = resumable(f"Finished shards in {out} are kept", out, "configuration.json", begun=False)
    with stopping, BuildProgress(settings.workers, stopping.begin, flags["quiet"]) as progress:
        result = fishprep.build(
            source_folder,
            out,
            settings,
            resume=flags["resume"],
            overwrite=flags["overwrite"],
            progress=progress,
        )
    print_finished(result, flags["json"])
    max_drop = flags["max_drop"]
    if max_drop is not None and result.dropped_share > max_drop:
        click.echo(
            f"{result.dropped_share:.1%} of the photos gave no sample, more than --max-drop {max_drop:.1%}", err=True
        )
        sys.exit(common.NOT_ALL)
