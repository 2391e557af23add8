"""The options that commands of `fishprep` share, in the words of `fishprep.BuildSettings` and with its defaults."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

import fishprep
from fishcli import common

Command = Callable[..., Any]
USUAL = fishprep.BuildSettings()


def options(*decorators: Command) -> Command:
    """Several option decorators as one, in their order."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def build_settings(flags: dict[str, Any]) -> fishprep.BuildSettings:
    """What the flags of `build_options` mean."""
    values = {field.name: flags[field.name] for field in fields(fishprep.BuildSettings)}
    return fishprep.BuildSettings(**{**values, "skin_classes": names(flags["skin_classes"])})


follow_links = click.option("--follow-links", is_flag=True, help="Take symbolic links that leave the source folder.")
device = click.option("--device", default=USUAL.device, help="auto, cpu, cuda, cuda:N.")
workers = click.option(
    "--workers", type=click.IntRange(1), default=USUAL.workers, show_default="CPU cores", help="Processes."
)
max_bytes = click.option("--max-bytes", type=int, default=USUAL.max_bytes, help="Largest file that is opened.")

source_options = options(
    click.option(
        "--source",
        type=click.Choice(fishprep.SOURCES),
        default=USUAL.source,
        help="Kind of the source; auto tells by its files.",
    ),
    click.option(
        "--list",
        type=common.FILE,
        help="Photos: a CSV or Parquet file (path; id, split, landmarks where wanted), or a text of paths.",
    ),
    click.option(
        "--points",
        type=common.EITHER,
        help="68 points for --landmarks annotation: a JSON file, or a folder.  [default: files beside the photos]",
    ),
    click.option(
        "--masks",
        type=common.EXISTING,
        help="Parsing maps of face crops, each at its crop's path with .png: for --parser masks, masks-facexlib, masks-skin.",
    ),
    click.option("--wild", is_flag=True, help="CelebA: the in-the-wild images, where both kinds are there."),
    click.option(
        "--licence", default=USUAL.licence, show_default=False, help="Terms of a folder's photos, for the manifest."
    ),
    follow_links,
)

split_options = options(
    click.option(
        "--split",
        default=USUAL.split,
        help="official, dic (the paper's counts), shares to draw (0.9,0.05,0.05), or a file of names and splits.",
    ),
    click.option("--seed", type=int, default=USUAL.seed, help="Seed of a drawn split."),
)

landmark_options = options(
    click.option(
        "--landmarks",
        default=USUAL.landmarks,
        help="Backend: dlib, fan (for GPUs), annotation; aligned: pictures are face crops, none is searched for.",
    ),
    click.option(
        "--detector",
        type=click.Choice(fishprep.SEARCHES),
        default=USUAL.detector,
        help="dlib: what finds the faces that its points are fitted to; a second one looks where the first finds nothing.",
    ),
    click.option("--thorough", is_flag=True, help="dlib: BlazeFace looks at parts of the photo too, for small faces."),
    click.option(
        "--faces",
        type=click.Choice(["largest", "center", "all", "reject"]),
        default=USUAL.faces,
        help="Which face of several; reject drops the photo.",
    ),
    click.option(
        "--min-score",
        type=float,
        default=USUAL.min_score,
        help="--faces largest: pass over detections below this share of the best score.",
    ),
    click.option(
        "--max-disagreement",
        type=float,
        default=USUAL.max_disagreement,
        help="Drop landmarks farther than this from the source's own points, in inter-ocular distances.",
    ),
)

crop_options = options(
    click.option(
        "--crop",
        type=click.Choice(fishprep.CROPS),
        default=USUAL.crop,
        help="Crop recipe; none: the pictures are face crops.",
    ),
    click.option(
        "--expand", type=float, help="Side of the crop over the box of the landmarks.  [default: the recipe's]"
    ),
    click.option("--upright", is_flag=True, help="Turn each crop until the eyes are level; part of the recipe."),
    click.option(
        "--max-outside",
        type=float,
        default=USUAL.max_outside,
        help="Drop a face with more of its crop outside the photo.",
    ),
    click.option(
        "--min-side", type=int, default=USUAL.min_side, help="Drop a face whose crop has fewer pixels a side."
    ),
    click.option(
        "--resizer", type=click.Choice(fishprep.RESIZERS), default=USUAL.resizer, help="Kernel of every resize."
    ),
    click.option("--mask-resizer", default=USUAL.mask_resizer, help="How maps are made smaller: nearest, or area:0.5."),
)

