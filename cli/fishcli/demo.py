"""`fishprep demo`: the whole way on two public-domain portraits that lie inside installed packages; needs no network."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.options import USUAL
from fishcli.progress import BuildProgress
from fishprep.common.words import counted, size_text


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.FOLDER)
@click.option("--parser", default=USUAL.parser, help="landmark-skin needs no weights, and is cruder.")
@click.option("--overwrite", is_flag=True, help="Remove an earlier demo that is in OUT first.")
@common.usual_options
def demo(out: Path, **flags: Any) -> None:
    """Build shards and a report from two portraits (Eileen Collins, Grace Hopper) into OUT.

    \b
    fishprep demo demo
    """
    with BuildProgress(quiet=flags["quiet"]) as progress:
        made = fishprep.demo(out, parser=flags["parser"], overwrite=flags["overwrite"], progress=progress)
    shards, totals = out / "shards", made.build.totals
    restored = _restore(shards, out / "restored.jpg")
    if flags["json"]:
        files = {"shards": shards, "picture": made.picture, "restored": restored, "report": made.report}
        click.echo(json.dumps({**asdict(totals), **{name: path and str(path) for name, path in files.items()}}))
        return
    by = ", ".join(f"{count} by {backend}" for backend, count in totals.by_backend.items())
    size = size_text(totals.bytes)
    click.echo(f"{counted(totals.samples, 'face')} found ({by}), parsed by {flags['parser']}, packed into {size}:")
    click.echo(f"  shards   {shards}")
    click.echo(f"  picture  {made.picture}")
    if restored:
        click.echo(f"  faces    {restored}: LR, bicubic, super-resolved, HR")
    click.echo(f"  report   {made.report.resolve().as_uri()}")


def _restore(shards: Path, path: Path) -> Path | None:
    """The faces super-resolved by the shipped networks; None where those are not installed."""
    import fishfsr
    from fishprep.common.files import atomic

    taken = [model for model in fishfsr.shipped_models() if model.by_itself and model.faces == "sharp"]
    models = [model.name for model in taken if model.status != "missing"]
    if not models:
        return None
    with atomic(path) as temporary:
        fishfsr.restored_sheet(shards, models).save(temporary, "JPEG", quality=92)
    return path
