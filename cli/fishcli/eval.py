"""`fishfsr eval`: the figures of a trained pair on the faces of shards."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fishcli import common

if TYPE_CHECKING:
    from fishfsr import EvaluationSettings


@click.command("eval", context_settings=common.FSR)
@click.argument("run", metavar="RUN|CHECKPOINT|NAME", type=common.RUN)
@click.argument("shards", type=common.BUILT)
@click.option(
    "-o",
    "--out",
    type=common.FOLDER,
    show_default="beside the checkpoint; of a shipped pair, here",
    help="Folder of the pages.",
)
@click.option("--split", type=click.Choice(["test", "val", "train"]), default="test", help="Of the shards.")
@click.option(
    "--protocol",
    type=click.Choice(["reference", "authors", "dic", "rgb"]),
    default="reference",
    help="Of PSNR and SSIM; docs/evaluation.md says what they differ in.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    default=["estimated"],
    metavar="MAP[,MAP...]",
    help="What the network is given: truth, estimated, wrong (another face's), rotate:15,30,45,60, none. Figures are of the "
    "first; the others are compared with it.",
)
@click.option(
    "--identity",
    type=click.Choice(["dlib", "deepface", "none"]),
    default="dlib",
    help="Embedder of the identity cosine.",
)
@click.option("--lpips", is_flag=True, help="LPIPS too (pip install lpips; 244 MB of weights are downloaded).")
@click.option("--scale", type=int, help="Refuse a checkpoint of another scale.")
@click.option("--where", help='Only faces whose rows fulfil a condition: "abs(yaw) < 30" (fishprep rows).')
@click.option("--limit", type=click.IntRange(1), help="Only the first so many faces of the split.")
@click.option(
    "--show", type=click.IntRange(0), default=6, help="Faces shown of the worst, the median and the best each."
)
@click.option("--batch", type=click.IntRange(1), default=16, help="Faces at a time.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16", "float16"]), default="float32")
@click.option(
    "--degradation",
    type=click.Choice(["none", "sizes", "spoiled", "wild"]),
    default="none",
    help="Of the LR faces: other sizes, blur with noise and JPEG, or all of that; the same for each face at every run.",
)
@click.option("--mirrored", is_flag=True, help="The mean with what the mirrored face gives: twice the time.")
@click.option("--consistent", is_flag=True, help="Faces that shrink to exactly the LR face; for sharp ones.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the intervals and of the wrong maps.")
@common.cache_option
@click.option("--overwrite", is_flag=True, help="Replace an evaluation in --out.")
@common.usual_options
def evaluate_command(run: Path | str, shards: Path | str, **flags: Any) -> None:
    """Measure the pair of a training run, of a checkpoint file, or a shipped one, on the faces of SHARDS, beside bicubic.

    PSNR and SSIM, identity, accuracy of the map; means with 95 % intervals. Writes index.html, summary.md, summary.json,
    per_face.csv and grids of the worst, the median and the best faces.

    \b
    fishfsr eval runs/x8 shards
    fishfsr eval x8 shards --map estimated,truth,wrong,rotate:15,30,45,60
    """
    import fishfsr

    path, settings = fishfsr.find_checkpoint(run), _settings(flags)
    out = flags["out"] or _out(run, path, settings.split)
    fishfsr.check_out(out, flags["overwrite"])
    if str(path) != str(run) and not flags["quiet"]:
        click.echo(f"checkpoint: {path}", err=True)
    progress = _Progress(quiet=flags["quiet"])
    try:
        named = {name: flags[name] for name in ("overwrite", "cache")}
        found = fishfsr.evaluate(path, shards, settings, progress.show, out=out, **named)
    finally:
        progress.line.close()
    for warning in () if flags["quiet"] else found.summary.warnings:
        click.echo(f"note: {warning}", err=True)
    if flags["json"]:
        click.echo(found.summary.to_json(), nl=False)
        return
    click.echo(found.text())
    click.echo(f"\n{out / 'index.html'}")


def _out(run: Path | str, path: Path, split: str) -> Path:
    """Beside the checkpoint, but nothing is written where packages are installed."""
    return Path(f"{run}-eval-{split}") if isinstance(run, str) else path.with_name(f"{path.stem}-eval-{split}")


@dataclass
class _Progress:
    """Faces done, with rate and time left."""

    quiet: bool
    line: common.ProgressLine = field(init=False)
    _start: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.line = common.ProgressLine(self.quiet)

    def show(self, doing: str, done: int, total: int) -> None:
        """Take news of an evaluation."""
        rate = done / max(time.monotonic() - self._start, 1e-9)
        left = f", {common.time_text((total - done) / rate)} left" if done < total else ""
        self.line.show(f"{doing}: {done:,} / {total:,} faces, {rate:,.1f}/s{left}", last=done == total)


def _settings(flags: dict[str, Any]) -> "EvaluationSettings":
    from fishfsr import EvaluationSettings, parse_choices

    figures = ("split", "protocol", "identity", "lpips", "where", "limit", "batch", "seed", "degradation")
    names = (*figures, "device", "precision", "mirrored", "consistent", "scale")
    same = {name: flags[name] for name in names}
    return EvaluationSettings(maps=parse_choices(flags["maps"]), shown=flags["show"], **same)
