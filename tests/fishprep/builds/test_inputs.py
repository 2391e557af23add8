"""A build is planned by sizes and times: photos are read once, where they are built, and what became of them is found out."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from annotated import build, in_process, write_photo
from here import Here
from support import rows, run, shards

from fishprep.builds import drawn
from fishprep.builds.folder import BuildFolder
from fishprep.builds.inputs import changes_of
from fishprep.builds.manifest import PlannedPhoto, inputs_hash
from fishprep.builds.tables import write_plan
from fishprep.engines import ENGINES
from fishprep.places.file import File
from fishprep.shards.reader import Shard

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`photos`, and of them `out`: a build of four shards with one photo each, of which two are not there yet."""
    folder = tmp_path_factory.mktemp("stopped")
    for number in range(4):
        write_photo(folder / "photos", f"{number}", number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        build(folder / "photos", folder / "whole", "--shard-size", 1)
    shutil.copytree(folder / "whole", folder / "out")
    for path in [
        *folder.glob("out/train-0000[23].*"),
        *(folder / "out" / name for name in ("manifest.json", "samples.parquet")),
    ]:
        path.unlink()
    return folder


@pytest.fixture
def there(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it, times of the photos included."""
    shutil.copytree(stopped, tmp_path / "copy")
    return tmp_path / "copy"


def go_on(there: Path, code: int = 0, *flags: object) -> str:
    return build(there / "photos", there / "out", "--shard-size", 1, *flags, code=code).err


def touch(photo: Path) -> None:
    os.utime(photo, ns=(1, photo.stat().st_mtime_ns + 1))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the photos that this process reads."""
    names: list[str] = []
    read = File.read

    def told(self: File, *arguments: Any) -> Any:
        names.append(self.path.name)
        return read(self, *arguments)

    monkeypatch.setattr(File, "read", told)
    return names


def test_each_photo_is_opened_once_and_none_to_go_on(there: Path, opened: list[str]) -> None:
    build(there / "photos", there / "new", "--shard-size", 1)
    assert opened == ["0.png", "1.png", "2.png", "3.png"], "each once, where its shard is made"
    opened.clear()
    go_on(there)
    assert opened == ["2.png", "3.png"]
    assert shards(there / "new") == shards(there / "out") == shards(there / "whole")
    plan = pq.read_table(there / "new" / "plan.parquet").to_pylist()
    assert [line["sha256"] for line in plan] == [None] * 4
    for name, row in rows(there / "new").items():
        assert row["sha256"] == hashlib.sha256((there / "photos" / f"{name}.png").read_bytes()).hexdigest()


def test_other_settings_are_refused_before_any_photo_is_opened(there: Path, opened: list[str]) -> None:
    with_hashes(there)
    for photo in (there / "photos").glob("*.png"):
        touch(photo)
    assert "expand: None → 1.4" in go_on(there, 1, "--expand", "1.4")
    assert opened == []


def test_another_time_is_another_photo_only_where_the_bytes_are(there: Path, opened: list[str]) -> None:
    for photo in (there / "photos").glob("*.png"):
        touch(photo)
    go_on(there)
    assert sorted(opened) == ["0.png", "1.png", "2.png", "3.png"], (
        "those of which there are shards are held against their rows"
    )
    assert shards(there / "out") == shards(there / "whole")
    assert "sound" in run("fishprep", "verify", there / "out").out


@pytest.mark.parametrize(("name", "code"), [("1", 1), ("3", 0)])
def test_a_photo_of_the_same_size_that_was_written_anew(there: Path, name: str, code: int) -> None:
    """One that is built already would be in two versions in one build; of one that nobody has read there is but one."""
    photo = there / "photos" / f"{name}.png"
    data = bytearray(photo.read_bytes())
    data[-1] ^= 1  # in the last sum of the PNG
    photo.write_bytes(data)
    touch(photo)
    said = go_on(there, code)
    assert (f"photos changed: 1 ({name})" in said) == bool(code)
    if not code:
        with Shard(there / "out" / "train-00003.h5") as shard, Shard(there / "whole" / "train-00003.h5") as before:
            assert shard.attributes.inputs == before.attributes.inputs
            assert shard.attributes.contents != before.attributes.contents, "a training tells them apart"
        assert rows(there / "out")[name]["sha256"] == hashlib.sha256(data).hexdigest()
        assert "sound" in run("fishprep", "verify", there / "out").out


def test_a_photo_of_another_size_is_another_one(there: Path) -> None:
    photo = there / "photos" / "3.png"
    photo.write_bytes(photo.read_bytes() + b"more")
    assert "photos changed: 1 (3)" in go_on(there, 1)


def with_hashes(there: Path) -> None:
    """The build, as it was planned when photos were hashed first."""
    folder = BuildFolder.at(there / "out")
    lines = [
        replace(
            line, sha256=hashlib.sha256((there / "photos" / line.path).read_bytes()).hexdigest(), size=None, version=""
        )
        for line in folder.plan()
    ]
    write_plan(folder.storage, "plan.parquet", [lines])
    old = pq.read_table(there / "out" / "plan.parquet").drop_columns(["size", "version"])
    pq.write_table(old, there / "out" / "plan.parquet")
    start = there / "out" / "configuration.json"
    start.write_text(json.dumps(json.loads(start.read_text()) | {"inputs": inputs_hash(lines)}))
    for path in there.glob("out/train-*"):
        path.unlink()


def test_a_build_that_was_planned_with_hashes_goes_on_as_it_was(there: Path) -> None:
    with_hashes(there)
    plan = (there / "out" / "plan.parquet").read_bytes()
    inputs = json.loads((there / "out" / "configuration.json").read_text())["inputs"]
    for photo in (there / "photos").glob("*.png"):
        touch(photo)
    go_on(there)
    assert (there / "out" / "plan.parquet").read_bytes() == plan
    assert json.loads((there / "out" / "manifest.json").read_text())["inputs"] == inputs
    assert "sound" in run("fishprep", "verify", there / "out").out
    assert all(row["status"] == "ok" for row in rows(there / "out").values())
    photo = there / "photos" / "2.png"
    data = bytearray(photo.read_bytes())
    data[-1] ^= 1
    photo.write_bytes(data)
    assert "photos changed: 1 (2)" in go_on(there, 1)


def test_times_are_in_no_shard_and_no_row(there: Path) -> None:
    for photo in (there / "photos").glob("*.png"):
        touch(photo)
    build(there / "photos", there / "new", "--shard-size", 1)
    assert shards(there / "new") == shards(there / "whole")
    for name in ("train-00000.parquet", "samples.parquet"):
        assert (there / "new" / name).read_bytes() == (there / "whole" / name).read_bytes(), name


def test_a_split_that_was_drawn_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which would read every photo; it is where a photo is another one, or where another draw is asked for."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number in range(6):
        write_photo(photos, f"{number}", number, side=128)
    flags = ("--split", "0.5,0.5", "--shard-size", 2)
    build(photos, out, *flags)
    splits = {name: row["split"] for name, row in rows(out).items()}
    whole = shards(out)
    for path in out.glob("train-00000.*"):
        path.unlink()
    looked: list[int] = []
    same_pictures = drawn.same_pictures

    def told(photos: Any, *arguments: Any) -> Any:
        looked.append(len(photos))
        return same_pictures(photos, *arguments)

    monkeypatch.setattr(drawn, "same_pictures", told)
    build(photos, out, *flags)
    assert looked == [] and shards(out) == whole
    assert {name: row["split"] for name, row in rows(out).items()} == splits
    assert "seed" in build(photos, out, *flags, "--seed", 1, code=1).err and looked == [6]
    touch(photos / "3.png")
    build(photos, out, *flags)
    assert looked == [6, 6]
    build(photos, out, *flags, "--overwrite")
    assert looked == [6, 6, 6] and shards(out) == whole


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ([], "photos gone: 1 (a)"),
        ([{}, {"id": "b"}], "photos added: 1 (b)"),
        ([{"size": 6}], "photos changed: 1 (a)"),
        ([{"sha256": "0" * 64}], "photos changed: 1 (a)"),
        ([{"split": "val"}], "photos in another split: 1 (a)"),
        ([{"split": "test"}], "photos in another split: 1 (a)"),
        ([{"path": "b.png"}], "photos at another path: 1 (a)"),
        ([{"annotation": "other"}], "photos of which the source says something else"),
    ],
)
def test_each_kind_of_change_is_told(now: list[dict[str, object]], said: str) -> None:
    line = PlannedPhoto("a", "a.png", "train", None, "points", 5, "1")
    (told,) = changes_of([line], [replace(line, **each) for each in now])  # type: ignore[arg-type]
    assert told.startswith(said)
    assert changes_of([line], [replace(line, version="2")]) == [], "a time alone is no change"


def test_as_many_photos_by_other_names_are_others() -> None:
    line = PlannedPhoto("a", "a.png", "train", None, "points", 5, "1")
    assert changes_of([line], [replace(line, id="b")]) == ["photos added: 1 (b)", "photos gone: 1 (a)"]
