"""`fishfsr compare`: the methods of the paper's table side by side, trained and measured on the same shards."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fishcli import common
from fishcli.again import resumable
from fishcli.train import Telling

if TYPE_CHECKING:
    from fishfsr import ComparisonNews, ComparisonOutcome, ComparisonSettings


@click.command("compare", context_settings=common.FSR)
@click.argument("shards", nargs=-1, required=True, type=common.SHARDS)
@click.option("-o", "--out", required=True, type=common.FOLDER, help="Folder of the comparison.")
@click.option("--scale", type=int, default=8, help="HR over LR size: 2, 4, 8, 16.")
@click.option(
    "--methods",
    default="all",
    metavar="NAMES",
    help="all (the paper's Table I and two beside it), ablations (Models 1 to 8 and without_map), or names with commas between them.",
)
@click.option("--budget", required=True, help="Of each method: 20m or 1.5h of training, or 50000faces seen.")
@click.option(
    "--recipe",
    type=click.Choice(["published", "common"]),
    default="published",
    help="Each method by its published settings, or all by one recipe; docs/methods.md has both.",
)
@click.option(
    "--width",
    "widths",
    multiple=True,
    metavar="N|METHOD=N",
    help="Narrower networks, of all methods or of one; parsingnet=N is ParsingNet's.  [default: as published]",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    help="Trainings of each method, by seeds 0, 1, ...; their spread is shown.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="One setting of all trainings, for example sr.lr=1e-3, or of one method: superfan.alignment.aligner=fan.",
)
@click.option(
    "--init",
    multiple=True,
    metavar="MODEL",
    help="Checkpoint, run or shipped pair whose ParsingNet or network of landmarks is taken, not trained.",
)
@click.option("--split", type=click.Choice(["test", "val", "train"]), default="test", help="That is measured.")
@click.option(
    "--protocol",
    type=click.Choice(["reference", "authors", "dic", "rgb"]),
    default="reference",
    help="Of PSNR and SSIM.",
)
@click.option(
    "--identity",
    type=click.Choice(["dlib", "deepface", "none"]),
    default="dlib",
    help="Embedder of the identity cosine.",
)
@click.option(
    "--where",
    help='Only faces whose rows fulfil a condition, trained on and measured: "abs(yaw) < 30" (fishprep rows).',
)
@click.option("--limit", type=click.IntRange(1), help="Measure only the first so many faces of the split.")
@click.option("--show", type=click.IntRange(0), default=3, help="Faces shown of the worst and about the median each.")
@click.option(
    "--paper", type=click.Choice(["celeba", "helen"]), default="celeba", help="Whose figures of the paper stand beside."
)
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@common.cache_option
@click.option("--overwrite/--no-overwrite", help="Begin anew where --out holds a comparison.")
@common.usual_options
def compare(shards: tuple[Path | str, ...], out: Path, **flags: Any) -> None:
    """Train methods on SHARDS under one budget, measure them on the same faces, and write a page.

    index.html, table.csv, per_face.csv and comparison.json are written anew after each method; each has its run's folder in OUT. A method
    that fails is a line of the table, and the exit code is 3. Ctrl-C and SIGTERM save and stop; the same command goes on.

    \b
    fishfsr compare shards --budget 20m -o table1
    fishfsr compare shards --budget 50000faces --methods srcnn,vdsr,fishfsrnet --width 16 --recipe common -o small
    fishfsr compare shards --budget 50000faces --methods ablations --width 16 --seeds 3 -o table3
    """
    import fishfsr
    import fishprep

    fishprep.keep_freed_memory()
    same = {name: flags[name] for name in ("overwrite", "cache", "paper")}
    request = fishfsr.ComparisonRequest(tuple(shards), out, _settings(flags), init=flags["init"], **same)
    telling = _Telling(flags["quiet"])
    with resumable("What is trained and measured is kept", out, "plan.json"):
        try:
            outcome = fishfsr.compare(request, telling)
        finally:
            telling.close()
        if outcome.reason == "terminated":
            raise common.Terminated
        if outcome.reason is not None:
            raise KeyboardInterrupt
    _end(outcome, flags["json"])


@dataclass
class _Telling:
    """News of trainings, and faces that are measured."""

    quiet: bool
    training: Telling = field(init=False)
    line: common.ProgressLine = field(init=False)

    def __post_init__(self) -> None:
        self.training, self.line = Telling(self.quiet), common.ProgressLine(self.quiet)

    def __call__(self, news: "ComparisonNews") -> None:
        """Take news."""
        from fishfsr import FacesMeasured

        if isinstance(news, FacesMeasured):
            self.line.show(f"{news.title}: {news.done:,} / {news.total:,} faces measured", last=news.done == news.total)
        else:
            self.training(news)

    def close(self) -> None:
        """End the progress lines."""
        self.training.close()
        self.line.close()


def _end(outcome: "ComparisonOutcome", as_json: bool) -> None:
    found = outcome.comparison
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        click.echo(f"{found.text()}\n\n{outcome.page}")
    if found.failed:
        sys.exit(common.NOT_ALL)


def _settings(flags: dict[str, Any]) -> "ComparisonSettings":
    import fishfsr

    names = ("split", "protocol", "identity", "where", "limit", "device")
    chosen = () if flags["where"] is None else (f"where={flags['where']}",)
    evaluation = fishfsr.EvaluationSettings(shown=flags["show"], **{name: flags[name] for name in names})
    return fishfsr.ComparisonSettings(
        budget=fishfsr.parse_budget(flags["budget"]),
        methods=flags["methods"],
        scale=flags["scale"],
        recipe=flags["recipe"],
        widths=fishfsr.parse_widths(flags["widths"]),
        seeds=flags["seeds"],
        settings=(*flags["assignments"], *chosen),
        evaluation=evaluation,
    )
