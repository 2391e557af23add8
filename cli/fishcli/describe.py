"""`fishprep describe`: a finished build described for others."""

import json
from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.option("--name", show_default="the name of OUT", help="Of the set.")
@click.option("--url", default="", help="Where it will be found.")
@click.option("--creator", default="", help="Who made it.")
@click.option("--cite", default="", help="How it is cited.")
@click.option("--published", type=click.DateTime(["%Y-%m-%d"]), help="When, as 2026-11-30.")
@common.usual_options
def describe(out: Path | str, name: str | None, **flags: Any) -> None:
    """Describe a finished build for others: croissant.json (Croissant 1.1) and card.md, a dataset card, in OUT.

    Terms, counts, splits, what was dropped and why, faces by size, blur, pose and the colour of the skin's pixels, settings, hashes.

    \b
    fishprep describe shards --name "CelebA 128, parsed" --url https://example.org/celeba-128
    """
    called = (
        name
        if name is not None
        else (out.resolve().name if isinstance(out, Path) else out.rstrip("/").rpartition("/")[2])
    )
    published = flags["published"].date().isoformat() if flags["published"] else ""
    publisher = fishprep.Publisher(called, flags["url"], flags["creator"], flags["cite"], published)
    found = fishprep.describe(out, publisher)
    if flags["json"]:
        groups = {
            each.title: {group.name: group.by_split for group in each.groups} for each in found.description.groupings
        }
        click.echo(json.dumps({"croissant": found.croissant, "card": found.card, "groups": groups}))
        return
    for path in (found.croissant, found.card):
        click.echo(path)
