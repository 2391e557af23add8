"""Which samples of a shard a condition chooses, by the rows that a build has put beside it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fishprep.common.errors import ShardError
from fishprep.common.parquet import readable
from fishprep.common.where import parse_where
from fishprep.shards.schema import ShardName


def chosen_samples(path: Path, samples: int, where: str, rows: Path | None = None) -> np.ndarray:
    """(M,) int32, ascending: the samples of the shard at `path`, which has `samples` of them, of whose rows `where` is true.

    rows: where they lie, if not beside the shard.

    Raises ConfigurationError where `where` does not fit the rows, ShardError where there are none beside the shard, they are damaged
    or are not those of the shard.
    """
    name, beside = ShardName.parse(path), rows or path.with_suffix(".parquet")
    if name is None or not beside.is_file():
        raise ShardError(
            f"{path}: --where needs the rows that a build writes beside its shards, and {beside.name} is not there"
        )
    try:
        with readable(beside) as stream, pq.ParquetFile(stream) as file:
            condition = parse_where(where, file.schema_arrow)
            table = file.read(columns=list({*condition.columns, "shard", "index"}))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise ShardError(f"{beside}: damaged rows ({error}); look with: fishprep verify {path.parent}") from error
    own = np.array([shard == str(name) for shard in table.column("shard").to_pylist()], bool)
    index = np.array([place if place is not None else -1 for place in table.column("index").to_pylist()], np.int64)
    if sorted(index[own].tolist()) != list(range(samples)):
        raise ShardError(f"{beside}: not the rows of {path.name}; look with: fishprep verify {path.parent}")
    return np.sort(index[own & condition.mask(table)]).astype(np.int32)
