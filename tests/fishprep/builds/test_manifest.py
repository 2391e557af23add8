"""Tables as other programs read them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from small_build import Sample, Written, dropped_row, face, write_build

from fishprep.common.status import Status


def test_no_bit_of_a_fingerprint_is_lost_where_nulls_are_floats(tmp_path: Path) -> None:
    dropped = [dropped_row("b", Status.NO_FACE, "no face found")]
    write_build(Written(tmp_path, tmp_path), [Sample("a", face())], dropped)
    for name in ("train-00000.parquet", "samples.parquet"):
        column = pq.read_table(tmp_path / name)["fingerprint"].to_numpy()  # as pandas does
        assert column.dtype == np.uint64 and 0 < column[0] != int(float(column[0])) and column[1] == 0, name
