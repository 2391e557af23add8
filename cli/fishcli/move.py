"""`fishprep move`: the shards of a build brought to another place and back."""

import json
from dataclasses import asdict
from pathlib import Path

import click

import fishprep
from fishcli import common
from fishcli.common import ProgressLine
from fishprep.common.words import counted


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.argument("to", required=False)
@click.option("--back", is_flag=True, help="Bring them back into OUT; at their place they stay.")
@click.option(
    "--unseen", is_flag=True, help="Record that those which are not in OUT are at TO, any words, without looking."
)
@common.usual_options
def move(out: Path | str, to: str | None, back: bool, unseen: bool, **flags: bool) -> None:
    """Move the shards of a finished build to TO, a folder or a bucket. OUT keeps rows and records, and knows shards by their hashes.

    They are not built again for want of their files; `verify --rows-only`, `report`, `rows`, `extend` and `retry` do without them. Each
    is copied and compared before it is removed. Those that are at TO already, moved by hand, are recorded.

    \b
    fishprep move shards /mnt/large/shards
    fishprep move shards s3://bucket/shards
    fishprep move shards --back
    """
    line = ProgressLine(flags["quiet"])
    try:
        count = fishprep.move(out, to, back=back, unseen=unseen, progress=lambda file: line.show(f"copying {file}"))
    finally:
        line.close()
    if flags["json"]:
        click.echo(json.dumps(asdict(count)))
        return
    click.echo(
        f"{counted(count.copied, 'shard')} copied, {count.stood:,} there already; {count.elsewhere:,} of {out} elsewhere"
    )
