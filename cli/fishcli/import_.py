"""`fishprep import`: face crops that somebody else has made, into shards."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishcli.finished import print_finished
from fishcli.options import follow_links, run_options
from fishcli.progress import BuildProgress

USUAL = fishprep.ImportSettings()


@click.command("import", context_settings=common.PREP)
@click.argument("faces", type=common.EXISTING)
@click.argument("out", type=common.FOLDER)
@click.option(
    "--masks", type=common.EXISTING, help="A mask for each face, at its path with .png.  [default: the parser's maps]"
)
@click.option("--mask-kind", type=click.Choice(fishprep.MASK_KINDS), default=USUAL.mask_kind, help="What masks hold.")
@click.option(
    "--points", type=common.EITHER, help="68 points of the faces: a JSON file, or a folder.  [default: fitted]"
)
@click.option("--parser", default=USUAL.parser, help="What makes the maps, without --masks.")
@click.option("--keep-classes", is_flag=True, help="Store the 19-class maps at 128 too.")
@click.option(
    "--split",
    default=USUAL.split,
    help="official (folders train, val, test), shares to draw (0.9,0.05,0.05), or a file.",
)
@click.option("--seed", type=int, default=USUAL.seed, help="Seed of a drawn split.")
@click.option("--licence", default=USUAL.licence, show_default=False, help="Terms of the faces, for the manifest.")
@follow_links
@click.option("--resizer", type=click.Choice(fishprep.RESIZERS), default=USUAL.resizer, help="Kernel of every resize.")
@click.option("--mask-resizer", default=USUAL.mask_resizer, help="How maps are made smaller: nearest, or area:0.5.")
@click.option("--min-side", type=int, default=USUAL.min_side, help="Drop a face with fewer pixels a side.")
@click.option("--shard-size", type=int, default=USUAL.shard_size, help="Faces a shard, at most.")
@click.option("--parser-weights", type=common.FILE, help="Weights of the parser: .safetensors or .pth.")
@common.weights_dir
@run_options
@click.option("--resume/--no-resume", default=True, help="Go on with what is in OUT already.")
@click.option("--overwrite/--no-overwrite", help="Remove the build that is in OUT first.")
@common.usual_options
def import_command(faces: Path, out: Path, **flags: Any) -> None:
    """Pack the square face crops in FACES into shards in OUT, as they are: none is searched for, nothing is cropped.

    The recipe of the shards says so. What a build has, this has: splits, the table of samples, report, verify, training.

    \b
    fishprep import CelebA-HQ-img shards --split 0.9,0.05,0.05
    fishprep import faces shards --masks masks --mask-kind facexlib
    """
    settings = fishprep.ImportSettings(**{field.name: flags[field.name] for field in fields(fishprep.ImportSettings)})
    stopping = resumable(f"Finished shards in {out} are kept", out, "configuration.json", begun=False)
    with stopping, BuildProgress(settings.workers, stopping.begin, flags["quiet"]) as progress:
        result = fishprep.import_faces(
            faces, out, settings, resume=flags["resume"], overwrite=flags["overwrite"], progress=progress
        )
    print_finished(result, flags["json"])
