"""Every fact that a build records is checked: changed by hand, one after another, each is found; and mended where it can be."""

import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotated import build, in_process, move, write_photo
from here import Here
from support import rows, run

from fishprep.builds import manifest
from fishprep.builds.bookkeeping import check_tables
from fishprep.builds.folder import BuildFolder
from fishprep.builds.repair import repair
from fishprep.builds.verify import verify
from fishprep.engines import ENGINES

__all__ = ["in_process"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with two splits, of three shards and one that kept nothing, and a retry in it."""
    photos, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("whole")
    for number in range(7):
        write_photo(
            photos, f"{'test' if number > 4 else 'train'}/{number}", number, side=128 if number in (1, 4) else 256
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        build(photos, out, "--shard-size", 2, "--min-side", 200, "--licence", "CC0")
        run("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, "--device", "cpu", "--workers", 1)
    return out


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def problems(out: Path) -> str:
    return "\n".join(verify(out, None).problems)


def change(path: Path, column: str, value: Any, row: int = 0, hashed: bool = False) -> None:
    """Another value in a table; `hashed`: as if it had been written so, with the right hash."""
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] = value(values[row]) if callable(value) else value
    metadata = table.schema.metadata
    table = table.set_column(
        table.schema.get_field_index(column),
        table.schema.field(column),
        pa.array(values, table.schema.field(column).type),
    )
    if hashed:
        record = json.loads(metadata[b"record"]) | {"rows_sha256": manifest.rows_hash(table)}
        metadata = metadata | {b"record": json.dumps(record).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def other(value: Any) -> Any:
    match value:
        case None:
            return None
        case str():
            return value + "x"
        case list():
            return [number + 1 for number in value]
        case bool():
            return not value
    return value + 1


def test_a_whole_build_is_sound(whole: Path) -> None:
    assert problems(whole) == "" and len(rows(whole)) == 7
    assert {row["status"] for row in rows(whole).values()} == {"ok"}
    assert len(list(whole.glob("*.h5"))) == 4


@pytest.mark.parametrize("table", ["train-00001.parquet", "samples.parquet"])
def test_every_column_of_every_table(whole: Path, out: Path, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checking = import_module("fishprep.builds.verify")
    monkeypatch.setattr(checking, "pieces_of", cache(checking.pieces_of))  # no shard is changed
    for column in manifest.ROW_SCHEMA.names:
        shutil.copy(whole / table, out / table)
        filled = pq.read_table(out / table)[column].to_pylist()[0] is not None
        empty = {"licence": "", "identity": "somebody", "reason": "", "note": "", "score": 1.0, "angle": 1.0}
        empty |= {"candidate": "blazeface", "candidate_score": 0.3, "candidate_box": [0.0, 0.0, 9.0, 9.0]}
        change(out / table, column, other if filled else empty[column])
        words = f"{table}: changed since it was written" if table != "samples.parquet" else f"{table}: holds other rows"
        assert words in problems(out), column
    repair(out)
    assert problems(out) == "" and pq.read_table(out / table) == pq.read_table(whole / table)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all plain values in JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield place
        return
    for key, inner in items:
        yield from leaves(inner, (*place, key))


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "from before there was a seal"])
def test_every_fact_of_the_manifest(out: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    read = cache(BuildFolder.rows)
    monkeypatch.setattr(
        BuildFolder,
        "rows",
        lambda folder, name, columns=None: read(folder, name).select(columns) if columns else read(folder, name),
    )  # the manifest alone is changed
    path = out / "manifest.json"
    text = path.read_text()
    whole, records = json.loads(text), BuildFolder.at(out).finished()
    if not sealed:
        del whole["seal"]
    unknown = set() if sealed else {("producer",), ("schema_version",)}
    for place in set(leaves(whole)) - unknown:
        said = json.loads(json.dumps(whole))
        holder = said
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = "x" if holder[place[-1]] is None else other(holder[place[-1]])
        path.write_text(json.dumps(said))
        assert list(check_tables(BuildFolder.at(out), records)), place
    for key in whole.keys() - {name for (name, *_) in unknown}:
        path.write_text(
            json.dumps(
                {name: value for name, value in whole.items() if name != key} | ({"seal": "?"} if sealed else {})
            )
        )
        assert list(check_tables(BuildFolder.at(out), records)), key
    monkeypatch.undo()
    repair(out)
    assert problems(out) == "" and path.read_text() == text


CONSISTENT: dict[str, tuple[str, Any, str]] = {
    "split": ("split", "test", "its split is `test`, in the plan `train`"),
    "path": ("path", "train/9.png", "its path is 'train/9.png', in the plan 'train/2.png'"),
    "photo": ("photo", "train/9", "its photos are not those of train-00001 in the plan"),
    "sha256": ("sha256", "0" * 64, "its photos had other bytes than train-00001.parquet says"),
    "id": ("id", "train/2x", "its samples are not those of train-00001.parquet"),
    "index": ("index", 5, "do not go together"),
    "shard": ("shard", "train-00000", "do not go together"),
    "status": ("status", "no_face", "do not go together"),
    "box": ("box", [0.0, 0.0, 5.0, 5.0], "its boxes are not those of train-00001.parquet"),
}


@pytest.mark.parametrize("name", CONSISTENT)
def test_rows_that_were_written_wrongly(out: Path, name: str) -> None:
    """Whatever their hash says: against the plan and against the shard."""
    column, value, words = CONSISTENT[name]
    change(out / "train-00001.parquet", column, value, hashed=True)
    assert words in problems(out)


@pytest.mark.parametrize("column", ["id", "split", "annotation", "path"])
def test_the_plan(out: Path, column: str) -> None:
    change(out / "plan.parquet", column, other if column != "split" else "test")
    assert "plan" in problems(out)


RECORDED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "recipe": (lambda facts: facts.update(recipe="0" * 64), "made by another recipe"),
    "inputs": (lambda facts: facts.update(inputs="0" * 64), "made from other inputs"),
    "settings": (lambda facts: facts["configuration"].update(expand=1.7), "expand: None → 1.7"),
    "weights": (lambda facts: facts["configuration"].update(weights={"a": "0" * 64}), "other weights"),
    "versions": (lambda facts: facts["versions"].update(numpy="0.1"), "other versions of libraries"),
}


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize(("file", "shard"), [("configuration.json", "train-00001"), ("retry-0001.json", "train-00003")])
def test_shards_are_what_was_recorded(out: Path, name: str, file: str, shard: str) -> None:
    damage, words = RECORDED[name]
    facts = json.loads((out / file).read_text())
    damage(facts)
    (out / file).write_text(json.dumps(facts))
    assert any(shard in line and words in line for line in verify(out, None).problems)


def test_a_shard_under_another_name(out: Path) -> None:
    move(out, "train-00000", "train-00009")
    found = problems(out)
    assert "train-00009.parquet: neither of the build nor of a retry" in found and "the build is not finished" in found
    move(out, "train-00009", "test-00000")
    assert "test-00000.h5: holds samples of the split `train`" in problems(out)


def test_a_retry_that_speaks_of_other_photos(out: Path) -> None:
    facts = json.loads((out / "retry-0001.json").read_text())
    facts["photos"] = ["test/5"]
    (out / "retry-0001.json").write_text(json.dumps(facts))
    assert "retry-0001.json: its shards are not those of its photos" in problems(out)


def test_a_shard_against_its_rows_and_its_hash(out: Path) -> None:
    with h5py.File(out / "train-00001.h5", "a") as file:
        file["box"][0] += 1
    found = problems(out)
    assert "bytes have changed" in found and "its boxes are not those of" in found


@pytest.mark.parametrize(
    ("dataset", "value", "words"),
    [
        ("skin/64", 2, "skin/64 holds 2, the largest valid value is 1"),
        ("landmarks", float("nan"), "landmarks that are not finite"),
        ("box", 0.0, "a crop box without extent"),
        ("split", "val", "samples of another split than the shard's"),
    ],
)
def test_values_that_the_format_forbids(out: Path, dataset: str, value: Any, words: str) -> None:
    with h5py.File(out / "train-00001.h5", "a") as file:
        file[dataset][0] = value
    assert words in problems(out)


@pytest.mark.parametrize("said", [{"rows": 9}, {"samples": 9}, {"name": "train-00007"}])
def test_a_record_of_other_rows(out: Path, said: dict[str, Any]) -> None:
    path = out / "train-00001.parquet"
    table = pq.read_table(path)
    record = json.loads(table.schema.metadata[b"record"]) | said
    pq.write_table(table.replace_schema_metadata({b"record": json.dumps(record).encode()}), path)
    assert "train-00001.parquet: its record speaks of other rows" in problems(out)


def test_a_record_of_other_pieces(out: Path) -> None:
    """By which a training fetches parts of a shard, and proves them."""
    path = out / "train-00001.parquet"
    table = pq.read_table(path)
    record = json.loads(table.schema.metadata[b"record"]) | {"pieces": {"image/128": [0, 8, "0" * 64]}}
    pq.write_table(table.replace_schema_metadata({b"record": json.dumps(record).encode()}), path)
    assert "train-00001.h5: its pieces are not those that were recorded" in problems(out)


def test_shards_that_nobody_speaks_of(out: Path) -> None:
    shutil.copy(out / "train-00000.h5", out / "celeba.h5")
    (out / "train-00001.parquet").unlink()
    found = problems(out)
    assert "celeba.h5: no shard of this build" in found and "train-00001.h5: no rows for it" in found


def test_samples_of_another_length(out: Path) -> None:
    table = pq.read_table(out / "samples.parquet")
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), out / "samples.parquet")
    assert "samples.parquet: holds more rows" in problems(out)
    pq.write_table(table.slice(0, 3), out / "samples.parquet")
    assert "samples.parquet: holds other rows than" in problems(out)


def test_lost_rows_are_restored(whole: Path, out: Path) -> None:
    (out / "train-00001.parquet").unlink()
    (out / "test-00000.parquet").write_bytes(b"PAR1 and nothing else")
    repair(out)
    assert problems(out) == ""
    assert pq.read_table(out / "train-00001.parquet") == pq.read_table(whole / "train-00001.parquet")


def test_rows_that_are_nowhere_else_are_not_made_up(out: Path) -> None:
    """Two files changed alike: neither is written into the other, and the words say what to do."""
    for table in ("test-00000.parquet", "samples.parquet"):
        change(out / table, "licence", "mine", row=0 if table.startswith("test") else -2)
    before = (out / "manifest.json").read_text()
    (out / "samples.parquet").unlink()
    refused = run("fishprep", "verify", out, "--repair", code=1).err
    assert "test-00000.parquet" in refused and "delete it and test-00000.h5, and build again" in refused
    assert (out / "manifest.json").read_text() == before


def test_rows_of_a_shard_that_is_gone_are_not_restored(out: Path) -> None:
    """`build` makes both anew; it would not where rows speak of a shard."""
    for end in (".parquet", ".h5"):
        (out / f"train-00001{end}").unlink()
    repair(out)
    assert not (out / "train-00001.parquet").exists()


def test_a_manifest_that_was_changed_restores_nothing(out: Path) -> None:
    (out / "train-00001.parquet").unlink()
    said = json.loads((out / "manifest.json").read_text())
    next(record for record in said["shards"] if record["name"] == "train-00001")["sha256"] = "0" * 64
    (out / "manifest.json").write_text(json.dumps(said))
    repair(out)
    assert not (out / "train-00001.parquet").exists()


def test_an_unfinished_build_gets_no_manifest(out: Path) -> None:
    for path in (out / "train-00001.h5", out / "train-00001.parquet", out / "manifest.json", out / "samples.parquet"):
        path.unlink()
    assert "the build is not finished" in run("fishprep", "verify", out, "--repair", code=1).out
    assert not (out / "manifest.json").exists()


def test_equal_files_in_two_splits_are_told(tmp_path: Path) -> None:
    for name in ("train/a", "test/b", "test/c"):
        write_photo(tmp_path / "photos", name, 2 if name == "test/c" else 1)
    build(tmp_path / "photos", tmp_path / "out")
    found = verify(tmp_path / "out", None)
    assert (
        not found.problems
        and "1 photo of the same bytes" in found.notes[0]
        and "'train/a' in `train`" in found.notes[0]
    )
