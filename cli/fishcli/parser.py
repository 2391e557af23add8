"""`fishprep parser`: train a face parser from labelled faces, and measure one."""

import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from rich.table import Table

import fishprep
from fishcli import common
from fishcli.again import going_on
from fishcli.options import device as device_option
from fishprep.common.words import counted

TRAINING = fishprep.ParserTrainingSettings()
MEASURING = fishprep.ParserEvaluationSettings()
CLASSES = "Numbering of the masks: celebamask, facexlib, lapa, or the names of the classes 0, 1, 2 ... with commas."
LEVELS = {"pictures": "whole pictures", "crops": "128² crops"}
STOPPED = {"time": 0, "interrupted": 130, "terminated": 143}


@click.group(context_settings=common.PREP)
def parser() -> None:
    """Train a face parser from labelled faces, and measure one.

    LABELLED holds images/NAME.jpg, masks/NAME.png (palette or grey, one class number per pixel), and the lists
    train.txt and val.txt of names; 255 is no label. Or it is CelebAMask-HQ as downloaded (CelebA-HQ-img,
    CelebAMask-HQ-mask-anno), split as CelebA is.
    """


@parser.command(context_settings=common.PREP)
@click.argument("labelled", type=common.EXISTING)
@click.argument("out", type=common.FOLDER)
@click.option("--classes", default=TRAINING.classes, help=CLASSES)
@click.option(
    "--network",
    type=click.Choice(["bisenet", "compact"]),
    default=TRAINING.network,
    help="facexlib's, or a small one for the 128² crops of a build.",
)
@click.option("--init", type=common.FILE, help="Weights to begin with.")
@click.option(
    "--parsed",
    type=common.EXISTING,
    multiple=True,
    help="Folder of a build with --keep-classes: its training faces too, as they were parsed. May be repeated.",
)
@click.option(
    "--parsed-share", type=click.FloatRange(0, 0.9), default=TRAINING.parsed_share, help="Share of them in a step."
)
@click.option("--size", type=int, help="Side of the network's input.  [default: 256, of compact 160]")
@click.option("--steps", type=int, default=TRAINING.steps)
@click.option("--batch", type=int, default=TRAINING.batch, help="Views per step.")
@click.option("--lr", type=float, default=TRAINING.lr, help="Highest learning rate.")
@click.option("--dice", type=click.FloatRange(0, 10), default=TRAINING.dice, help="Weight of the Dice loss.")
@click.option(
    "--ema", type=click.FloatRange(0, 1, max_open=True), default=TRAINING.ema, help="Decay of the averaged weights."
)
@click.option(
    "--rare",
    type=click.FloatRange(0, 1),
    default=TRAINING.rare,
    help="Faces with a class rarer than this come up more often.",
)
@click.option(
    "--crops", type=click.FloatRange(0, 1), default=TRAINING.crops, help="Share of views at the 128² of a build."
)
@click.option("--seed", type=click.IntRange(0), default=TRAINING.seed)
@device_option
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default=TRAINING.precision)
@click.option("--threads", type=click.IntRange(1), default=TRAINING.threads, help="Threads that draw views.")
@click.option(
    "--validate-every", type=click.IntRange(1), default=TRAINING.validate_every, help="Steps between two validations."
)
@click.option("--max-minutes", type=click.FloatRange(0, min_open=True), help="Save and stop then.")
@click.option("--licence", default=TRAINING.licence, help="Terms of the labelled faces; kept in the weights.")
@click.option("--overwrite/--no-overwrite", help="Begin anew.")
@common.usual_options
def train(labelled: Path, out: Path, **flags: Any) -> None:
    """Train a parser on the faces of LABELLED into OUT; the same command goes on where it was stopped.

    OUT/parser.safetensors is what --parser-weights takes.

    \b
    fishprep parser train CelebAMask/ parser/
    fishprep parser train CelebAMask/ compact/ --network compact --parsed shards/ --dice 1
    """
    fishprep.keep_freed_memory()
    given = {field.name: flags[field.name] for field in fields(fishprep.ParserTrainingSettings)}
    settings = fishprep.ParserTrainingSettings(**given)
    listener = _Listener(settings, flags["quiet"])
    report = fishprep.train_parser(labelled, out, settings, overwrite=flags["overwrite"], progress=listener)
    listener.line.close()
    _finish(report, settings.steps, flags["json"])


