"""`fishprep`: photos in, verified shards out."""

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from fishcli import common
from fishcli.again import resumable
from fishcli.demo import demo
from fishcli.doctor import doctor
from fishcli.parse import parse
from fishcli.parser import parser
from fishcli.progress import BuildProgress
from fishcli.report import report
from fishcli.weights import models
from fishprep import __version__
from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.errors import ConfigurationError
from fishprep.common.names import printable
from fishprep.common.words import counted, size_text
from fishprep.faces.crop import RECIPES
from fishprep.faces.pyramid import RESIZERS
from fishprep.sources import KINDS, SourceRequest, open_source

if TYPE_CHECKING:
    from fishprep.builds.manifest import Totals
    from fishprep.builds.pipelines import WeightsFrom
    from fishprep.builds.plan import Plan
    from fishprep.builds.run import Finished

# Each command imports what it runs: `--help` must not wait for torch.

Command = Callable[..., Any]
SETTINGS = {"auto_envvar_prefix": "FISHPREP", "show_default": True, "help_option_names": ["-h", "--help"]}
FOLDER = click.Path(path_type=Path, file_okay=False)
EXISTING = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
DEFAULTS = BuildConfiguration()


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, prog_name="fishprep")
def cli() -> None:
    """Make face super-resolution training sets: faces found, cropped, resized, parsed, packed into HDF5 shards.

    \b
    fishprep build photos/ shards/         a training set
    fishprep report shards/                what is in it, as one HTML page
    fishprep parse faces/ maps/            parsing maps of face images

    Every flag can come from an environment variable (FISHPREP_WORKERS=4) or from --config FILE.
    """


cli.add_command(demo)
cli.add_command(doctor)
cli.add_command(models)
cli.add_command(parse)
cli.add_command(parser)
cli.add_command(report)


def main() -> None:
    """Entry point of the command `fishprep`."""
    common.run(cli, "fishprep")


