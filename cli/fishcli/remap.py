"""`fishprep remap`: a finished build with other maps, without its photos."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishcli.finished import print_finished
from fishcli.options import names, parser_precision, run_options
from fishcli.progress import BuildProgress

USUAL = fishprep.RemapSettings()


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.argument("new", type=common.OUT)
@click.option("--parser", help="What makes the maps, as in build.  [default: compact-fishfsr]")
@click.option("--parser-size", type=int, help="Input side of the parser.  [default: what its weights were made for]")
@parser_precision
@click.option("--parser-weights", type=common.FILE, help="Weights of the parser: .safetensors or .pth.")
@common.weights_dir
@click.option("--masks", type=common.EXISTING, help="Maps of yours instead: for each face a PNG at its id, a/b#0.png.")
@click.option("--mask-kind", type=click.Choice(fishprep.MASK_KINDS), default=USUAL.mask_kind, help="What masks hold.")
@click.option("--follow-links", is_flag=True, help="Take masks that are symbolic links out of their folder.")
@click.option("--skin-classes", help="Classes that count as skin.  [default: those of OUT]")
@click.option("--mask-resizer", help="How maps are made smaller: nearest, or area:0.5.  [default: as in OUT]")
@click.option(
    "--keep-classes/--no-keep-classes", default=None, help="Store the 19-class maps at 128 too.  [default: as in OUT]"
)
@run_options
@click.option("--overwrite/--no-overwrite", help="Remove the build that is in NEW first.")
@common.usual_options
def remap(out: Path | str, new: Path | str, **flags: Any) -> None:
    """Write the finished build OUT anew into NEW with other parsing maps of the same faces; photos are not needed.

    Maps are made of the stored 128 x 128 faces, which is what a build makes them of. Pictures, points, ids, order, splits and what was
    dropped stay as they are; OUT is only read. Stopped at any moment, the same command goes on where it was.

    \b
    fishprep remap shards shards-bisenet --parser bisenet --keep-classes
    fishprep remap shards shards-drawn --masks drawn/ --mask-kind facexlib
    """
    given = {field.name: flags[field.name] for field in fields(fishprep.RemapSettings)}
    if given["skin_classes"] is not None:
        given["skin_classes"] = names(given["skin_classes"])
    settings = fishprep.RemapSettings(**given)
    stopping = resumable(f"Finished shards in {new} are kept", new, "configuration.json", begun=False)
    with stopping, BuildProgress(settings.workers, stopping.begin, flags["quiet"]) as progress:
        result = fishprep.remap(out, new, settings, overwrite=flags["overwrite"], progress=progress)
    print_finished(result, flags["json"])
