"""Which files of a folder are a build's, and that no other is removed."""

from pathlib import Path

import pytest
from small_build import Sample, Written, face, write_build

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.names import is_own
from fishprep.builds.output import check_free, is_build, remove_build, remove_leftovers
from fishprep.builds.tables import write_plan
from fishprep.common.errors import ConfigurationError
from fishprep.shards.schema import ShardName

OWN = """configuration.json plan.parquet manifest.json samples.parquet report.html retry-0001.json retry-12345.json
train-00000.h5 val-00012.parquet test-123456.h5""".split()
FOREIGN = """celeba-20240101.h5 celeba-20240101.parquet train-0001.h5 train-000001.h5 train-00001.hdf5 Train-00001.h5 .notes.tmp
.train-00001.h5.tmp .mine.json.123.tmp notes.json retry-.json retry-notes.json retry-1.json configuration.json.bak
samples-2.parquet train-٠٠٠٠١.h5 .train-00000.h5.tmp.old""".split()
TEMPORARY = [".train-00000.h5.123.tmp", ".manifest.json.9.tmp", ".plan.parquet.77.tmp"]


def test_own_names() -> None:
    assert [name for name in OWN if not is_own(name)] == []
    assert [name for name in FOREIGN if is_own(name)] == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A build of one shard."""
    out = tmp_path / "out"
    out.mkdir()
    write_build(Written(out, tmp_path), [Sample("a", face())], [])
    write_plan(BuildFolder.at(out).storage, "plan.parquet", [[PlannedPhoto("a", "a.png", "train", "", "")]])
    return out


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_leftovers_are_own_files_of_own_shards(folder: Path) -> None:
    before = names(folder)
    for name in (*FOREIGN, *TEMPORARY, "train-00001.h5", "train-20240101.h5"):
        (folder / name).write_text("text")
    remove_leftovers(BuildFolder.at(folder), {ShardName("train", 0), ShardName("train", 1)})
    assert names(folder) == before | set(FOREIGN) | {"train-20240101.h5"}


@pytest.mark.parametrize("planned", [True, False])
def test_a_build_is_removed_and_nothing_beside_it(folder: Path, planned: bool) -> None:
    for name in (*FOREIGN, *TEMPORARY, "retry-0001.json", "report.html"):
        (folder / name).write_text("text")
    (folder / "train-20240101.h5").write_text("named as a shard, and none of this build")
    remove_build(BuildFolder.at(folder), {ShardName("train", 0)} if planned else None)
    assert names(folder) == set(FOREIGN) | ({"train-20240101.h5"} if planned else set())


def test_nothing_is_removed_where_no_build_is(tmp_path: Path) -> None:
    for name in OWN:
        (tmp_path / name).write_text("{}")
    remove_build(BuildFolder.at(tmp_path), None)
    assert names(tmp_path) == set(OWN)


def test_a_removal_that_was_stopped_leaves_a_build(folder: Path) -> None:
    """Else the folder could be neither gone on with nor overwritten."""
    (folder / "configuration.json").unlink()
    assert is_build(BuildFolder.at(folder))
    check_free(BuildFolder.at(folder), overwrite=True)


@pytest.mark.parametrize("name", ["manifest.json", "report.html", "samples.parquet", "train-00000.parquet", "mine.h5"])
def test_a_build_does_not_replace_what_is_no_builds(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("somebody's")
    with pytest.raises(ConfigurationError, match=f"{name}' but no build"):
        check_free(BuildFolder.at(tmp_path), overwrite=False)


@pytest.mark.parametrize("name", ["manifest.json", "report.html", "notes.txt", "configuration.json"])
def test_overwriting_takes_a_build(tmp_path: Path, name: str) -> None:
    check_free(BuildFolder.at(tmp_path / "not there"), overwrite=True)
    check_free(BuildFolder.at(tmp_path), overwrite=True)
    (tmp_path / name).write_text('{"name": "of another program"}')
    with pytest.raises(ConfigurationError, match=f"no build that --overwrite could remove, but '{name}'"):
        check_free(BuildFolder.at(tmp_path), overwrite=True)