parser_precision = click.option(
    "--parser-precision",
    type=click.Choice(fishprep.PRECISIONS),
    help="Numbers that the parser computes in.  [default: what its weights were made for]",
)

parser_options = options(
    click.option(
        "--parser",
        default=USUAL.parser,
        help="compact-fishfsr, bisenet-fishfsr (slower), bisenet (facexlib's), or landmark-skin (no weights, skin only, cruder).",
    ),
    click.option(
        "--parser-size", type=int, help="Input side of the parser.  [default: what its weights were made for]"
    ),
    parser_precision,
    click.option("--parser-weights", type=common.FILE, help="Weights of the parser: .safetensors or .pth."),
    common.weights_dir,
)

shard_options = options(
    click.option("--skin-classes", default=",".join(USUAL.skin_classes), help="Classes that count as skin."),
    click.option("--keep-classes", is_flag=True, help="Store the 19-class maps at 128 too."),
    click.option("--shard-size", type=int, default=USUAL.shard_size, help="Photos a shard, at most."),
)

limit_options = options(
    max_bytes,
    click.option("--max-pixels", type=int, default=USUAL.max_pixels, help="Largest photo that is decoded."),
    click.option(
        "--max-seconds",
        type=float,
        default=USUAL.max_seconds,
        help="Time for each step of a photo's way: one that takes longer is failed.",
    ),
)

run_options = options(
    device,
    click.option("--threads", type=int, default=USUAL.threads, help="Torch threads of each worker."),
    workers,
)

build_options = options(
    source_options,
    split_options,
    landmark_options,
    crop_options,
    parser_options,
    shard_options,
    limit_options,
    run_options,
)

ON_CLUSTER = fishprep.ClusterSettings()

engine_options = options(
    click.option(
        "--engine",
        type=click.Choice(fishprep.ENGINES),
        default=fishprep.ENGINES[0],
        help="What runs the workers: processes of this machine, or a Ray cluster.",
    ),
    click.option(
        "--ray-address", help="HOST:PORT of the cluster's head, or local.  [default: the cluster of this machine]"
    ),
    click.option(
        "--gpus-per-worker", type=click.FloatRange(0), help="GPUs that the cluster counts for a worker: 0.25, 1."
    ),
    click.option(
        "--memory-per-worker", type=click.FloatRange(0, min_open=True), help="GB that it counts for a worker."
    ),
)
"""Where `build` and `retry` run their workers."""


def cluster_settings(flags: dict[str, Any]) -> fishprep.ClusterSettings | None:
    """What the flags of `engine_options` mean; None where this machine is meant, and nothing is said of a cluster."""
    address, gpus, memory = (flags[name] for name in ("ray_address", "gpus_per_worker", "memory_per_worker"))
    if flags["engine"] == fishprep.ENGINES[0] and (address, gpus, memory) == (None, None, None):
        return None
    return fishprep.ClusterSettings(
        address=address or ON_CLUSTER.address,
        cpus=flags["threads"] or ON_CLUSTER.cpus,
        gpus=gpus or ON_CLUSTER.gpus,
        memory=None if memory is None else round(memory * 1e9),
    )


def given(context: click.Context, settings: type) -> dict[str, Any]:
    """Of the flags that `settings`, a dataclass, has fields for, those that were given; the others are as the build had them."""
    names = [field.name for field in fields(settings) if field.name in context.params]
    default = click.core.ParameterSource.DEFAULT
    return {name: context.params[name] for name in names if context.get_parameter_source(name) is not default}
