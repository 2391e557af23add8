"""Which files go in, and names that never meet."""

import os
from pathlib import Path

import pytest

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.inputs import Input, collect
from fishprep.sources.base import LeftOut


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\xff\xd8\xff picture")


def named(inputs: list[Input], root: Path) -> dict[str, str]:
    return {str(each.path.relative_to(root)): each.name for each in inputs}


def test_folders_files_and_the_same_file_twice(tmp_path: Path) -> None:
    touch(tmp_path, "a/one.jpg", "a/sub/two.png", "a/.hidden.jpg", "b/three.jpg", "a/out/restored_faces/one_00.png")
    given = [tmp_path / "a", tmp_path / "b" / "three.jpg", tmp_path / "a" / "sub" / ".." / "one.jpg"]
    inputs = collect(given, tmp_path / "a" / "out")
    assert named(inputs, tmp_path) == {"a/one.jpg": "one", "a/sub/two.png": "sub/two", "b/three.jpg": "three"}


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.jpg", "x/a.png", "y/a.jpg", "p/x/a.jpg", "z/A.JPG")
    inputs = collect([tmp_path / name for name in ("x", "y/a.jpg", "p/x/a.jpg", "z")], tmp_path / "out")
    names = [each.name for each in inputs]
    assert len({name.casefold() for name in names}) == 5
    assert named(inputs, tmp_path)["p/x/a.jpg"] == "a"


def test_names_of_an_earlier_run_stay_and_are_taken(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.jpg", "y/a.jpg")
    (first,) = collect([tmp_path / "y"], tmp_path / "out")
    again = collect([tmp_path], tmp_path / "out", taken={first.key: first.name})
    assert named(again, tmp_path) == {"y/a.jpg": "a", "x/a.jpg": "x/a"}
    (alone,) = collect([tmp_path / "x"], tmp_path / "out", taken={first.key: first.name})
    assert alone.name == "a.jpg"


@pytest.mark.skipif(os.name != "posix", reason="file names of any bytes")
def test_names_of_any_bytes_become_text(tmp_path: Path) -> None:
    touch(tmp_path, os.fsdecode(b"caf\xe9.jpg"), "two\nlines.jpg")
    names = {each.name for each in collect([tmp_path], tmp_path / "out")}
    assert names == {r"caf\xe9", "two\nlines"}
    for name in names:
        name.encode("utf-8")


def test_nothing_to_do_and_inputs_among_the_results(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="no pictures"):
        collect([tmp_path / "empty"], tmp_path / "out")
    touch(tmp_path, "out/restored_faces/a_00.png")
    for given in ("out", "out/restored_faces", "out/restored_faces/a_00.png"):
        with pytest.raises(ConfigurationError, match="lies in the output folder"):
            collect([tmp_path / given], tmp_path / "out")


def test_other_formats_are_counted_and_named(tmp_path: Path) -> None:
    for name in ("a.png", "b.gif", "c.GIF", "d.heic", "e.txt", "@eaDir/f.jpg"):
        save = tmp_path / "in" / name
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_bytes(b"GIF89a" if "if" in name.lower() else b"x")
    told: list[LeftOut] = []
    (taken,) = collect([tmp_path / "in"], tmp_path / "out", passed_over=told.extend)
    assert taken.name == "a"
    words = " ".join(map(str, told))
    assert "2 .gif" in words and "1 .heic" in words and "@eaDir" in words
    (tmp_path / "in/a.png").unlink()
    with pytest.raises(ConfigurationError, match=r"2 \.gif"):
        collect([tmp_path / "in"], tmp_path / "out")
