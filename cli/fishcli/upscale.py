"""`fishfsr upscale`: faces in pictures and photos, super-resolved."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fishcli import common
from fishcli.again import resumable
from fishprep import SEARCHES
from fishprep.common.names import printable
from fishprep.common.words import counted
from fishprep.decoding.decode import Limits
from fishprep.faces.crop import RECIPES, UNCROPPED

if TYPE_CHECKING:
    from fishfsr import InputRow, UpscaleProgress, Upscaler, UpscaleReport, UpscaleSettings

# The command imports what it runs: the networks take seconds, `--help` must not.

SHOWN_PROBLEMS = 10
RECORD = "faces.json"
CLEAN = "was trained on clean, shrunk faces alone: it does not know the blur, noise and JPEG blocks of photos"


@click.command(context_settings=common.FSR)
@click.argument("inputs", metavar="IN...", nargs=-1, required=True, type=common.EITHER)
@click.option("-o", "--out", required=True, type=common.FOLDER, help="Folder of results.")
@click.option(
    "-m",
    "--model",
    multiple=True,
    metavar="FILE|NAME",
    type=common.CHECKPOINT,
    help="Checkpoint, or the name of a shipped pair (`fishfsr models list`), once for each scale; the fitting one is taken.  "
    "[default: all that are shipped]",
)
@click.option(
    "--kind",
    type=click.Choice(["guess", "aligned", "crop", "photo"]),
    default="guess",
    help="aligned: LR faces of 8 to 64 px, straight through. crop: each picture is one face. photo: find the faces.",
)
@click.option("--aligned", is_flag=True, help="The same as --kind aligned.")
@click.option("--outscale", type=float, help="Enlargement of photos.  [default: the scale of the model used]")
@click.option(
    "--keep-all/--no-keep-all",
    default=None,
    help="Write every picture's enlarged photo, with a face or without: a film's frames.  [default: with --outscale]",
)
@click.option("--format", type=click.Choice(["png", "jpeg", "webp"]), default="png", help="Of the pictures written.")
@click.option("--quality", type=click.IntRange(1, 100), default=95, help="Of jpeg and webp; webp loses nothing at 100.")
@click.option(
    "--force", is_flag=True, help="Shrink faces larger than the models take, those below 128 px: loses detail."
)
@click.option(
    "--crop",
    type=click.Choice([name for name in RECIPES if name != UNCROPPED]),
    help="Crop recipe.  [default: the checkpoint's, else square]",
)
@click.option("--expand", type=float, help="With --crop: side of the crop over the box of the landmarks.")
@click.option(
    "--upright/--no-upright",
    default=None,
    help="Turn each face of a photo until its eyes are level, and back.  [default: as the checkpoint was trained]",
)
@click.option("--landmarks", type=click.Choice(["dlib", "fan"]), default="dlib", help="What finds the faces.")
@click.option(
    "--detector",
    type=click.Choice(SEARCHES),
    default="blazeface",
    help="dlib: what finds the faces that its points are fitted to.",
)
@click.option("--thorough", is_flag=True, help="dlib with hog+blazeface: BlazeFace looks at parts of the photo too.")
@click.option("--weights-dir", type=common.EXISTING, help="Folder with the weights of FAN, instead of the cache.")
@click.option(
    "--faces", type=click.Choice(["largest", "center", "all", "reject"]), default="all", help="Which face of several."
)
@click.option(
    "--smallest", type=click.IntRange(8, 128), default=16, help="Crop side in pixels down to which to search."
)
@click.option("--search-pixels", type=click.IntRange(10_000), default=16_000_000, help="Enlarge no further to search.")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16", "float16"]), default="float32")
@click.option("--batch", type=click.IntRange(1), default=32, help="Faces in one call of a model.")
@click.option("--threads", type=click.IntRange(1), help="Torch threads.  [default: torch's own choice]")
@click.option("--max-bytes", type=int, default=Limits().max_bytes, help="Largest file that is opened.")
@click.option("--max-pixels", type=int, default=Limits().max_pixels, help="Largest picture that is decoded.")
@click.option("--max-out-pixels", type=click.IntRange(1), default=100_000_000, help="Largest photo that is written.")
@click.option("--follow-links", is_flag=True, help="Take symbolic links that leave a folder.")
@click.option("--resume/--no-resume", default=True, help="Pass over inputs that are done.")
@click.option("--overwrite/--no-overwrite", help="Take away the results that are in OUT, and start again.")
@common.usual_options
def upscale(inputs: tuple[Path, ...], out: Path, **flags: Any) -> None:
    """Super-resolve the faces in IN (files and folders): LR faces, face crops, or photos.

    In a photo the faces are found, each goes through the model whose LR size fits it, and is pasted back into the photo, which
    is enlarged by bicubic. Results in OUT: cropped_faces, restored_faces, restored_photos, comparisons, and faces.json, with a
    status for each input. Exits with 3 where some inputs could not be restored.

    \b
    fishfsr upscale photos/ -o out
    fishfsr upscale group.jpg -o out -m x4.safetensors -m x8.safetensors --outscale 4
    fishfsr upscale lr_faces/ -o out -m x8.safetensors --aligned
    """
    from fishfsr import PhotoSize, PictureFormat, Upscaler, UpscaleRequest

    settings = _settings(flags)
    request = UpscaleRequest(
        inputs,
        out,
        size=PhotoSize(flags["outscale"], flags["max_out_pixels"], _keep_all(flags)),
        format=PictureFormat(flags["format"], flags["quality"]),
        limits=Limits(flags["max_bytes"], flags["max_pixels"]),
        **{name: flags[name] for name in ("batch", "follow_links", "resume", "overwrite")},
    )
    upscaler = Upscaler(settings)
    if not flags["quiet"]:
        click.echo(_what_runs(upscaler), err=True)
        for model in upscaler.models.sharp_only:
            click.echo(f"note: {model.name} {CLEAN}", err=True)
    voice = _Voice(flags["quiet"])
    with resumable(f"What is done in {out} is kept", out, RECORD):
        report = upscaler.files(request, voice)
    _print_report(report, flags["json"])
    if report.failed:
        sys.exit(common.NOT_ALL)


class _Voice:
    """A line on stderr for each input, with what it was taken for, and the progress with rate and time left."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._line = common.ProgressLine(quiet)
        self._start = time.monotonic()

    def __call__(self, news: "UpscaleProgress") -> None:
        if news.row is not None and not self._quiet:
            self._line.close()
            click.echo(f"{printable(news.row.path)}: {_told(news.row)}", err=True)
            for face in news.row.faces:
                for warning in face.warnings:
                    click.echo(f"  face {face.number:02d}: warning: {warning}", err=True)
        if news.done < news.total:
            self._line.show(self._text(news))

    def _text(self, news: "UpscaleProgress") -> str:
        rate = news.searched / max(1e-3, time.monotonic() - self._start)
        left = common.time_text((news.total - news.searched) / rate)
        counts = f"{news.searched:,} / {counted(news.total, 'input')} searched, {news.done:,} done"
        return f"{counts}, {rate:.1f} inputs/s, {left} left"