class _Listener:
    """News of a training on stderr; nothing where `quiet`."""

    def __init__(self, settings: "fishprep.ParserTrainingSettings", quiet: bool) -> None:
        self._settings, self._quiet = settings, quiet
        self.line = common.ProgressLine(quiet)

    def __call__(self, news: "fishprep.ParserNews") -> None:
        if isinstance(news, fishprep.MasksChecked):
            self.line.show(f"checking {news.done:,} / {news.total:,} masks", last=news.done == news.total)
        elif isinstance(news, fishprep.ParserTrained):
            left = common.time_text(news.seconds_left)
            self.line.show(
                f"{news.step:,} / {news.steps:,}  loss {news.loss:.3f}  {news.views:.1f} views/s  {left} left",
                last=news.step == news.steps,
            )
        else:
            self.line.close()
            if not self._quiet:
                told = self._plan(news) if isinstance(news, fishprep.ParserPlanned) else _validated(news)
                click.echo(told, err=True)

    def _plan(self, news: "fishprep.ParserPlanned") -> str:
        begin = f"from {self._settings.init}" if self._settings.init else "from first weights"
        parsed = f" and {news.parsed:,} parsed ones" if news.parsed else ""
        held = (
            f"{news.validation:,} to validate" if news.validation else "none to validate: the newest weights are kept"
        )
        return (
            f"classes: {news.classes}\n{news.faces:,} faces{parsed}, {held} | {self._settings.network}, {begin} | "
            f"{news.device}, {news.precision}"
        )


def _validated(news: "fishprep.ParserValidated") -> str:
    best = "  (best)" if news.best else ""
    return f"{news.step:,}: skin IoU {news.skin_iou:.4f}, mean IoU {news.mean_iou:.4f}{best}"


def _finish(report: "fishprep.ParserTrainingReport", steps: int, as_json: bool) -> None:
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


@parser.command("eval", context_settings=common.PREP)
@click.argument("weights", type=common.FILE)
@click.argument("labelled", type=common.EXISTING)
@click.option("--split", default=MEASURING.split, help="Faces that are named in SPLIT.txt, or of CelebA's split.")
@click.option("--classes", default=MEASURING.classes, help=CLASSES)
@click.option("--size", type=int, help="Input side of the parser.  [default: what its weights were made for]")
@device_option
@click.option(
    "--precision",
    type=click.Choice(fishprep.PRECISIONS),
    help="Numbers to compute in.  [default: what its weights were made for]",
)
@click.option("--threads", type=click.IntRange(1), help="Torch threads.  [default: torch's own choice]")
@click.option("--worst", type=common.NEW_FILE, help="Write a picture of the worst crops here.")
@common.usual_options
def evaluate(weights: Path, labelled: Path, **flags: Any) -> None:
    """Measure the parser WEIGHTS on the faces of LABELLED.

    Whole pictures, the 128² crops that a build makes of them, and the skin map brought to 64, 32, 16 and 8.

    \b
    fishprep parser eval parser/parser.safetensors CelebAMask/ --worst worst.png
    """
    given = {field.name: flags[field.name] for field in fields(fishprep.ParserEvaluationSettings)}
    line = common.ProgressLine(flags["quiet"])
    result = fishprep.evaluate_parser(
        weights,
        labelled,
        fishprep.ParserEvaluationSettings(**given),
        worst=flags["worst"],
        progress=lambda done, total: line.show(f"{done:,} / {total:,} faces", done == total),
    )
    line.close()
    if flags["json"]:
        click.echo(json.dumps({"size": result.size, "precision": result.precision, **result.found.record()}))
    else:
        where = f"{weights.name} at {result.size}², {result.faces:,} faces of {flags['split']}"
        _print(result.found, f"{where}, {result.precision}")


def _print(result: "fishprep.ParserEvaluation", title: str) -> None:
    record: dict[str, Any] = result.record()
    out = common.console()
    out.print(title)
    out.print(_summary_table(record))
    out.print(_class_table(record))
    if record["pyramid"]:
        out.print(_pyramid_table(record["pyramid"]))
    if record["tones"]:
        out.print(_tone_table(record["tones"]))
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


def _tone_table(tones: list[dict[str, Any]]) -> Table:
    names = ("darkest", "middle", "lightest")
    table = Table(
        "crops by the skin's colour",
        "typology angle",
        "faces",
        "skin IoU",
        "worst tenth",
        box=None,
        header_style="bold",
    )
    for name, group in zip(names, tones, strict=True):
        angles = f"{group['lowest']:.0f}° to {group['highest']:.0f}°"
        table.add_row(f"{name} third", angles, str(group["faces"]), f"{group['skin_iou']:.4f}", f"{group['worst']:.4f}")
    return table


def _levels(record: dict[str, Any]) -> list[str]:
    """Those that have figures: without a face found there are no crops."""
    return [level for level in LEVELS if record[level]]
