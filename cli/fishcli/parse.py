"""`fishprep parse`: parsing maps of face images that somebody already has."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fishcli import common
from fishcli.again import resumable
from fishprep.common.names import printable
from fishprep.decoding.decode import Limits

if TYPE_CHECKING:
    from fishprep.parsing.folder import ParsedImage

SETTINGS = {"auto_envvar_prefix": "FISHPREP", "show_default": True, "help_option_names": ["-h", "--help"]}


@click.command(context_settings=SETTINGS)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@common.config_option()
@click.option(
    "--classes", type=click.Choice(["celebamask", "facexlib"]), default="celebamask", help="Numbering of the classes."
)
@click.option(
    "--parser",
    type=click.Choice(["bisenet-fishfsr", "bisenet"]),
    default="bisenet-fishfsr",
    help="Ours, or facexlib's (53 MB to download).",
)
@click.option("--skin-classes", default="skin", help="Classes that count as skin, separated by commas.")
@click.option("--parser-size", type=int, help="Input side of the parser.  [default: what its weights were made for]")
@click.option(
    "--parser-weights", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Weights of the parser."
)
@click.option(
    "--weights-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder with weight files."
)
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@click.option("--threads", type=click.IntRange(1), help="Torch threads.  [default: torch's own choice]")
@click.option("--max-bytes", type=int, default=Limits().max_bytes, help="Largest file that is opened.")
@click.option("--max-pixels", type=int, default=Limits().max_pixels, help="Largest image that is decoded.")
@click.option("--follow-links", is_flag=True, help="Take symbolic links that leave the folder.")
@click.option("--resume/--no-resume", default=True, help="Pass over images whose maps are there.")
@click.option("--overwrite/--no-overwrite", help="Parse everything again.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", is_flag=True, help="The result as JSON.")
def parse(source: Path, out: Path, **flags: Any) -> None:
    """Write parsing maps of the face images IN (a folder or one file) to OUT.

    For each image, at its own size: a palette PNG with 19 classes, a black and white PNG of the skin, an overlay to look at.
    No face is searched for: each image is taken for a face crop. Exits with 3 where some images could not be parsed.

    \b
    fishprep parse faces/ maps/ --classes facexlib
    """
    import torch

    from fishprep.common.weights import WeightStore
    from fishprep.parsing.base import ParserRequest
    from fishprep.parsing.classes import ClassOrder
    from fishprep.parsing.factory import create_bisenet
    from fishprep.parsing.folder import SETTINGS as SETTINGS_FILE
    from fishprep.parsing.folder import ParseRequest, parse_folder

    device = common.device_name(flags["device"])
    if flags["threads"]:
        torch.set_num_threads(flags["threads"])
    names = tuple(name.strip() for name in flags["skin_classes"].split(",") if name.strip())
    asked = ParserRequest(flags["parser"], flags["parser_weights"], names, flags["parser_size"], device)
    parser = create_bisenet(asked, WeightStore.from_environment(flags["weights_dir"]))
    request = ParseRequest(
        source=source,
        out=out,
        order=ClassOrder(flags["classes"]),
        limits=Limits(flags["max_bytes"], flags["max_pixels"]),
        resume=flags["resume"],
        overwrite=flags["overwrite"],
        follow_links=flags["follow_links"],
    )
    if not flags["quiet"]:
        click.echo(f"parser {parser.name} at {parser.size}² | classes as in {flags['classes']} | {device}", err=True)
    line = common.ProgressLine(flags["quiet"])

    def progress(done: int, total: int, row: "ParsedImage") -> None:
        line.show(f"{done:,} / {total:,} images", last=done == total)

    with resumable(f"What is done in {out} is kept", out, SETTINGS_FILE):
        report = parse_folder(request, parser, progress)
    line.close()
    if report.left_out and not flags["quiet"]:
        click.echo(f"left out: {printable(', '.join(map(str, report.left_out)))}", err=True)
    if flags["json"]:
        click.echo(json.dumps({**asdict(report), "table": str(report.table)}))
    else:
        done = ", ".join(f"{count:,} {status}" for status, count in report.counts.items())
        click.echo(f"{done} ({report.done_before:,} done before); every image's fate is in {report.table}")
    if report.failed:
        sys.exit(common.NOT_ALL)
