"""`fishprep export`: shards in the format of others."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishprep.common.words import counted


@click.command(context_settings=common.PREP)
@click.argument("shards", type=common.EXISTING)
@click.argument("out", type=common.FOLDER)
@click.option(
    "--to",
    type=click.Choice(fishprep.FORMATS),
    default="folder",
    help="folder: PNGs, as the authors' code and BasicSR read them. lmdb: BasicSR's. webdataset: tar. parquet: Hugging Face's.",
)
@click.option("--sizes", default="128,64,32,16,8", help="Of images and skin maps, with commas.")
@click.option(
    "--where", help='Only faces whose rows fulfil a condition: "blur > 40 and abs(yaw) < 30" (fishprep rows).'
)
@common.usual_options
def export(shards: Path, out: Path, **flags: Any) -> None:
    """Write the faces of SHARDS into OUT in the format of others: exactly their pixels, with ids, splits, landmarks and maps.

    Stopped at any moment, the same command goes on. Files of others in OUT stand.

    \b
    fishprep export shards celeba --to lmdb --sizes 128,16
    fishprep export shards sharp --where "blur > 40"
    """
    line = common.ProgressLine(flags["quiet"])

    def progress(done: int, total: int) -> None:
        line.show(f"{done:,} / {counted(total, 'face')}", last=done == total)

    with resumable(f"What is done in {out} is kept", out, "export.json"):
        try:
            result = fishprep.export(
                shards, out, flags["to"], sizes=_sizes(flags["sizes"]), where=flags["where"], progress=progress
            )
        finally:
            line.close()
    if flags["json"]:
        click.echo(json.dumps({**asdict(result), "out": str(out), "to": flags["to"]}))
        return
    splits = ", ".join(f"{count:,} {split}" for split, count in result.by_split.items())
    click.echo(f"{counted(sum(result.by_split.values()), 'face')} ({splits}) in {out}, as {flags['to']}")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError:
        raise click.BadParameter(
            f"{text!r}: sizes with commas between them, as in 128,16", param_hint="--sizes"
        ) from None
