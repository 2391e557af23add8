"""`fishprep rows`: what a condition chooses, in three forms, held against the rows that were written."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from small_build import Sample, Written, dropped_row, face, write_build
from support import run

import fishprep
from fishprep.common.status import Status


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Written:
    root = tmp_path_factory.mktemp("rows")
    (root / "out").mkdir()
    samples = [Sample(f"p{number}", face(number * 3), "val" if number == 2 else "train") for number in range(4)]
    dropped = [
        dropped_row("q\n1", Status.NO_FACE, "no face found", candidate_score=0.25),
        dropped_row("q2", Status.UNREADABLE, "gone"),
    ]
    return write_build(Written(root / "out", root), samples, dropped)


def test_three_forms_of_one_choice(built: Written) -> None:
    asked = ("rows", built.folder, "--where", "status == 'ok' and side >= 129", "--sort=-side")
    expected = sorted(
        (row for row in built.rows.values() if row.measures and row.measures.side >= 129),
        key=lambda row: -row.measures.side,
    )  # type: ignore[union-attr]
    assert len(expected) == 2
    as_json = json.loads(run("fishprep", *asked, "--json").out)
    as_csv = list(csv.DictReader(io.StringIO(run("fishprep", *asked, "--csv").out)))
    shown = run("fishprep", *asked, "--columns", "id,blur")
    assert [row["id"] for row in as_json] == [row["id"] for row in as_csv] == [row.id for row in expected]
    for given, read, row in zip(as_json, as_csv, expected, strict=True):
        assert row.measures is not None and row.box is not None
        assert np.float32(given["blur"]) == np.float32(read["blur"]) == np.float32(row.measures.blur)
        assert given["fingerprint"] == int(read["fingerprint"]) == row.measures.fingerprint
        assert given["box"] == json.loads(read["box"]) == list(row.box) and given["note"] is None and read["note"] == ""
        assert row.id in shown.out
    assert shown.err == "2 rows of 6\n"


def test_nulls_limits_and_lines_in_names(built: Written) -> None:
    ran = run(
        "fishprep",
        "rows",
        built.folder,
        "--where",
        "candidate_score > 0.2 or blur is None",
        "--sort",
        "candidate_score",
    )
    assert "q\\n1" in ran.out and "q\n1" not in ran.out and ran.out.index("q\\n1") < ran.out.index("q2"), (
        "nulls come last"
    )
    assert run("fishprep", "rows", built.folder, "--limit", 0, "--json").out == "[]\n"
    ran = run("fishprep", "rows", built.folder, "--limit", 1, "--columns", "id")
    assert ran.err == "6 rows of 6, 1 of them shown: --limit\n" and len(ran.out.splitlines()) == 2
    assert fishprep.rows(built.folder, limit=3).table.column("id").to_pylist() == list(built.rows)[:3]


def test_more_rows_than_are_read_at_once(built: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fishprep.rows(built.folder, "split == 'train'", sort="id")
    monkeypatch.setattr("fishprep.public.rows._BATCH", 1)
    assert fishprep.rows(built.folder, "split == 'train'", sort="id") == whole
    assert fishprep.rows(built.folder, "split == 'train'", limit=2).chosen == whole.chosen == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--where", "sharpness > 3"), "no column 'sharpness'; there are id, photo"),
        (("--where", "blur >"), "type it like: blur > 40"),
        (("--columns", "id,what"), "no column 'what'"),
        (("--sort", "box"), "box is a list"),
        (("--sort", "-"), "no column"),
    ],
)
def test_what_does_not_fit_is_one_line(words: tuple[str, ...], said: str, built: Written) -> None:
    ran = run("fishprep", "rows", built.folder, *words, code=1)
    assert said in ran.err and ran.err.count("\n") == 1 and not ran.out


def test_what_is_no_finished_build(built: Written, tmp_path: Path) -> None:
    assert "not a finished build" in run("fishprep", "rows", tmp_path, code=1).err
    (tmp_path / "samples.parquet").write_bytes((built.folder / "samples.parquet").read_bytes()[:-30])
    assert "samples.parquet" in run("fishprep", "rows", tmp_path, code=1).err
    (tmp_path / "samples.parquet").write_bytes((built.folder / "train-00000.h5").read_bytes())
    assert "samples.parquet" in run("fishprep", "rows", tmp_path, code=1).err
    run("fishprep", "rows", built.folder, "--csv", "--json", code=2)
