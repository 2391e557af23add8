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
@click.option("--where", help='What the samples come to whose rows fulfil a condition: "blur > 40" (fishprep rows).')
@common.usual_options
def inspect(shard_file: Path | str, where: str | None, **flags: Any) -> None:
    """Show what a shard says of itself.

    \b
    fishprep inspect shards/train-00000.h5
    fishprep inspect shards/train-00000.h5 --where "abs(yaw) > 30"
    """
    found = fishprep.inspect(shard_file, where)
    ids = [printable(name) for name in found.first_ids]
    if flags["json"]:
        facts = asdict(found.attributes)
        facts |= {
            "datasets": found.datasets,
            "first_ids": ids,
            "skin_share": None if found.chosen == 0 else found.skin_share,
        }
        facts |= {} if found.chosen is None else {"chosen": found.chosen}
        click.echo(json.dumps(facts))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name in ("split", "samples", "schema_version", "producer", "recipe", "inputs"):
        table.add_row(name, str(getattr(found.attributes, name)))
    if found.chosen is not None:
        table.add_row("chosen", f"{found.chosen:,} of them")
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
