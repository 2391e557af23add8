"""`fishprep build`: photos in, verified shards out."""

import sys
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishcli.finished import print_finished, print_part
from fishcli.options import build_options, build_settings, cluster_settings, engine_options
from fishcli.progress import BuildProgress


@click.command(context_settings=common.PREP)
@click.argument("source_folder", metavar="SOURCE", type=common.SOURCE)
@click.argument("out", type=common.OUT)
@build_options
@engine_options
@click.option("--part", metavar="I/N", help="Every N-th shard alone, from 0/N to N-1/N: many calls build together.")
@click.option("--resume/--no-resume", default=True, help="Go on with a build that is in OUT already.")
@click.option("--overwrite/--no-overwrite", help="Remove the build that is in OUT first.")
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 1),
    help="Exit with 3 where a larger share of the photos gave no face (0 to 1).",
)
@common.usual_options
def build(source_folder: Path | str, out: Path | str, **flags: Any) -> None:
    """Build shards in OUT from the photos in SOURCE.

    SOURCE is any folder of photos, CelebA or Helen as downloaded, a ZIP, TAR or Parquet file, or a bucket; OUT a folder or a
    bucket. Stopped at any moment, the same command goes on where it was. Every photo ends in OUT/samples.parquet with a status.

    \b
    fishprep build ~/CelebA shards/celeba --split dic --workers 8
    fishprep build photos shards --parser landmark-skin
    fishprep build photos s3://bucket/shards
    fishprep build photos shards --engine ray --workers 64
    """
    settings, cluster = build_settings(flags), cluster_settings(flags)
    stopping = resumable(f"Finished shards in {out} are kept", out, "configuration.json", begun=False)
    runs_on = f" on Ray at {cluster.address}" if cluster else ""
    with stopping, BuildProgress(settings.workers, stopping.begin, flags["quiet"], runs_on) as progress:
        if flags["part"] is not None:
            _refuse_beside_part(flags)
            part = fishprep.build_part(source_folder, out, flags["part"], settings, progress=progress)
        else:
            result = fishprep.build(
                source_folder,
                out,
                settings,
                resume=flags["resume"],
                overwrite=flags["overwrite"],
                engine=flags["engine"],
                cluster=cluster,
                progress=progress,
            )
    if flags["part"] is not None:
        if part.whole is None:
            print_part(part, flags["json"])
            return
        result = part.whole
    print_finished(result, flags["json"])
    max_drop = flags["max_drop"]
    if max_drop is not None and result.dropped_share > max_drop:
        click.echo(
            f"{result.dropped_share:.1%} of the photos gave no sample, more than --max-drop {max_drop:.1%}", err=True
        )
        sys.exit(common.NOT_ALL)


def _refuse_beside_part(flags: dict[str, Any]) -> None:
    """What would undo the work of other parts, or is another way to share it."""
    clashing = {
        "--overwrite": flags["overwrite"],
        "--no-resume": not flags["resume"],
        "--engine ray": cluster_settings(flags),
    }
    if said := [flag for flag, is_set in clashing.items() if is_set]:
        raise click.UsageError(f"--part does not go with {said[0]}: every part goes on with the build that is in OUT")
