"""`fishprep parse`: parsing maps of face images that somebody already has."""

import json
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishcli.options import device, max_bytes, names, parser_precision
from fishprep.common.names import printable

USUAL = fishprep.ParseSettings()


@click.command(context_settings=common.PREP)
@click.argument("source", metavar="IN", type=common.EITHER)
@click.argument("out", type=common.FOLDER)
@click.option(
    "--classes",
    type=click.Choice(["celebamask", "facexlib"]),
    default=USUAL.classes,
    help="Numbering of the classes.",
)
@click.option(
    "--parser",
    type=click.Choice(["compact-fishfsr", "bisenet-fishfsr", "bisenet"]),
    default=USUAL.parser,
    help="Ours, our BiSeNet (slower), or facexlib's (53 MB to download).",
)
@click.option(
    "--skin-classes",
    default=",".join(USUAL.skin_classes),
    help="Classes that count as skin, separated by commas.",
)
@click.option("--parser-size", type=int, help="Input side of the parser.  [default: what its weights were made for]")
@parser_precision
@click.option("--parser-weights", type=common.FILE, help="Weights of the parser.")
@common.weights_dir
@device
@click.option("--threads", type=click.IntRange(1), help="Torch threads.  [default: torch's own choice]")
@max_bytes
@click.option("--max-pixels", type=int, default=USUAL.max_pixels, help="Largest image that is decoded.")
@click.option("--follow-links", is_flag=True, help="Take symbolic links that leave the folder.")
@click.option("--resume/--no-resume", default=True, help="Pass over images whose maps are there.")
@click.option("--overwrite/--no-overwrite", help="Parse everything again.")
@common.usual_options
def parse(source: Path, out: Path, **flags: Any) -> None:
    """Write parsing maps of the face images IN (a folder or one file) to OUT.

    For each image, at its own size: a palette PNG with 19 classes, a black and white PNG of the skin, an overlay to look at.
    No face is searched for: each image is taken for a face crop. Exits with 3 where some images could not be parsed.

    \b
    fishprep parse faces/ maps/ --classes facexlib
    """
    given = {field.name: flags[field.name] for field in fields(fishprep.ParseSettings)}
    settings = fishprep.ParseSettings(**{**given, "skin_classes": names(flags["skin_classes"])})
    line = common.ProgressLine(flags["quiet"])
    stopping = resumable(f"What is done in {out} is kept", out, "settings.json", begun=False)

    def progress(news: "fishprep.ParserReady | fishprep.Parsed") -> None:
        if isinstance(news, fishprep.Parsed):
            line.show(f"{news.done:,} / {news.total:,} images", last=news.done == news.total)
            return
        stopping.begin()
        if not flags["quiet"]:
            mirrored = ", in a mirror too" if news.mirrored else ""
            told = f"parser {news.name} at {news.size}²{mirrored} | classes as in {settings.classes} | {news.device}, {news.precision}"
            click.echo(told, err=True)

    with stopping:
        report = fishprep.parse(
            source, out, settings, resume=flags["resume"], overwrite=flags["overwrite"], progress=progress
        )
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