def options(*decorators: Command) -> Command:
    """Several option decorators as one, in their order."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


source_options = options(
    click.option(
        "--source", type=click.Choice(KINDS), default="auto", help="Kind of the source; auto tells by its files."
    ),
    click.option("--list", type=FILE, help="CSV of photos: path and, where wanted, id, split, landmarks."),
    click.option(
        "--points",
        type=click.Path(path_type=Path, exists=True),
        help="68 points for --landmarks annotation: a JSON file, or a folder.  [default: files beside the photos]",
    ),
    click.option("--wild", is_flag=True, help="CelebA: the in-the-wild images, where both kinds are there."),
    click.option("--licence", default="", help="Terms of a folder's photos, for the manifest."),
    click.option("--follow-links", is_flag=True, help="Take symbolic links that leave the source folder."),
    click.option(
        "--split",
        default=DEFAULTS.split,
        help="official, dic (the paper's counts), shares to draw (0.9,0.05,0.05), or a file of names and splits.",
    ),
    click.option("--seed", type=int, default=DEFAULTS.seed, help="Seed of a drawn split."),
)

landmark_options = options(
    click.option("--landmarks", default=DEFAULTS.landmarks, help="Backend: dlib, fan (for GPUs), annotation."),
    click.option("--thorough", is_flag=True, help="dlib: its slow CNN detector where the fast one finds nothing."),
    click.option(
        "--faces",
        type=click.Choice(["largest", "center", "all", "reject"]),
        default=DEFAULTS.faces,
        help="Which face of several; reject drops the photo.",
    ),
    click.option(
        "--min-score",
        type=float,
        default=DEFAULTS.min_score,
        help="--faces largest: pass over detections below this share of the best score.",
    ),
    click.option(
        "--max-disagreement",
        type=float,
        default=DEFAULTS.max_disagreement,
        help="Drop landmarks farther than this from the source's own points, in inter-ocular distances.",
    ),
)

crop_options = options(
    click.option("--crop", type=click.Choice(list(RECIPES)), default=DEFAULTS.crop, help="Crop recipe."),
    click.option(
        "--expand", type=float, help="Side of the crop over the box of the landmarks.  [default: the recipe's]"
    ),
    click.option(
        "--max-outside",
        type=float,
        default=DEFAULTS.max_outside,
        help="Drop a face with more of its crop outside the photo.",
    ),
    click.option(
        "--min-side", type=int, default=DEFAULTS.min_side, help="Drop a face whose crop has fewer pixels a side."
    ),
    click.option(
        "--resizer", type=click.Choice(list(RESIZERS)), default=DEFAULTS.resizer, help="Kernel of every resize."
    ),
    click.option(
        "--mask-resizer", default=DEFAULTS.mask_resizer, help="How maps are made smaller: nearest, or area:0.5."
    ),
)

parser_options = options(
    click.option(
        "--parser",
        default=DEFAULTS.parser,
        help="bisenet-fishfsr, bisenet (facexlib's), or landmark-skin (no weights, skin only, cruder).",
    ),
    click.option(
        "--parser-size", type=int, help="Input side of the parser.  [default: what its weights were made for]"
    ),
    click.option("--parser-weights", type=FILE, help="Weights of the parser: .safetensors or .pth."),
    click.option("--weights-dir", type=EXISTING, help="Folder with weight files, instead of the cache."),
)

run_options = options(
    common.config_option(),
    click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N."),
    click.option("--threads", type=int, default=DEFAULTS.threads, help="Torch threads of each worker."),
    click.option(
        "--workers", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="CPU cores", help="Processes."
    ),
)

limit_options = options(
    click.option("--max-bytes", type=int, default=DEFAULTS.max_bytes, help="Largest file that is opened."),
    click.option("--max-pixels", type=int, default=DEFAULTS.max_pixels, help="Largest photo that is decoded."),
    click.option(
        "--max-seconds",
        type=float,
        default=DEFAULTS.max_seconds,
        help="Time for each step of a photo's way: one that takes longer is failed.",
    ),
)

shard_options = options(
    click.option("--skin-classes", default=",".join(DEFAULTS.skin_classes), help="Classes that count as skin."),
    click.option("--keep-classes", is_flag=True, help="Store the 19-class maps at 128 too."),
    click.option("--shard-size", type=int, default=DEFAULTS.shard_size, help="Photos a shard, at most."),
)

voice_options = options(
    click.option("--quiet", is_flag=True, help="No progress."),
    click.option("--json", is_flag=True, help="The result as JSON."),
)

build_options = options(
    source_options, landmark_options, crop_options, parser_options, shard_options, limit_options, run_options
)


@cli.command(context_settings=SETTINGS)
@click.argument("source_folder", metavar="SOURCE", type=EXISTING)
@click.argument("out", type=FOLDER)
@build_options
@click.option("--resume/--no-resume", default=True, help="Go on with a build that is in OUT already.")
@click.option("--overwrite/--no-overwrite", help="Remove the build that is in OUT first.")
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 1),
    help="Exit with 3 where a larger share of the photos gave no face (0 to 1).",
)
@voice_options
def build(source_folder: Path, out: Path, **flags: Any) -> None:
    """Build shards in OUT from the photos in SOURCE.

    SOURCE is any folder of photos, CelebA or Helen as downloaded. Stopped at any moment, the same command goes on where it
    was. Every photo ends in OUT/samples.parquet with a status.

    \b
    fishprep build ~/CelebA shards/celeba --split dic --workers 8
    fishprep build photos shards --parser landmark-skin
    """
    from fishprep.builds.build import build as build_shards
    from fishprep.builds.manifest import CONFIGURATION
    from fishprep.builds.request import BuildRequest
    from fishprep.builds.resolved import resolve

    configuration, plan, origin = _planned(source_folder, out, flags)
    weights = _weights(flags)
    resolved = resolve(configuration, weights)
    _say_what_runs(resolved.configuration, plan, flags)
    request = BuildRequest(out, plan, resolved, weights, origin)
    with (
        resumable(f"Finished shards in {out} are kept", out, CONFIGURATION),
        BuildProgress(len(plan.photos), flags["quiet"]) as progress,
    ):
        finished = build_shards(request, flags["workers"], progress, flags["resume"], flags["overwrite"])
    _print_finished(out, finished, flags["json"])
    _exit_by_share(finished.totals, flags["max_drop"])


@cli.command(context_settings=SETTINGS)
@click.argument("source_folder", metavar="SOURCE", type=EXISTING)
@build_options
@click.option("--json", is_flag=True, help="The result as JSON.")
def plan(source_folder: Path, **flags: Any) -> None:
    """Say what a build would do, and cost. Nothing is written.

    A few photos are taken all the way to samples, in memory, to measure the time and the share that is kept.

    \b
    fishprep plan ~/CelebA --split dic --workers 8
    """
    from fishprep.builds.estimate import estimate
    from fishprep.builds.resolved import resolve

    configuration, planned, _ = _planned(source_folder, None, flags)
    weights = _weights(flags)
    resolved = resolve(configuration, weights)
    cost = estimate(planned, resolved.configuration, weights, flags["workers"])
    shards = len(list(planned.specs(configuration.shard_size)))
    if flags["json"]:
        click.echo(
            json.dumps(
                {
                    "photos": planned.by_split,
                    "left_out": [asdict(left_out) for left_out in planned.left_out],
                    "shards": shards,
                    "recipe": resolved.recipe,
                    "estimate": asdict(cost),
                    "notes": planned.notes,
                    "configuration": resolved.configuration.model_dump(mode="json"),
                }
            )
        )
        return
    _say_what_runs(resolved.configuration, planned, flags)
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, count in planned.by_split.items():
        table.add_row(f"photos, {name}", f"{count:,}")
    table.add_row("shards", f"{shards:,}")
    table.add_row("disk", f"{size_text(cost.shard_bytes)}")
    table.add_row("time", f"{common.time_text(cost.build_seconds)} with {counted(flags['workers'], 'worker')}")
    table.add_row(
        "tried",
        f"{counted(cost.tried, 'photo')}: {cost.kept_per_photo:.0%} kept, {cost.seconds_per_photo * 1000:.0f} ms each",
    )
    for status, count in cost.dropped.items():
        table.add_row("", f"{count} {status}")
    common.console().print(table)


@cli.command("retry", context_settings=SETTINGS)
@click.argument("out", type=EXISTING)
@click.option("--status", multiple=True, help="Status to try again, for example no_face; may be repeated.")
@click.option("--follow-links", is_flag=True, help="Take symbolic links that leave the source folder (link_outside).")
@landmark_options
@click.option("--max-outside", type=float, default=DEFAULTS.max_outside)
@click.option("--min-side", type=int, default=DEFAULTS.min_side)
@limit_options
@click.option("--parser-weights", type=FILE, help="Weights of the parser, the same as in the build.")
@click.option("--weights-dir", type=EXISTING, help="Folder with weight files, instead of the cache.")
@run_options
@click.option("--overwrite/--no-overwrite", help="First remove a retry that was stopped halfway, with its shards.")
@voice_options
@click.pass_context
def retry_command(context: click.Context, out: Path, status: tuple[str, ...], **flags: Any) -> None:
    """Try the dropped photos of a finished build again, with other settings, into further shards of it.

    Only settings that are given change; the recipe cannot. Shards that stand are never rewritten. Stopped at any moment, the
    same command goes on where it was.

    \b
    fishprep retry shards --status no_face --thorough
    """
    from fishprep.builds.output import read_start
    from fishprep.builds.retry import OVERRIDES, RetryRequest, count_photos, retry, statuses_in

    known = statuses_in(out)
    if not status:
        raise click.UsageError(f"--status is missing; this build has {', '.join(known) or 'nothing that was dropped'}")
    given = {
        name: flags[name]
        for name in OVERRIDES
        if name in flags and context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }
    if "device" in given:
        given["device"] = common.device_name(given["device"])
    start = read_start(out)
    follow_links = flags["follow_links"] or start["source"]["follow_links"]
    photos = open_source(_reopen({**start["source"], "follow_links": follow_links}, out)).listing().photos
    request = RetryRequest(out, photos, status, given, _weights(flags), follow_links)
    with (
        resumable(f"Finished shards in {out} are kept", out, "retry-*.json"),
        BuildProgress(count_photos(out, status), flags["quiet"]) as progress,
    ):
        finished = retry(request, flags["workers"], progress, flags["overwrite"])
    _print_finished(out, finished, flags["json"])


@cli.command("verify", context_settings=SETTINGS)
@click.argument("out", type=EXISTING)
@click.option("--deep", is_flag=True, help="Derive LR images and maps of a sample again, from the 128² of the shards.")
@click.option("--samples", type=click.IntRange(1), default=16, help="--deep: samples of each shard.")
@click.option("--repair", is_flag=True, help="First mend the records: rows, samples.parquet, manifest.json.")
@click.option("--parser-weights", type=FILE, help="--deep: weights of the parser, the same as in the build.")
@click.option("--weights-dir", type=EXISTING, help="Folder with weight files, instead of the cache.")
@click.option("--json", is_flag=True, help="The result as JSON.")
def verify_command(out: Path, deep: bool, samples: int, **flags: Any) -> None:
    """Check a build: format, shapes, values, hashes, and the manifest against the shards. Exits with 1 where it is not sound.

    \b
    fishprep verify shards --deep
    """
    from fishprep.builds.repair import repair
    from fishprep.builds.verify import Depth, verify

    if flags["repair"]:
        repair(out)
    result = verify(out, Depth(samples, _weights(flags)) if deep else None)
    if flags["json"]:
        click.echo(json.dumps(asdict(result)))
    else:
        for note in result.notes:
            click.echo(f"note: {note}", err=True)
        for problem in result.problems:
            click.echo(printable(problem))
        again = f", {result.rederived:,} derived again" if deep else ""
        verdict = counted(len(result.problems), "problem") if result.problems else "sound"
        click.echo(f"{counted(result.shards, 'shard')}, {counted(result.samples, 'sample')}{again}: {verdict}")
    if result.problems:
        sys.exit(common.FAILED)


@cli.command(context_settings=SETTINGS)
@click.argument("shard_file", metavar="SHARD", type=FILE)
@click.option("--json", is_flag=True, help="The result as JSON.")
def inspect(shard_file: Path, **flags: Any) -> None:
    """Show what a shard says of itself.

    \b
    fishprep inspect shards/train-00000.h5
    """
    from fishprep.shards.reader import Shard
    from fishprep.shards.versions import are_recorded

    with Shard(shard_file) as shard:
        arrays = {name: [str(array.dtype), list(array.shape)] for name, array in shard.arrays().items()}
        facts = asdict(shard.attributes)
        ids = [printable(name) for name in shard.ids[:3]]
        skin = float(shard.skin(8).mean())
    if flags["json"]:
        click.echo(json.dumps({**facts, "datasets": arrays, "first_ids": ids, "skin_share": skin}))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name in ("split", "samples", "schema_version", "producer", "recipe", "inputs"):
        table.add_row(name, str(facts[name]))
    table.add_row("first ids", ", ".join(ids))
    table.add_row("skin share", f"{skin:.2f}")
    for name, (dtype, shape) in arrays.items():
        table.add_row(name, f"{dtype} {tuple(shape)}")
    if not are_recorded(facts["versions"]):
        table.add_row("algorithms", "from before their versions were recorded: the first of each is assumed")
    for group in ("configuration", "weights", "versions"):
        for name, value in facts[group].items():
            table.add_row(
                f"{group}.{name}", json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
            )
    common.console().print(table)


def _planned(
    source_folder: Path, out: Path | None, flags: dict[str, Any]
) -> "tuple[BuildConfiguration, Plan, dict[str, Any]]":
    """The configuration that the flags mean, the plan of the source, and how to open the source again."""
    from fishprep.builds.plan import make_plan
    from fishprep.builds.splits import is_file_rule

    request = SourceRequest(
        root=source_folder,
        kind=flags["source"],
        table=flags["list"],
        points=flags["points"],
        wild=flags["wild"],
        licence=flags["licence"],
        follow_links=flags["follow_links"],
        exclude=out,
    )
    source = open_source(request)
    names = set(BuildConfiguration.model_fields) - {"source", "weights"}
    values = {name: value for name, value in flags.items() if name in names and value is not None}
    values |= {
        "source": source.kind,
        "device": common.device_name(flags["device"]),
        "skin_classes": tuple(name.strip() for name in flags["skin_classes"].split(",") if name.strip()),
    }
    configuration = BuildConfiguration.parse(values)
    plan = make_plan(source, configuration, _Comparing(flags.get("quiet", False)))
    configuration = configuration.model_copy(update={"split": plan.rule})
    if not plan.photos:
        raise ConfigurationError(f"{source_folder}: the split {flags['split']!r} leaves no photos")
    origin = {
        "root": str(source_folder.resolve()),
        "kind": source.kind if source.kind != "list" else "auto",
        **{name: str(flags[name].resolve()) if flags[name] else None for name in ("list", "points")},
        **{name: flags[name] for name in ("wild", "licence", "follow_links")},
        "split": str(Path(flags["split"]).resolve()) if is_file_rule(plan.rule) else flags["split"],
    }
    return configuration, plan, origin


class _Comparing:
    """The search for near-duplicates before a split is drawn, as a line of progress."""

    def __init__(self, quiet: bool) -> None:
        self._line = common.ProgressLine(quiet)

    def __call__(self, done: int, total: int) -> None:
        self._line.show(f"looking for near-duplicates: {done:,} / {total:,} photos", last=done == total)


def _reopen(origin: dict[str, Any], out: Path) -> SourceRequest:
    return SourceRequest(
        root=Path(origin["root"]),
        kind=origin["kind"],
        table=Path(origin["list"]) if origin["list"] else None,
        points=Path(origin["points"]) if origin["points"] else None,
        wild=origin["wild"],
        licence=origin["licence"],
        follow_links=origin["follow_links"],
        exclude=out,
    )


def _weights(flags: dict[str, Any]) -> "WeightsFrom":
    from fishprep.builds.pipelines import WeightsFrom

    return WeightsFrom(flags["weights_dir"], flags["parser_weights"])


def _say_what_runs(configuration: BuildConfiguration, plan: "Plan", flags: dict[str, Any]) -> None:
    if flags.get("quiet"):
        return
    expand = RECIPES[configuration.crop][1] if configuration.expand is None else configuration.expand
    splits = ", ".join(f"{count:,} {split}" for split, count in plan.by_split.items())
    click.echo(
        f"{configuration.source}: {splits} | landmarks {configuration.landmarks} | crop {configuration.crop} x{expand:g} | "
        f"{configuration.resizer} | parser {configuration.parser} | {configuration.device}, {counted(flags['workers'], 'worker')} x "
        f"{counted(configuration.threads, 'thread')}",
        err=True,
    )
    if plan.left_out:
        click.echo(f"left out: {printable(', '.join(map(str, plan.left_out)))}", err=True)
    for note in plan.notes:
        click.echo(f"note: {note}", err=True)


def _print_finished(out: Path, finished: "Finished", as_json: bool) -> None:
    """What a build came to; it exits with 3 where that is nothing."""
    totals = finished.totals
    if not totals.samples:
        click.echo(f"nothing was kept: {_commonest_reason(out)}", err=True)
    _print_totals(out, finished, as_json)
    if not totals.samples:
        sys.exit(common.NOT_ALL)
    if not as_json:
        _print_next(out, totals)


def _print_next(out: Path, totals: "Totals") -> None:
    shards = shlex.quote(str(out))
    click.echo(f"Next: fishprep report {shards}, then fishfsr train {shards} --out RUN")
    if "val" not in totals.by_split:
        click.echo("  no photos to validate on: --split 0.9,0.05,0.05 sets some apart")


def _commonest_reason(out: Path) -> str:
    from fishprep.builds.manifest import commonest_reason

    status, count, of, reason, photo = commonest_reason(out)
    return printable(f"{count:,} of {counted(of, 'row')} {status}, most often as in {photo!r}: {reason}")


def _print_totals(out: Path, finished: "Finished", as_json: bool) -> None:
    totals = finished.totals
    if as_json:
        click.echo(json.dumps({**asdict(totals), "built": finished.built, "resumed": finished.resumed}))
        return
    splits = ", ".join(f"{count:,} {split}" for split, count in totals.by_split.items())
    click.echo(
        f"{counted(totals.samples, 'sample')} ({splits}) of {counted(totals.photos, 'photo')} in {out}, "
        f"{size_text(totals.bytes)}"
    )
    for status, count in totals.by_status.items():
        if status != "ok":
            click.echo(f"  dropped: {count:,} {status}")
    for backend, count in totals.by_backend.items():
        click.echo(f"  landmarks: {count:,} by {backend}")
    if finished.seconds:
        stages = ", ".join(f"{name} {common.time_text(spent)}" for name, spent in finished.seconds.items())
        click.echo(f"  time in workers: {stages}")


def _exit_by_share(totals: "Totals", max_drop: float | None) -> None:
    share = (totals.without_sample or 0) / max(1, totals.photos)
    if max_drop is not None and share > max_drop:
        click.echo(f"{share:.1%} of the photos gave no sample, more than --max-drop {max_drop:.1%}", err=True)
        sys.exit(common.NOT_ALL)
