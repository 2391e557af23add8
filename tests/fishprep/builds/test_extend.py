"""Photos that come later: further shards, the same splits for everybody, and nothing of what stands changed."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from annotated import build, in_process, points, write_photo, write_points
from support import Ran, rows, run, shards

from fishprep.builds import extend as extending
from fishprep.builds.folder import BuildFolder

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

PLACE = ("shard", "index")


def extend(out: Path, *more: object, code: int | None = 0) -> Ran:
    return run("fishprep", "extend", out, *more, "--workers", 1, code=code)


def photos_of(folder: Path, *numbers: int, part: str = "") -> None:
    for number in numbers:
        write_photo(folder, f"{part}{number:02d}", number, side=140 + 2 * number)


def apart(out: Path) -> dict[str, dict[str, Any]]:
    """Rows by id without the place of each in its shard."""
    return {name: {k: v for k, v in row.items() if k not in PLACE} for name, row in rows(out).items()}


@pytest.fixture
def five(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of 5 photos, and its build: 3 shards."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos_of(photos, *range(5))
    build(photos, out, "--shard-size", 2)
    return photos, out


def sound(out: Path) -> None:
    assert "sound" in run("fishprep", "verify", out).out


def test_new_photos_become_further_shards(five: tuple[Path, Path], tmp_path: Path) -> None:
    photos, out = five
    before, old = shards(out), rows(out)
    photos_of(photos, 5, 6, 7)
    said = extend(out)
    assert "added: 3 photos (3 train)" in said.out
    assert {name: shards(out)[name] for name in before} == before
    after = rows(out)
    assert {name: after[name] for name in old} == old
    assert {after[f"{number:02d}"]["shard"] for number in (5, 6, 7)} == {"train-00003", "train-00004"}
    sound(out)
    whole = tmp_path / "whole"
    build(photos, whole, "--shard-size", 2)
    assert apart(out) == apart(whole), "what a build of all of them says of each"
    stood = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "nothing to add" in extend(out).out
    assert {path.name: path.read_bytes() for path in out.iterdir()} == stood


def test_two_halves_give_what_once_gives(five: tuple[Path, Path], tmp_path: Path) -> None:
    photos, out = five
    other = tmp_path / "other"
    shutil.copytree(out, other)
    photos_of(photos, 5, 6)
    extend(out)
    photos_of(photos, 7, 8)
    extend(out)
    extend(other)
    assert rows(out) == rows(other), "halves of whole shards stand in the same shards too"
    assert len(list(out.glob("extend-*.parquet"))) == 2
    sound(out)


def test_what_is_gone_or_changed_is_listed_and_stays(five: tuple[Path, Path]) -> None:
    photos, out = five
    before = shards(out), rows(out)
    (photos / "00.png").unlink()
    write_photo(photos, "01", 77)
    os.utime(photos / "02.png", ns=(1, 1))  # the same bytes
    data = (photos / "03.png").read_bytes()
    (photos / "03.png").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # of the same size
    write_points(photos / "04.png", points() * 0.5)
    told = json.loads(extend(out, "--json").out)
    assert (told["gone"], told["changed"], told["redescribed"]) == (["00.png"], ["01.png", "03.png"], ["04.png"])
    assert told["added"] == {} and (shards(out), rows(out)) == before
    photos_of(photos, 9)
    said = extend(out).out
    assert "1 photo gone from the source" in said and "'00.png'" in said and "2 photos with other bytes" in said
    (file,) = out.glob("extend-*.parquet")
    facts = json.loads(pq.read_schema(file).metadata[b"extension"])
    assert facts["gone"] == ["00.png"] and facts["changed"] == ["01.png", "03.png"]
    assert json.loads((out / "manifest.json").read_text())["extensions"] == [facts]
    assert rows(out).keys() == {"00", "01", "02", "03", "04", "09"}
    sound(out)


def test_a_second_source(five: tuple[Path, Path], tmp_path: Path) -> None:
    """Names that come again are other photos, and want a word before them; equal photos stand already."""
    photos, out = five
    second = tmp_path / "second"
    photos_of(second, 20, 21)
    shutil.copy(photos / "00.png", second)
    shutil.copy(photos / "00.pts", second)
    os.utime(second / "00.png", ns=(1, 1))
    assert json.loads(extend(out, second, "--json").out)["already"] == 1
    assert rows(out).keys() == {"00", "01", "02", "03", "04", "20", "21"}
    third = tmp_path / "third"
    photos_of(third, 30, 31)
    write_photo(third, "01", 50)
    refused = extend(out, third, code=1).err
    assert "1 photo called as other photos" in refused and "'01.png'" in refused and "--prefix WORD" in refused
    assert len(list(out.glob("extend-*"))) == 1
    assert "expected a word" in extend(out, third, "--prefix", "../up", code=1).err
    extend(out, third, "--prefix", "third")
    found = rows(out)["third/01"]
    assert found["path"] == "third/01.png" and found["status"] == "ok"
    sound(out)
    photos_of(third, 32)
    assert json.loads(extend(out, third, "--prefix", "third", "--json").out)["added"] == {"train": 1}
    photos_of(photos, 6)
    assert json.loads(extend(out, "--json").out)["added"] == {"train": 1}
    sound(out)


def test_retry_takes_up_photos_of_extensions(tmp_path: Path) -> None:
    photos, second, out = tmp_path / "photos", tmp_path / "second", tmp_path / "out"
    write_photo(photos, "a", 1)
    build(photos, out, "--min-side", 200)
    write_photo(photos, "b", 2, side=128)
    extend(out)
    write_photo(second, "a", 3, side=128)
    extend(out, second, "--prefix", "more")
    assert {row["status"] for name, row in rows(out).items() if name != "a"} == {"too_small"}
    again = ("retry", out, "--status", "too_small", "--min-side", 64, "--device", "cpu", "--workers", 1)
    gone = second.rename(tmp_path / "elsewhere")
    assert f"{second}: " in run("fishprep", *again, code=1).err, "whose photos are wanted"
    gone.rename(second)
    run("fishprep", *again)
    assert {row["status"] for row in rows(out).values()} == {"ok"}
    sound(out)
    write_photo(photos, "c", 4)
    extend(out)
    assert rows(out)["c"]["shard"] > rows(out)["more/a"]["shard"]
    sound(out)


def test_a_lost_shard_is_made_anew_by_whoever_made_it(five: tuple[Path, Path], tmp_path: Path) -> None:
    photos, out = five
    photos_of(photos, 5, 6, 7)
    extend(out)
    before = shards(out)
    photos_of(photos, 8)
    for name in ("train-00001", "train-00003"):
        (out / f"{name}.h5").unlink()
        (out / f"{name}.parquet").unlink()
    assert "run its `fishprep build` again before the extension" in extend(out, code=1).err
    refused = build(photos, out, "--shard-size", 2, code=1).err
    assert "photos added: 1 (08)" in refused and "fishprep extend" in refused
    (photos / "08.png").rename(tmp_path / "08.png")
    build(photos, out, "--shard-size", 2)
    (tmp_path / "08.png").rename(photos / "08.png")
    assert "extend-0001.parquet" in run("fishprep", "retry", out, "--status", "too_small", code=1).err
    said = extend(out)
    assert "1 photo came to the source since" in said.out
    assert shards(out) == before
    extend(out)
    assert len(rows(out)) == 9
    sound(out)


@pytest.mark.parametrize("at", ["write_shard", "commit", "samples_to_write", "write_manifest"])
def test_a_stopped_extension_goes_on(five: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    photos, out = five
    photos_of(photos, 5, 6, 7)
    real, calls = getattr(BuildFolder, at), iter([True, False])

    def stop(*arguments: Any) -> Any:
        if at in ("write_shard", "commit") and next(calls):
            return real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BuildFolder, at, stop)
        assert "are kept; to go on:" in extend(out, code=130).err
    assert "retry" in run("fishprep", "retry", out, "--status", "too_small", code=1).err
    other = extend(out, photos, "--prefix", "x", code=1).err
    assert "extension that was stopped halfway (extend-0001.parquet" in other and "--overwrite" in other
    extend(out)
    assert len(list(out.glob("extend-*"))) == 1 and len(rows(out)) == 8
    sound(out)


def stopped(photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """An extension of which the first shard stands."""
    photos_of(photos, *numbers)
    real, calls = BuildFolder.commit, iter([True, False])

    def stop(*arguments: Any) -> Any:
        if next(calls):
            return real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BuildFolder, "commit", stop)
        extend(out, code=130)


def test_photos_that_change_while_an_extension_is_stopped(
    five: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = five
    stopped(photos, out, monkeypatch, 5, 6, 7)
    os.utime(photos / "05.png", ns=(1, 1))  # copied, perhaps
    kept = (photos / "07.png").read_bytes()
    write_photo(photos, "07", 90, points_too=False)
    refused = extend(out, code=1).err
    assert "photos changed: 1 (07)" in refused and "Traceback" not in refused
    (photos / "07.png").write_bytes(kept)
    extend(out)
    sound(out)
    assert all(row["status"] == "ok" for row in rows(out).values())


def test_a_stopped_extension_may_be_removed(five: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    photos, out = five
    before = shards(out)
    stopped(photos, out, monkeypatch, 5, 6, 7)
    (photos / "05.png").unlink()
    assert "photos gone: 1 (05)" in extend(out, code=1).err
    extend(out, "--overwrite")
    assert {name: shards(out)[name] for name in before} == before and "05" not in rows(out)
    assert rows(out)["06"]["shard"] == "train-00003"
    sound(out)


def test_other_weights_are_refused_by_name(five: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    photos, out = five
    photos_of(photos, 6)
    known = extending.resolve

    def other(configuration: Any, weights: Any) -> Any:
        found = known(configuration, weights)
        mine = found.configuration.model_copy(update={"weights": {"own.pth": "a" * 64}})
        return type(found)(mine, found.recipe)

    monkeypatch.setattr(extending, "resolve", other)
    refused = extend(out, code=1).err
    assert "weights: {} → {'own.pth': 'aaaa" in refused and not list(out.glob("extend-*"))


def test_a_source_of_another_kind_is_refused(five: tuple[Path, Path], tmp_path: Path) -> None:
    _, out = five
    helen = tmp_path / "helen"
    photos_of(helen, 3, part="trainset/")
    refused = extend(out, helen, "--source", "helen", code=1).err
    assert "a source of kind helen" in refused and "built from one of kind folder" in refused
    assert "not a finished build" in run("fishprep", "extend", tmp_path, code=1).err
    assert "nothing" in extend(out, tmp_path / "nothing", code=2).err


def test_overwriting_a_build_takes_its_extensions_along(five: tuple[Path, Path]) -> None:
    photos, out = five
    photos_of(photos, 5)
    extend(out)
    build(photos, out, "--shard-size", 2, "--overwrite")
    assert not list(out.glob("extend-*")) and len(rows(out)) == 6
    sound(out)


def test_an_extended_build_is_remapped(five: tuple[Path, Path], tmp_path: Path) -> None:
    photos, out = five
    photos_of(photos, 5, 6, 7)
    extend(out)
    new = tmp_path / "new"
    flags = ("--parser", "landmark-skin", "--mask-resizer", "nearest", "--device", "cpu", "--workers", 1)
    run("fishprep", "remap", out, new, *flags)
    sound(new)
    assert rows(new).keys() == rows(out).keys() and shards(new).keys() == shards(out).keys()
    recipe = json.loads((new / "configuration.json").read_text())["recipe"]
    (extension,) = json.loads((new / "manifest.json").read_text())["extensions"]
    assert extension["recipe"] == recipe != json.loads((out / "manifest.json").read_text())["recipe"]
