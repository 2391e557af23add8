"""`fishfsr train`: shards in, a trained pair out."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fishcli import common
from fishcli.again import going_on

if TYPE_CHECKING:
    from fishfsr import TrainingNews, TrainingOutcome

EXITS = {"interrupted": common.INTERRUPTED, "terminated": common.TERMINATED}


@click.command(context_settings=common.FSR)
@click.argument("shards", nargs=-1, required=True, type=common.SHARDS)
@click.option("-o", "--out", required=True, type=common.FOLDER, help="Folder of the run.")
@click.option("--scale", type=int, help="HR over LR size: 2, 4, 8, 16.  [default: 8]")
@click.option(
    "--stage",
    type=click.Choice(["parsing", "alignment", "sr", "both"]),
    default="both",
    help="Which networks to train; both: all that the method has. alignment: of landmarks, for DIC and Super-FAN.",
)
@click.option(
    "--preset",
    help="paper (its figures), laptop (TaperNet, for a CPU), gpu, laptop-fishfsrnet, taper, or a method of the paper's Table I by "
    "name.  [default: the file's, else paper]",
)
@common.config_option(takes_rest=True)
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="One setting, for example sr.width=16.")
@click.option(
    "--degradation",
    type=click.Choice(["none", "sizes", "spoiled", "wild"]),
    help="Of LR faces: the same as --set degradation.name=...; docs/training.md has what each draws.",
)
@click.option(
    "--where", help='Only faces whose rows fulfil a condition: "blur > 40 and abs(yaw) < 30" (fishprep rows).'
)
@click.option("--init", type=common.FILE, help="Checkpoint to go on from: its networks, with their architecture.")
@click.option("--seed", type=int, help="Seed of weights, order and augmentation.  [default: 0]")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@click.option("--max-minutes", type=click.FloatRange(min=0), help="Validate, save and stop then; nothing else changes.")
@click.option("--resume/--no-resume", default=True, help="Go on with the run in --out, where there is one.")
@click.option("--overwrite/--no-overwrite", help="Begin anew where --out holds a run.")
@common.cache_option
@click.option(
    "--cache-size",
    type=click.FloatRange(0, min_open=True),
    metavar="GB",
    help="Most that shards of buckets may take there: where they are more, they are fetched and trained on some at a time.  [default: "
    "all are fetched first]",
)
@click.option("--tensorboard", is_flag=True, help="Log for TensorBoard too (needs: pip install tensorboard).")
@common.quiet_option
@common.json_option
def train(shards: tuple[Path | str, ...], out: Path, quiet: bool, **flags: Any) -> None:
    """Train ParsingNet, then FishFSRNet on its maps, on SHARDS (folders or buckets of one recipe).

    \b
    fishfsr train shards --scale 8 --out run
    fishfsr train s3://bucket/shards --scale 8 --out run
    fishfsr train shards --out run --preset laptop
    torchrun --nproc-per-node 4 -m fishcli train shards --out run

    Ctrl-C and SIGTERM save and stop; the same command goes on.
    """
    import fishfsr
    import fishprep

    fishprep.keep_freed_memory()
    same = (
        "scale",
        "preset",
        "config",
        "seed",
        "stage",
        "init",
        "device",
        "resume",
        "overwrite",
        "max_minutes",
    )
    named = {name: flags[name] for name in (*same, "tensorboard", "cache", "cache_size")}
    telling, settings = Telling(quiet), flags["assignments"]
    if flags["degradation"] is not None:
        settings = (f"degradation.name={flags['degradation']}", *settings)
    if flags["where"] is not None:
        settings = (f"where={flags['where']}", *settings)
    try:
        outcome = fishfsr.train(shards, out, settings=settings, listen=telling, **named)
    finally:
        telling.close()
    _end(outcome, flags["json"])


@dataclass
class Telling:
    """News of a training as lines on stderr."""

    quiet: bool = False
    _line: common.ProgressLine = field(init=False)

    def __post_init__(self) -> None:
        self._line = common.ProgressLine(self.quiet)

    def __call__(self, news: "TrainingNews") -> None:
        """Take news."""
        from fishfsr import Note, Validated

        if isinstance(news, Note):
            self._say(news.text)
        elif isinstance(news, Validated):
            mark = "  (best)" if news.best else ""
            without = f", {news.left_out:,} faces without finite figures left out" if news.left_out else ""
            self._say(f"{news.stage} {news.step:,}: {_figures_text(news.figures)}{without}{mark}")
        else:
            self._line.show(
                f"{news.stage} {news.step:,} / {news.steps:,}  loss {news.loss:.4f}  {news.images:.1f} images/s  "
                f"{common.time_text(news.seconds_left)} left",
                last=news.step == news.steps,
            )

    def close(self) -> None:
        """End the progress line."""
        self._line.close(keep=True)

    def _say(self, text: str) -> None:
        if not self.quiet:
            self._line.close()
            click.echo(text, err=True)


def _end(outcome: "TrainingOutcome", as_json: bool) -> None:
    if outcome.first:
        _say_outcome(outcome, as_json)
    if outcome.reason is not None and (code := EXITS.get(outcome.reason)):
        sys.exit(code)


def _say_outcome(outcome: "TrainingOutcome", as_json: bool) -> None:
    if as_json:
        values = {"stopped": outcome.reason, "stage": outcome.stage, "step": outcome.step}
        click.echo(json.dumps({**values, "checkpoint": str(outcome.checkpoint), "figures": outcome.figures}))
    elif outcome.reason is None:
        for stage, figures in outcome.figures.items():
            click.echo(f"{stage}: {_figures_text(figures)} (validation)")
        click.echo(f"written: {outcome.checkpoint}")
    if outcome.reason is not None:
        why = "The time is up" if outcome.reason == "time" else "Stopped"
        done = f"{why} after step {outcome.step:,} of the stage {outcome.stage}; saved."
        click.echo(f"{done} To go on:\n  {going_on()}", err=True)


def _figures_text(figures: Any) -> str:
    if not figures:
        return "no face has finite figures"
    if "accuracy" in figures:
        return f"accuracy {figures['accuracy']:.4f}"
    if "pck" in figures:
        return f"{figures['pck']:.1%} of the landmarks found"
    psnr, bicubic = figures["psnr"], figures["bicubic_psnr"]
    return f"PSNR-Y {psnr:.2f} dB (bicubic {bicubic:.2f}, so {psnr - bicubic:+.2f}), SSIM-Y {figures['ssim']:.4f}"
