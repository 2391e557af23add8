"""`fishprep.rows`: the rows of a build that a condition chooses."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ROW_SCHEMA, are_rows
from fishprep.builds.names import SAMPLES
from fishprep.common.errors import BuildError, ConfigurationError, unusable
from fishprep.common.where import Where, parse_where
from fishprep.public.settings import StrPath
from fishprep.storage.named import located

_BATCH = 4096


@dataclass(frozen=True)
class RowsFound:
    """table: the rows, of the columns that were asked for. chosen: how many the condition chooses, of `total`."""

    table: pa.Table
    chosen: int
    total: int


def rows(
    out: StrPath,
    where: str | None = None,
    *,
    sort: str | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> RowsFound:
    """The rows of the finished build in `out`, a folder or a bucket, that `where` chooses (`blur > 40 and abs(yaw) < 30`).

    sort: a column, smallest first, equal ones in their order, nulls last; with `-` ahead, largest first. columns: that are wanted
    (all; docs/manifest.md). limit: only the first so many. The table is read a piece at a time: memory grows with the rows that are
    chosen, without `sort` with those that are returned. Raises ConfigurationError for a column that there is not and a condition
    that does not fit, BuildError where the build is not finished or its rows are damaged.
    """
    condition = None if where is None else parse_where(where, ROW_SCHEMA)
    key = None if sort is None else sort.removeprefix("-")
    wanted = list(ROW_SCHEMA.names if columns is None else columns)
    for name in (*wanted, *([] if key is None else [key])):
        if name not in ROW_SCHEMA.names:
            raise ConfigurationError(f"no column {name!r}; there are {', '.join(ROW_SCHEMA.names)}")
    if key is not None and pa.types.is_fixed_size_list(ROW_SCHEMA.field(key).type):
        raise ConfigurationError(f"{key} is a list: rows cannot be sorted by it")
    read = list(dict.fromkeys([*wanted, *([] if key is None else [key])]))
    found = _read(BuildFolder.at(located(out)), condition, read, limit if key is None else None)
    order = "descending" if (sort or "").startswith("-") else "ascending"
    table = found.table if key is None else found.table.sort_by([(key, order)])
    return RowsFound(table.select(wanted).slice(0, limit), found.chosen, found.total)


def _read(folder: BuildFolder, condition: Where | None, columns: list[str], limit: int | None) -> RowsFound:
    kept: list[pa.Table] = []
    chosen = total = 0
    try:
        with folder.samples_to_read() as file:
            if not are_rows(file.schema_arrow):
                raise BuildError(f"{folder.where(SAMPLES)}: not the rows of a build")
            for batch in file.iter_batches(_BATCH):
                some = _whole(batch)
                total += len(some)
                some = some if condition is None else some.filter(pa.array(condition.mask(some)))
                if limit is None or chosen < limit:
                    kept.append(some.select(columns))
                chosen += len(some)
    except FileNotFoundError as error:
        raise BuildError(f"{folder}: no {SAMPLES} in it: not a finished build; run `fishprep build` again") from error
    except (OSError, pa.ArrowException) as error:
        raise unusable(folder.where(SAMPLES), error, f"damaged rows ({error})") from error
    schema = pa.schema([ROW_SCHEMA.field(name) for name in columns])
    return RowsFound(pa.concat_tables([schema.empty_table(), *kept]).slice(0, limit), chosen, total)


def _whole(batch: pa.RecordBatch) -> pa.Table:
    """With all columns of today: those that an older build lacks are null."""
    table = pa.Table.from_batches([batch])
    there = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(len(table), field.type)
        for field in ROW_SCHEMA
    ]
    return pa.table(there, schema=ROW_SCHEMA)
