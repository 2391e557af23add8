"""`fishprep models`: the weight files that can be used, their terms, and whether they are here."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

import fishprep
from fishcli import common
from fishprep.common.words import size_text

# Each command imports what it needs: `--help` must not wait for torch.


@click.group()
def models() -> None:
    """List, download and check the weights of landmark backends and parsers.

    \b
    fishprep models list
    fishprep models download bisenet
    """


@models.command("list", context_settings=common.PREP)
@common.weights_dir
@common.usual_options
def list_models(weights_dir: Path | None, **flags: Any) -> None:
    """Show every weight file: what for, size, licence, whether it is here.

    \b
    fishprep models list --json
    """
    store = fishprep.WeightStore.from_environment(weights_dir)
    if flags["json"]:
        click.echo(json.dumps([_facts(known, store) for known in records()]))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "for", "size", "here", "licence"):
        table.add_column(column, overflow="fold")
    for known in records():
        size = size_text(known.size) if known.size else "unknown"
        table.add_row(known.name, known.purpose, size, str(store.status(known)), known.licence)
    common.console().print(table)
    click.echo(f"Downloaded files are kept in {store.folder}")


@models.command(context_settings=common.PREP)
@click.argument("names", nargs=-1)
@click.option(
    "--weights-dir",
    type=common.FOLDER,
    help="Folder to put them in, instead of the cache; made where it is not there.",
)
@common.usual_options
def download(names: tuple[str, ...], weights_dir: Path | None, **flags: bool) -> None:
    """Fetch weights into the cache and check their hashes; without NAMES, all that can be downloaded.

    \b
    fishprep models download bisenet
    """
    store = fishprep.WeightStore.from_environment(weights_dir)
    paths: dict[str, str | None] = {}
    for known in _chosen(names):
        if known.url is not None:
            paths[known.name] = str(store.download(known))
            _say(f"{known.name}: {paths[known.name]}", flags["json"])
        elif names:
            paths[known.name] = None
            _say(f"{known.name}: lies in the installed package {known.package}", flags["json"])
    if flags["json"]:
        click.echo(json.dumps(paths))


@models.command("verify", context_settings=common.PREP)
@click.argument("names", nargs=-1)
@common.weights_dir
@common.usual_options
def verify_models(names: tuple[str, ...], weights_dir: Path | None, **flags: bool) -> None:
    """Check the SHA-256 of the weights that are here. Exits with 1 where one is damaged, or a NAMED one is missing.

    \b
    fishprep models verify
    """
    store = fishprep.WeightStore.from_environment(weights_dir)
    found = {known.name: store.status(known) for known in _chosen(names)}
    for name, status in found.items():
        _say(f"{name}: {status}", flags["json"])
    if flags["json"]:
        click.echo(json.dumps({name: str(status) for name, status in found.items()}))
    damaged = fishprep.WeightStatus.DAMAGED
    bad = {damaged, fishprep.WeightStatus.MISSING} if names else {damaged}
    if bad & set(found.values()):
        sys.exit(common.FAILED)


def records() -> "list[fishprep.WeightRecord]":
    """The weight files of both packages: those trained here, then those of others."""
    from fishfsr.weights import RECORDS as OF_FISHFSR
    from fishprep.common.weights import OWN_PACKAGE

    return sorted((*fishprep.WEIGHTS, *OF_FISHFSR), key=lambda known: known.package != OWN_PACKAGE)


def _say(line: str, as_json: bool) -> None:
    if not as_json:
        click.echo(line)


def _chosen(names: tuple[str, ...]) -> "list[fishprep.WeightRecord]":
    from fishprep.common.weights import find

    return [find(name, records()) for name in names] if names else records()


def _facts(known: "fishprep.WeightRecord", store: "fishprep.WeightStore") -> dict[str, object]:
    return {
        "name": known.name,
        "file": known.file,
        "purpose": known.purpose,
        "licence": known.licence,
        "url": known.url,
        "package": known.package,
        "size": known.size,
        "sha256": known.sha256,
        "status": str(store.status(known)),
        "path": str(store.path(known)),
    }