def _told(row: "InputRow") -> str:
    parts = []
    if row.kind:
        parts.append(f"taken for {_KINDS[row.kind]}" if row.guessed else row.kind)
    if row.faces:
        parts.append(f"{row.restored} of {counted(len(row.faces), 'face')} restored")
    if row.status != "ok":
        parts.append(f"{row.status}: {row.reason}")
    if row.note:
        parts.append(row.note)
    return "; ".join(parts)


_KINDS = {"aligned": "an LR face", "crop": "a face crop", "photo": "a photo"}


def _keep_all(flags: dict[str, Any]) -> bool:
    return flags["outscale"] is not None if flags["keep_all"] is None else flags["keep_all"]


def _kind(flags: dict[str, Any]) -> Any:
    if flags["aligned"] and flags["kind"] not in ("guess", "aligned"):
        raise click.UsageError(f"--aligned contradicts --kind {flags['kind']}")
    return "aligned" if flags["aligned"] else flags["kind"]


def _settings(flags: dict[str, Any]) -> "UpscaleSettings":
    from fishfsr import UpscaleSettings

    if flags["expand"] is not None and flags["crop"] is None:
        raise click.UsageError("--expand goes with --crop")
    same = (
        "force",
        "crop",
        "expand",
        "upright",
        "landmarks",
        "detector",
        "thorough",
        "weights_dir",
        "faces",
        "smallest",
        "search_pixels",
    )
    named = {name: flags[name] for name in (*same, "device", "precision", "threads")}
    return UpscaleSettings(models=flags["model"], kind=_kind(flags), **named)


def _what_runs(upscaler: "Upscaler") -> str:
    models, finder = upscaler.models, upscaler.finder
    named = ", ".join(f"{m.name} (x{m.scale}, faces of {m.lr_size} px)" for m in models.models)
    recipe = models.recipe.to_dict()
    known = "" if models.recipe_known else ", which is a guess: the checkpoint does not say"
    upright = ", upright" if "upright" in recipe else ""
    crop = (
        f"crop {recipe['crop']} x{recipe['expand']:g}{upright}{known} | landmarks {finder.backend.name} | "
        if finder
        else ""
    )
    return f"{named} | {crop}{upscaler.device}"


def _print_report(report: "UpscaleReport", as_json: bool) -> None:
    if as_json:
        summary = {"counts": report.counts, "restored": report.restored, "done_before": report.done_before}
        rows = [asdict(row) for row in report.rows]
        left_out = [asdict(each) for each in report.left_out]
        click.echo(json.dumps({**summary, "left_out": left_out, "table": str(report.table), "inputs": rows}))
        return
    kinds: dict[str, int] = {}
    for row in report.rows:
        if row.guessed and row.kind:
            kinds[row.kind] = kinds.get(row.kind, 0) + 1
    if kinds:
        click.echo("guessed: " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()))
    done = ", ".join(f"{count:,} {status}" for status, count in report.counts.items())
    click.echo(
        f"{counted(report.restored, 'face')} restored in {counted(len(report.rows), 'input')}: {done} "
        f"({report.done_before:,} done before)"
    )
    if report.left_out:
        click.echo(f"left out: {printable(', '.join(map(str, report.left_out)))}")
    problems = [row for row in report.rows if row.status != "ok"]
    for row in problems[:SHOWN_PROBLEMS]:
        click.echo(f"  {row.status}: {printable(row.path)}: {row.reason}")
    if len(problems) > SHOWN_PROBLEMS:
        click.echo(f"  and {len(problems) - SHOWN_PROBLEMS:,} more")
    click.echo(f"every face and every input: {report.table}")
