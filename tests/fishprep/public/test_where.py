"""`--where` of export, report and inspect: what is chosen is as it is among all, and nothing else is there."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_build import Sample, Written, dropped_row, face, write_build
from support import run

import fishprep
from fishprep.common.errors import ConfigurationError, ShardError
from fishprep.common.status import Status


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces of two splits and people, a dropped photo among them."""
    folder = tmp_path_factory.mktemp("built")
    samples = [
        Sample("a", face(), identity="1"),
        Sample("b/c", face(noise=1), identity="2"),
        Sample("B/c", face(noise=2), identity="1"),
        Sample("d", face(noise=3), "test", identity="2"),
    ]
    return write_build(Written(folder, folder), samples, [dropped_row("gone", Status.NO_FACE, "no face found")]).folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("to", ["folder", "webdataset", "parquet", "lmdb"])
def test_an_export_of_some_faces(to: str, built: Path, tmp_path: Path) -> None:
    """They bear the names that they have among all, be it those of a case that others share."""
    found = fishprep.export(built, tmp_path / "some", to, sizes=(8,), where="identity=='1'")
    assert found.by_split == {"train": 2}
    again = fishprep.export(built, tmp_path / "some", to, sizes=(8,), where="identity == '1'")
    assert (again.written, again.resumed) == (0, 1)
    assert json.loads((tmp_path / "some" / "export.json").read_text())["where"] == "identity == '1'"
    for other in ("identity == '2'", None):
        with pytest.raises(ConfigurationError, match=r"something else \(.*where"):
            fishprep.export(built, tmp_path / "some", to, sizes=(8,), where=other)
    with pytest.raises(ConfigurationError, match="no face is chosen"):
        fishprep.export(built, tmp_path / "none", to, sizes=(8,), where="identity == '3'")
    assert not (tmp_path / "none").exists()
    if to == "folder":
        fishprep.export(built, tmp_path / "all", to, sizes=(8,))
        whole, some = files(tmp_path / "all"), files(tmp_path / "some")
        pictures = {name for name in some if name.endswith(".png")}
        assert all(some[name] == whole[name] for name in pictures) and len(pictures) == 4 < len(whole) / 2
        lines = [json.loads(line) for line in some["train.jsonl"].splitlines()]
        assert [line["id"] for line in lines] == ["a", "B/c"] and [line["index"] for line in lines] == [0, 2]
        assert set(some["train.jsonl"].splitlines()) < set(whole["train.jsonl"].splitlines())
        with pytest.raises(ConfigurationError, match="something else"):
            fishprep.export(built, tmp_path / "all", to, sizes=(8,), where="identity == '1'")


def test_shards_without_rows_are_refused(built: Path, tmp_path: Path) -> None:
    (tmp_path / "train-00000.h5").write_bytes((built / "train-00000.h5").read_bytes())
    ran = run("fishprep", "export", tmp_path, tmp_path / "out", "--where", "blur > 0", code=1)
    assert "needs the rows" in ran.err and not (tmp_path / "out").exists()
    with pytest.raises(ShardError, match="needs the rows"):
        fishprep.inspect(tmp_path / "train-00000.h5", "blur > 0")


def test_a_report_on_some_rows(built: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    fishprep.report(built, page, where="identity == '1' and split=='train'")
    text = page.read_text()
    assert "2 faces from 2 photos" in text and "identity == &#39;1&#39; and split == &#39;train&#39;" in text
    assert "B/c" in text and "b/c" not in text and "no face found" not in text
    run("fishprep", "report", built, "--where", "status == 'no_face'", "--html", page)
    text = page.read_text()
    assert "0 faces from 1 photos" in text and "no face found" in text and "<svg viewBox" not in text
    for where, said in (
        ("identity == '3'", "no row is chosen"),
        ("size > 3", "no column 'size'"),
        ("blur >", "no condition"),
    ):
        assert said in run("fishprep", "report", built, "--where", where, "--html", page, code=1).err
    assert "by --html" in run("fishprep", "report", built, "--where", "blur > 0", code=1).err
    assert not (built / "report.html").exists()


def test_what_a_shard_says_of_some_samples(built: Path) -> None:
    shard = built / "train-00000.h5"
    facts = json.loads(run("fishprep", "inspect", shard, "--where", "identity == '1'", "--json").out)
    assert (facts["samples"], facts["chosen"], facts["first_ids"]) == (3, 2, ["a", "B/c"])
    with fishprep.open_shards(shard) as faces:
        expected = np.mean([faces[index].skin(8).mean() for index in (0, 2)])
    assert facts["skin_share"] == pytest.approx(float(expected))
    assert "2 of them" in run("fishprep", "inspect", shard, "--where", "identity == '1'").out
    assert "chosen" not in json.loads(run("fishprep", "inspect", shard, "--json").out)
    none = json.loads(run("fishprep", "inspect", shard, "--where", "blur < 0", "--json").out)
    assert (none["chosen"], none["first_ids"], none["skin_share"]) == (0, [], None)
    assert "0 of them" in run("fishprep", "inspect", shard, "--where", "blur < 0").out
