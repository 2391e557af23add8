"""`fishprep parser`: train a face parser from labelled faces, and measure one."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from fishcli import common
from fishcli.again import going_on
from fishprep.common.words import counted

if TYPE_CHECKING:
    from fishprep.parsing.base import Precision
    from fishprep.parsing.evaluation.evaluate import ParserEvaluation
    from fishprep.parsing.training.run import ParserTrained, ParserTrainingReport, ParserValidated

SETTINGS = {"auto_envvar_prefix": "FISHPREP", "show_default": True, "help_option_names": ["-h", "--help"]}
FOLDER = click.Path(path_type=Path, file_okay=False)
EXISTING = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
CLASSES = "Numbering of the masks: celebamask, facexlib, lapa, or the names of the classes 0, 1, 2 ... with commas."
LEVELS = {"pictures": "whole pictures", "crops": "128² crops"}
STOPPED = {"time": 0, "interrupted": 130, "terminated": 143}


@click.group(context_settings=SETTINGS)
def parser() -> None:
    """Train a face parser from labelled faces, and measure one.

    LABELLED holds images/NAME.jpg, masks/NAME.png (palette or grey, one class number per pixel), and the lists
    train.txt and val.txt of names; 255 is no label. Or it is CelebAMask-HQ as downloaded (CelebA-HQ-img,
    CelebAMask-HQ-mask-anno), split as CelebA is.
    """


@parser.command(context_settings=SETTINGS)
@click.argument("labelled", type=EXISTING)
@click.argument("out", type=FOLDER)
@click.option("--classes", default="celebamask", help=CLASSES)
@click.option("--init", type=FILE, help="Weights to begin with, in facexlib's layout.")
@click.option("--size", type=int, default=256, help="Side of the network's input.")
@click.option("--steps", type=int, default=10_000)
@click.option("--batch", type=int, default=16, help="Views per step.")
@click.option("--lr", type=float, default=1e-3, help="Highest learning rate.")
@click.option("--ema", type=click.FloatRange(0, 1, max_open=True), default=0.998, help="Decay of the averaged weights.")
@click.option(
    "--rare", type=click.FloatRange(0, 1), default=0.2, help="Faces with a class rarer than this come up more often."
)
@click.option("--crops", type=click.FloatRange(0, 1), default=0.6, help="Share of views at the 128² of a build.")
@click.option("--seed", type=click.IntRange(0), default=0)
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto")
@click.option("--threads", type=click.IntRange(1), default=1, help="Threads that draw views.")
@click.option("--validate-every", type=click.IntRange(1), default=500, help="Steps between two validations.")
@click.option("--max-minutes", type=click.FloatRange(0, min_open=True), help="Save and stop then.")
@click.option("--licence", default="", help="Terms of the labelled faces; kept in the weights.")
@click.option("--overwrite/--no-overwrite", help="Begin anew.")
@common.usual_options
def train(labelled: Path, out: Path, **flags: Any) -> None:
    """Train a BiSeNet on the faces of LABELLED into OUT; the same command goes on where it was stopped.

    OUT/parser.safetensors is what --parser-weights takes.

    \b
    fishprep parser train CelebAMask/ parser/
    """
    from fishprep.common.stop import StopRequest
    from fishprep.common.weights import WeightStore
    from fishprep.landmarks import LandmarkRequest, create_backend
    from fishprep.parsing.labelled import has_split, numbering, open_labelled
    from fishprep.parsing.plausible import shares_text
    from fishprep.parsing.training.config import ParserTraining
    from fishprep.parsing.training.run import ParserTrainingRequest, train_parser
    from fishprep.parsing.training.views import ViewSettings

    device = common.device_name(flags["device"])
    named = {name: flags[name] for name in ("size", "steps", "batch", "lr", "ema", "rare", "seed")}
    config = ParserTraining(**named, views=ViewSettings(crops=flags["crops"]))
    precision = _precision(flags["precision"], device)
    numbers = numbering(flags["classes"])
    line = common.ProgressLine(flags["quiet"])

    def checked(done: int, total: int) -> None:
        line.show(f"checking {done:,} / {total:,} masks", last=done == total)

    faces = open_labelled(labelled, "train", numbers, checked)
    validation = open_labelled(labelled, "val", numbers, checked) if has_split(labelled, "val") else None
    line.close()
    request = ParserTrainingRequest(
        out=out,
        config=config,
        faces=faces,
        validation=validation,
        landmarks=create_backend(LandmarkRequest(), WeightStore.from_environment()),
        device=device,
        precision=precision,
        init=flags["init"],
        threads=flags["threads"],
        every=flags["validate_every"],
        licence=flags["licence"],
        overwrite=flags["overwrite"],
    )
    if not flags["quiet"]:
        begin = f"from {flags['init']}" if flags["init"] else "from first weights"
        held = f"{len(validation):,} to validate" if validation else "none to validate: the newest weights are kept"
        click.echo(f"classes: {shares_text(faces.shares())}", err=True)
        click.echo(f"{len(faces):,} faces, {held} | {config.size}², {begin} | {device}, {precision}", err=True)
    with StopRequest(flags["max_minutes"]) as stop:
        report = train_parser(request, stop, _listener(line, flags["quiet"]))
    line.close()
    _finish(report, config.steps, flags["json"])


def _precision(name: str, device: str) -> "Precision":
    from fishprep.common.device import has_bfloat16, resolve_device
    from fishprep.parsing.base import Precision

    if name != "auto":
        return Precision(name)
    return Precision.BFLOAT16 if has_bfloat16(resolve_device(device)) else Precision.FLOAT32


def _listener(line: common.ProgressLine, quiet: bool) -> "Callable[[ParserTrained | ParserValidated], None]":
    from fishprep.parsing.training.run import ParserTrained

    def listen(news: "ParserTrained | ParserValidated") -> None:
        if isinstance(news, ParserTrained):
            left = common.time_text(news.seconds_left)
            line.show(
                f"{news.step:,} / {news.steps:,}  loss {news.loss:.3f}  {news.views:.1f} views/s  {left} left",
                last=news.step == news.steps,
            )
        elif not quiet:
            line.close()
            best = "  (best)" if news.best else ""
            click.echo(f"{news.step:,}: skin IoU {news.skin_iou:.4f}, mean IoU {news.mean_iou:.4f}{best}", err=True)

    return listen


def _finish(report: "ParserTrainingReport", steps: int, as_json: bool) -> None:
    progress = report.position
    weights = str(report.weights) if report.weights else None
    if as_json:
        values = {"step": progress.step, "skin_iou": progress.best, "weights": weights, "stopped": report.reason}
        click.echo(json.dumps(values))
    elif report.reason is None:
        figures = "" if progress.best is None else f" (skin IoU {progress.best:.4f} at step {progress.best_step:,})"
        click.echo(
            f"trained {progress.step:,} steps in {common.time_text(progress.seconds)}; weights: {weights}{figures}"
        )
    else:
        click.echo(f"stopped after {progress.step:,} of {steps:,} steps; to go on:\n  {going_on()}", err=True)
    if report.reason is not None:
        sys.exit(STOPPED[report.reason])


@parser.command("eval", context_settings=SETTINGS)
@click.argument("weights", type=FILE)
@click.argument("labelled", type=EXISTING)
@click.option("--split", default="val", help="Faces that are named in SPLIT.txt, or of CelebA's split.")
@click.option("--classes", default="celebamask", help=CLASSES)
@click.option("--size", type=int, help="Input side of the parser.  [default: what its weights were made for]")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32")
@click.option("--threads", type=click.IntRange(1), help="Torch threads.  [default: torch's own choice]")
@click.option(
    "--worst", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture of the worst crops here."
)
@common.usual_options
def evaluate(weights: Path, labelled: Path, **flags: Any) -> None:
    """Measure the parser WEIGHTS on the faces of LABELLED.

    Whole pictures, the 128² crops that a build makes of them, and the skin map brought to 64, 32, 16 and 8.

    \b
    fishprep parser eval parser/parser.safetensors CelebAMask/ --worst worst.png
    """
    from fishprep.common.threads import threads
    from fishprep.common.weights import WeightStore
    from fishprep.landmarks import LandmarkRequest, create_backend
    from fishprep.parsing.base import Precision
    from fishprep.parsing.bisenet import BiSeNetParser, BiSeNetSettings
    from fishprep.parsing.evaluation.evaluate import evaluate_parser
    from fishprep.parsing.evaluation.worst import draw_worst
    from fishprep.parsing.labelled import numbering, open_labelled

    device = common.device_name(flags["device"])
    line = common.ProgressLine(flags["quiet"])
    with threads(flags["threads"]):
        network = BiSeNetParser(BiSeNetSettings(flags["size"], device, Precision(flags["precision"])), weights)
        faces = open_labelled(labelled, flags["split"], numbering(flags["classes"]))
        backend = create_backend(LandmarkRequest(), WeightStore.from_environment())
        result = evaluate_parser(
            network, faces, backend, lambda done, total: line.show(f"{done:,} / {total:,} faces", done == total)
        )
        line.close()
        if flags["worst"] is not None and result.crop_iou:
            draw_worst(flags["worst"], result, network, faces, backend)
    if flags["json"]:
        click.echo(json.dumps(result.record()))
    else:
        _print(
            result, f"{weights.name} at {network.size}², {len(faces):,} faces of {flags['split']}, {flags['precision']}"
        )


def _print(result: "ParserEvaluation", title: str) -> None:
    record: dict[str, Any] = result.record()
    out = common.console()
    out.print(title)
    out.print(_summary_table(record))
    out.print(_class_table(record))
    if record["pyramid"]:
        out.print(_pyramid_table(record["pyramid"]))
    if lost := record["lost"]:
        pictures = counted(len(lost), "picture")
        out.print(f"no face was found in {pictures}, so there is no crop: {', '.join(lost[:5])}")


def _summary_table(record: dict[str, Any]) -> Table:
    keys = {
        "skin_iou": "skin IoU",
        "accuracy": "accuracy of the 0-1 map",
        "mean_iou": "mean IoU",
        "boundary_f": "boundary F",
    }
    table = Table("", *keys.values(), box=None, header_style="bold")
    for level in _levels(record):
        table.add_row(LEVELS[level], *(f"{record[level][key]:.4f}" for key in keys))
    return table


def _class_table(record: dict[str, Any]) -> Table:
    levels = _levels(record)
    headings = [text for level in levels for text in (f"IoU, {level}", "F1")]
    table = Table("class", *headings, box=None, header_style="bold")
    for name in record["pictures"]["classes"]:
        figures = [value for level in levels for value in record[level]["classes"][name]]
        table.add_row(name, *("-" if value is None else f"{value:.3f}" for value in figures))
    return table


def _pyramid_table(pyramid: dict[str, dict[str, float]]) -> Table:
    methods = list(next(iter(pyramid.values())))
    table = Table("accuracy of the 0-1 map at", *methods, box=None, header_style="bold")
    for size, shares in pyramid.items():
        table.add_row(f"{size}²", *(f"{shares[method]:.4f}" for method in methods))
    return table


def _levels(record: dict[str, Any]) -> list[str]:
    """Those that have figures: without a face found there are no crops."""
    return [level for level in LEVELS if record[level]]
