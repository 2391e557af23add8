"""`fishprep rows`: the rows of a build that a condition chooses."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.table import Table

import fishprep
from fishcli import common
from fishprep.common.names import printable
from fishprep.common.words import counted

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = ("id", "split", "status", "side", "yaw", "blur", "skin", "reason")
FIRST = 20
_BATCH = 4096


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.option("--where", help="A condition on the columns: \"blur > 40 and abs(yaw) < 30 and status == 'ok'\".")
@click.option("--sort", metavar="COLUMN", help="Smallest first; with a minus ahead (--sort=-blur) largest first.")
@click.option(
    "--columns", metavar="NAME,...", help="Which, in this order.  [default: a few; all with --csv and --json]"
)
@click.option(
    "--limit", type=click.IntRange(0), help=f"Only the first so many.  [default: {FIRST}; all with --csv and --json]"
)
@click.option("--csv", "as_csv", is_flag=True, help="The rows as CSV on stdout.")
@common.usual_options
def rows(out: Path | str, as_csv: bool, **flags: Any) -> None:
    """Show the rows of a finished build that a condition chooses, as a table, CSV or JSON.

    There is one for each face that was kept, and one for each photo of which none was. Their columns are those of
    docs/manifest.md. A condition has comparisons, also chained, `in` and `not in` with a list, `is None`, sums and products,
    `abs(...)`, `contains(column, 'text')`, `startswith`, `endswith`, with `and`, `or`, `not`.

    \b
    fishprep rows shards --where "status == 'no_face'" --columns path,candidate_score
    fishprep rows shards --where "blur < 40 or abs(yaw) > 45" --sort blur --csv > doubtful.csv
    """
    if as_csv and flags["json"]:
        raise click.UsageError("--csv and --json: one of them")
    whole = as_csv or flags["json"]
    columns = [name.strip() for name in flags["columns"].split(",")] if flags["columns"] else None if whole else SHOWN
    limit = FIRST if flags["limit"] is None and not whole else flags["limit"]
    found = fishprep.rows(out, flags["where"], sort=flags["sort"], columns=columns, limit=limit)
    if flags["json"]:
        _write_json(found.table)
    elif as_csv:
        _write_csv(found.table)
    else:
        common.console().print(_shown(found.table))
    if not flags["quiet"]:
        more = f", {len(found.table):,} of them shown: --limit" if len(found.table) < found.chosen else ""
        click.echo(f"{counted(found.chosen, 'row')} of {found.total:,}{more}", err=True)


def _values(table: "pa.Table") -> Iterator[dict[str, Any]]:
    """Row by row, ready for text: 32-bit numbers with the digits that they have."""
    short = {field.name for field in table.schema if str(field.type) == "float"}
    for batch in table.to_batches(_BATCH):
        for row in batch.to_pylist():
            yield {name: _short(value) if name in short and value is not None else value for name, value in row.items()}


def _short(value: float) -> float:
    return float(str(np.float32(value)))


def _write_json(table: "pa.Table") -> None:
    ahead = "["
    for row in _values(table):
        click.echo(f"{ahead}\n{json.dumps(row, ensure_ascii=False)}", nl=False)
        ahead = ","
    click.echo("[]" if ahead == "[" else "\n]")


def _write_csv(table: "pa.Table") -> None:
    _echo_csv(table.column_names)
    for row in _values(table):
        _echo_csv(
            "" if value is None else json.dumps(value) if isinstance(value, list) else value for value in row.values()
        )


def _echo_csv(values: Any) -> None:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    click.echo(line.getvalue(), nl=False)


def _shown(table: "pa.Table") -> Table:
    shown = Table(box=None, pad_edge=False)
    for field in table.schema:
        shown.add_column(field.name, justify="left" if str(field.type) == "string" else "right", overflow="fold")
    for row in _values(table):
        shown.add_row(*(_cell(value) for value in row.values()))
    return shown


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(value) if isinstance(value, str) else str(value)
