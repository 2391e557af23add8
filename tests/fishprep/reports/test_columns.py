"""Columns and chosen rows are those of the table, whatever its row groups; anything else is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_build import Written

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ROW_SCHEMA
from fishprep.builds.names import SAMPLES
from fishprep.common.errors import BuildError
from fishprep.common.status import Status
from fishprep.reports.columns import read_chosen, read_columns


def test_columns_and_rows_are_those_of_the_table(built: Written) -> None:
    folder = BuildFolder.at(built.folder)
    rows = pq.read_table(built.folder / SAMPLES).to_pylist()
    columns = read_columns(folder)
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
    assert read_chosen(folder, [15, 2, 2, 7]) == {2: rows[2], 7: rows[7], 15: rows[15]}


def test_a_table_of_an_older_build_has_no_score(built: Written, tmp_path: Path) -> None:
    folder = BuildFolder.at(tmp_path)
    pq.write_table(pq.read_table(built.folder / SAMPLES).drop_columns("score"), tmp_path / SAMPLES)
    columns = read_columns(folder)
    kept = int(np.flatnonzero(columns.kept)[0])
    assert "score" not in read_chosen(folder, [kept])[kept]
    assert folder.samples()["score"].null_count == len(columns)


def test_large_tables_are_read_in_parts(built: Written, tmp_path: Path) -> None:
    rows = pq.read_table(built.folder / SAMPLES).to_pylist()
    many = [dict(row, index=number) for number, row in enumerate(rows * 700)]
    pq.write_table(pa.Table.from_pylist(many, schema=ROW_SCHEMA), tmp_path / SAMPLES, row_group_size=3000)
    np.testing.assert_array_equal(read_columns(BuildFolder.at(tmp_path)).index, np.arange(len(many)))
    chosen = [0, 2999, 3000, 4095, 4096, 8191, 11199]
    found = read_chosen(BuildFolder.at(tmp_path), chosen)
    assert {number: row["index"] for number, row in found.items()} == {number: number for number in chosen}


def test_counts_are_sorted_by_frequency_then_name(built: Written) -> None:
    columns = read_columns(BuildFolder.at(built.folder))
    assert list(columns.status.counts(np.ones(16, bool)).items()) == [
        ("ok", 12),
        ("no_face", 2),
        ("missing", 1),
        ("undecodable", 1),
    ]


def test_what_is_no_table_of_rows_is_refused(tmp_path: Path) -> None:
    for name in ("other", "empty", "junk", "gone"):
        (tmp_path / name).mkdir()
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "other" / SAMPLES)
    pq.write_table(ROW_SCHEMA.empty_table(), tmp_path / "empty" / SAMPLES)
    (tmp_path / "junk" / SAMPLES).write_bytes(b"PAR1 junk")
    for name, said in (("other", "columns"), ("empty", "no rows"), ("junk", "damaged"), ("gone", "missing")):
        with pytest.raises(BuildError, match=said):
            read_columns(BuildFolder.at(tmp_path / name))
