"""`fishprep demo`: the whole way on two public-domain portraits that lie inside installed packages; needs no network."""

from pathlib import Path
from typing import Any

import click

from fishcli.progress import BuildProgress
from fishprep.parsing.base import OWN

SETTINGS = {"auto_envvar_prefix": "FISHPREP", "show_default": True, "help_option_names": ["-h", "--help"]}
LICENCE = "public domain (NASA; US Navy)"


@click.command(context_settings=SETTINGS)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--parser", default=OWN, help="landmark-skin needs no weights, and is cruder.")
@click.option("--overwrite", is_flag=True, help="Remove an earlier demo that is in OUT first.")
def demo(out: Path, **flags: Any) -> None:
    """Build shards and a report from two portraits (Eileen Collins, Grace Hopper) into OUT.

    \b
    fishprep demo demo
    """
    from fishprep.builds.build import build
    from fishprep.builds.configuration import BuildConfiguration
    from fishprep.builds.output import is_build, writing
    from fishprep.builds.pipelines import WeightsFrom
    from fishprep.builds.plan import make_plan
    from fishprep.builds.request import BuildRequest
    from fishprep.builds.resolved import resolve
    from fishprep.common.words import counted, size_text
    from fishprep.reports.page import write_report
    from fishprep.reports.settings import ReportSettings
    from fishprep.sources import SourceRequest, open_source
    from fishprep.storage.own import refuse_foreign

    photos, shards = out / "photos", out / "shards"
    if not is_build(shards):
        refuse_foreign((out / name for name in ("portraits.jpg", "restored.jpg", "report.html")), "demo")
    with writing(photos):
        _write_photos(photos)
    weights = WeightsFrom()
    resolved = resolve(BuildConfiguration(parser=flags["parser"]), weights)
    source = open_source(SourceRequest(photos, kind="folder", licence=LICENCE))
    plan = make_plan(source, resolved.configuration)
    origin = {
        "root": str(photos.resolve()),
        "kind": "folder",
        "list": None,
        "points": None,
        "wild": False,
        "licence": LICENCE,
    }
    request = BuildRequest(shards, plan, resolved, weights, {**origin, "follow_links": False})
    with BuildProgress(len(plan.photos)) as progress:
        finished = build(request, 1, progress, overwrite=flags["overwrite"])
    write_report(shards, out / "report.html", ReportSettings())
    _draw(photos, shards, out / "portraits.jpg")
    restored = _restore(shards, out / "restored.jpg")
    by = ", ".join(f"{count} by {backend}" for backend, count in finished.totals.by_backend.items())
    size = size_text(finished.totals.bytes)
    click.echo(
        f"{counted(finished.totals.samples, 'face')} found ({by}), parsed by {flags['parser']}, packed into {size}:"
    )
    click.echo(f"  shards   {shards}")
    click.echo(f"  picture  {out / 'portraits.jpg'}")
    if restored:
        click.echo(f"  faces    {restored}: LR, bicubic, super-resolved, HR")
    click.echo(f"  report   {(out / 'report.html').resolve().as_uri()}")


def _restore(shards: Path, path: Path) -> Path | None:
    """The faces super-resolved by the shipped networks; None where those are not installed."""
    from fishfsr.evaluation.restored import restored_sheet
    from fishfsr.inference.shipped import shipped
    from fishprep.common.files import atomic
    from fishprep.common.weights import WeightStore

    checkpoints = shipped(WeightStore.from_environment())
    if not checkpoints:
        return None
    with atomic(path) as temporary:
        restored_sheet(shards, checkpoints).save(temporary, "JPEG", quality=92)
    return path


def _write_photos(folder: Path) -> None:
    import matplotlib.cbook
    import numpy as np
    import skimage.data
    from PIL import Image

    from fishprep.common.files import atomic

    sample = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    with Image.open(str(sample)) as image:
        hopper = np.asarray(image.convert("RGB"))
    for name, pixels in (("eileen_collins", skimage.data.astronaut()), ("grace_hopper", hopper)):
        with atomic(folder / f"{name}.png") as temporary:
            Image.fromarray(pixels).save(temporary, "PNG")


def _draw(photos: Path, shards: Path, path: Path) -> None:
    from fishprep.common.files import atomic
    from fishprep.decoding.decode import Limits, decode_file
    from fishprep.reports.portraits import Sample, draw_portraits
    from fishprep.shards.reader import Shard
    from fishprep.shards.schema import shard_paths

    drawn: list[tuple[Any, Sample]] = []
    for shard_path in shard_paths(shards):
        with Shard(shard_path) as shard:
            drawn += [
                (decode_file(photos / f"{name}.png", Limits()), Sample.of(shard, i)) for i, name in enumerate(shard.ids)
            ]
    if not drawn:
        return
    sheet = draw_portraits([photo for photo, _ in drawn], [sample for _, sample in drawn])
    with atomic(path) as temporary:
        sheet.save(temporary, "JPEG", quality=90)
