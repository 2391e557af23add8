"""Columns and chosen rows are those of the table, whatever its row groups; anything else is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_build import Written

from fishprep.builds.manifest import ROW_SCHEMA, SAMPLES, read_rows
from fishprep.common.errors import BuildError
from fishprep.common.status import Status
from fishprep.reports.columns import read_chosen, read_columns


def test_columns_and_rows_are_those_of_the_table(built: Written) -> None:
    path = built.folder / SAMPLES
    rows = pq.read_table(path).to_pylist()
    columns = read_columns(path)
    assert len(columns) == len(rows) == 16
    for number, row in enumerate(rows):
        assert columns.status[number] == row["status"] and columns.split[number] == row["split"]
        assert columns.backend[number] == (row["landmark_backend"] or "")
        assert bool(columns.kept[number]) == (row["status"] == Status.OK)
        assert int(columns.fingerprint[number]) == (row["fingerprint"] or 0)
        np.testing.assert_equal(
            columns.measures["blur"][number], np.float32("nan" if row["blur"] is None else row["blur"])
        )
        assert (columns.content[number] == 0) == (row["sha256"] == "")
    place = columns.place(int(np.flatnonzero(columns.kept)[5]))
    assert (place.shard, place.index) == (rows[5]["shard"], rows[5]["index"])
    assert read_chosen(path, [15, 2, 2, 7]) == {2: rows[2], 7: rows[7], 15: rows[15]}


def test_a_table_of_an_older_build_has_no_score(built: Written, tmp_path: Path) -> None:
    path = tmp_path / "older.parquet"
    pq.write_table(pq.read_table(built.folder / SAMPLES).drop_columns("score"), path)
    columns = read_columns(path)
    kept = int(np.flatnonzero(columns.kept)[0])
    assert "score" not in read_chosen(path, [kept])[kept]
    assert read_rows(path)["score"].null_count == len(columns)


def test_large_tables_are_read_in_parts(built: Written, tmp_path: Path) -> None:
    rows = pq.read_table(built.folder / SAMPLES).to_pylist()
    many = [dict(row, index=number) for number, row in enumerate(rows * 700)]
    pq.write_table(pa.Table.from_pylist(many, schema=ROW_SCHEMA), tmp_path / "many.parquet", row_group_size=3000)
    np.testing.assert_array_equal(read_columns(tmp_path / "many.parquet").index, np.arange(len(many)))
    chosen = [0, 2999, 3000, 4095, 4096, 8191, 11199]
    found = read_chosen(tmp_path / "many.parquet", chosen)
    assert {number: row["index"] for number, row in found.items()} == {number: number for number in chosen}


def test_counts_are_sorted_by_frequency_then_name(built: Written) -> None:
    columns = read_columns(built.folder / SAMPLES)
    assert list(columns.status.counts(np.ones(16, bool)).items()) == [
        ("ok", 12),
        ("no_face", 2),
        ("missing", 1),
        ("undecodable", 1),
    ]


def test_what_is_no_table_of_rows_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "other.parquet")
    pq.write_table(ROW_SCHEMA.empty_table(), tmp_path / "empty.parquet")
    (tmp_path / "junk.parquet").write_bytes(b"PAR1 junk")
    for name, said in (("other", "columns"), ("empty", "no rows"), ("junk", "damaged"), ("gone", "missing")):
        with pytest.raises(BuildError, match=said):
            read_columns(tmp_path / f"{name}.parquet")
