"""`fishprep inspect`: what a shard says of itself."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

import fishprep
from fishcli import common
from fishprep.common.names import printable


@click.command(context_settings=common.PREP)
@click.argument("shard_file", metavar="SHARD", type=common.SHARD)
@common.usual_options
def inspect(shard_file: Path | str, **flags: Any) -> None:
    """Show what a shard says of itself.

    \b
    fishprep inspect shards/train-00000.h5
    """
    found = fishprep.inspect(shard_file)
    ids = [printable(name) for name in found.first_ids]
    if flags["json"]:
        facts = asdict(found.attributes)
        facts |= {"datasets": found.datasets, "first_ids": ids, "skin_share": found.skin_share}
        click.echo(json.dumps(facts))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name in ("split", "samples", "schema_version", "producer", "recipe", "inputs"):
        table.add_row(name, str(getattr(found.attributes, name)))
    table.add_row("first ids", ", ".join(ids))
    table.add_row("skin share", f"{found.skin_share:.2f}")
    for name, (dtype, shape) in found.datasets.items():
        table.add_row(name, f"{dtype} {shape}")
    if not found.algorithms_recorded:
        table.add_row("algorithms", "from before their versions were recorded: the first of each is assumed")
    for group in ("configuration", "weights", "versions"):
        for name, value in getattr(found.attributes, group).items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            table.add_row(f"{group}.{name}", text)
    common.console().print(table)
