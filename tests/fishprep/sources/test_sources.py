"""Sources as people have them on disk: which photos, which splits, which are refused and why."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fishprep.common.errors import SourceError
from fishprep.common.status import Status
from fishprep.sources import SourceRequest, open_source


def picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path, "JPEG")
    return path


def listed(root: Path, **options: object) -> dict[str, object]:
    return {photo.id: photo for photo in open_source(SourceRequest(root, **options)).listing().photos}  # type: ignore[arg-type]


def test_a_folder_by_content_and_name_recursively(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/c.PNG", "a/d.jpg", "no_suffix", ".hidden.jpg", ".cache/x.jpg"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "broken.jpg").write_text("not a picture either, but it says so")
    (tmp_path / "x.jpg").mkdir()
    photos = listed(tmp_path)
    assert list(photos) == ["a/c", "a/d", "b", "broken", "no_suffix"]
    assert {photo.split for photo in photos.values()} == {"train"}  # type: ignore[attr-defined]


def test_folders_named_as_splits_are_the_official_split(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "valid/b.jpg", "test/c.jpg", "spare/d.jpg"):
        picture(tmp_path / name)
    assert {name: photo.split for name, photo in listed(tmp_path).items()} == {  # type: ignore[attr-defined]
        "spare/d": "",
        "test/c": "test",
        "train/a": "train",
        "valid/b": "val",
    }


def test_what_is_left_out_is_counted_with_the_reason(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.pts", "b.gif", "c.GIF", "deep/d.heic", "noted", ".hidden.gif"):
        (picture if name == "a.jpg" else _no_picture)(tmp_path / name)
    (left_out,) = open_source(SourceRequest(tmp_path)).listing().left_out
    assert str(left_out) == "4 files of other formats (2 .gif, 1 .heic, 1 without suffix)"
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(SourceError, match=r"no photos in it, but 4 files of other formats \(2 .gif"):
        listed(tmp_path)


def _no_picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GIF89a and no more")


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_symbolic_links(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    picture(outside / "secret.jpg")
    picture(root / "real.jpg")
    (root / "inside.jpg").symlink_to(root / "real.jpg")
    (root / "out.jpg").symlink_to(outside / "secret.jpg")
    (root / "dangling.jpg").symlink_to(root / "gone.jpg")
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    (root / "up").symlink_to(root)
    (root / "away").symlink_to(outside)
    problems = {name: photo.problem and photo.problem.status for name, photo in listed(root).items()}  # type: ignore[attr-defined]
    assert problems == {
        "real": None,
        "inside": None,
        "out": Status.LINK_OUTSIDE,
        "away": Status.LINK_OUTSIDE,
        "dangling": Status.UNREADABLE,
        "loop": Status.UNREADABLE,
    }
    followed = listed(root, follow_links=True)
    assert followed["out"].problem is None and "away/secret" in followed  # type: ignore[attr-defined]


@pytest.mark.skipif(os.name != "posix", reason="needs file names of any bytes")
def test_names_of_any_bytes(tmp_path: Path) -> None:
    picture(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")))
    picture(tmp_path / "two\nlines.jpg")
    photos = listed(tmp_path)
    assert set(photos) == {r"caf\xe9", "two\nlines"}
    assert all(photo.place.path.exists() for photo in photos.values())  # type: ignore[attr-defined]


def test_the_output_inside_the_source_is_passed_over(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "out" / "sheet.jpg")
    assert list(listed(tmp_path, exclude=tmp_path / "out")) == ["a"]
    assert list(listed(tmp_path, exclude=tmp_path / "out" / ".." / "out")) == ["a"]
    assert list(listed(tmp_path, exclude=tmp_path)) == ["a", "out/sheet"]


def test_same_stem_twice_keeps_the_suffixes(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "a.png")
    assert list(listed(tmp_path)) == ["a.jpg", "a.png"]


@pytest.mark.parametrize("what", ["nothing", "file", "empty"])
def test_unusable_folders_say_so(tmp_path: Path, what: str) -> None:
    root = {"nothing": tmp_path / "none", "file": picture(tmp_path / "f" / "a.jpg"), "empty": tmp_path / "e"}[what]
    (tmp_path / "e").mkdir()
    with pytest.raises(SourceError, match=str(root)):
        listed(root)


def test_a_list(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "deep" / "b, c.jpg")
    table = tmp_path / "list.csv"
    table.write_text('path,split,id\n"deep/b, c.jpg",val,second\na.jpg,train,\ngone.jpg,test,\n../up.jpg,test,up\n')
    photos = listed(tmp_path, table=table)
    assert {name: (photo.split, photo.problem and photo.problem.status) for name, photo in photos.items()} == {  # type: ignore[attr-defined]
        "a": ("train", None),
        "second": ("val", None),
        "gone": ("test", Status.MISSING),
        "up": ("test", Status.MISSING),
    }


def test_a_list_without_splits_is_all_train(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "list.csv").write_text("path\na.jpg\n")
    assert listed(tmp_path, table=tmp_path / "list.csv")["a"].split == "train"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("name,split\na,train\n", "line 1: columns name, split"),
        ("path,split\na.jpg,dev\n", "line 2: split 'dev'"),
        ("path\na.jpg\na.jpg\n", "line 3: 'a.jpg' stands in line 2"),
        ("path,id\na.jpg,x\nb.jpg,x\n", "'x' stands in line 2"),
        ("path,split\na.jpg\n", "line 2: 1 value for 2 columns"),
        ("path\n\0\n", "line 2: not a text file"),
    ],
)
def test_a_wrong_list_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "list.csv"
    table.write_text(text)
    with pytest.raises(SourceError, match=message):
        listed(tmp_path, table=table)


def celeba(root: Path, numbers: tuple[int, ...] = (1, 2, 162_771, 182_638)) -> Path:
    for number in numbers:
        picture(root / "Img" / "img_align_celeba" / f"{number:06d}.jpg")
    return root


@pytest.mark.skipif(os.name != "posix", reason="needs file names of any bytes")
def test_an_id_of_a_list_that_is_not_utf8(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "list.csv").write_bytes(b"path,id\na.jpg,caf\xe9\n")
    assert list(listed(tmp_path, table=tmp_path / "list.csv")) == [r"caf\xe9"]


def test_a_list_with_an_endless_value_names_the_line(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "list.csv").write_text(f"path,id\na.jpg,{'x' * 200_000}\n")
    with pytest.raises(SourceError, match=r"list\.csv, line 2: field larger than"):
        listed(tmp_path, table=tmp_path / "list.csv")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no paths of this length")
def test_folders_nested_deeper_than_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a.jpg")
    monkeypatch.chdir(tmp_path)
    for _ in range(1100):
        Path("d").mkdir()
        monkeypatch.chdir("d")
    picture(Path("b.jpg"))
    monkeypatch.chdir(tmp_path)
    try:
        names = listed(tmp_path, kind="folder")
    finally:  # pytest's own way to remove a folder is a recursion
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)
    assert list(names) == ["a", "d/" * 1100 + "b"]


def test_celeba_as_downloaded(tmp_path: Path) -> None:
    celeba(tmp_path)
    (tmp_path / "Eval").mkdir()
    (tmp_path / "Eval" / "list_eval_partition.txt").write_text(
        "000001.jpg 0\n000002.jpg 0\n162771.jpg 1\n182638.jpg 2\n000009.jpg 2\n"
    )
    (tmp_path / "identity_CelebA.txt").write_text("000001.jpg 7\n000002.jpg 8\n")
    (tmp_path / "list_landmarks_align_celeba.txt").write_text(
        "4\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n"
        "000001.jpg 69 109 106 113 77 142 73 152 108 154\n"
    )
    photos = listed(tmp_path)
    first = photos["Img/img_align_celeba/000001"]
    assert first.split == "train" and first.identity == "7" and "non-commercial" in first.licence  # type: ignore[attr-defined]
    np.testing.assert_array_equal(first.reference.five[0], (69, 109))  # type: ignore[attr-defined]
    assert first.reference.eyes is not None  # type: ignore[attr-defined]
    splits = {name.rpartition("/")[2]: photo.split for name, photo in photos.items()}  # type: ignore[attr-defined]
    assert splits == {"000001": "train", "000002": "train", "162771": "val", "182638": "test", "000009": "test"}
    assert photos["Img/img_align_celeba/000009"].problem.status is Status.MISSING  # type: ignore[attr-defined]


def test_celeba_without_lists_goes_by_number(tmp_path: Path) -> None:
    photos = listed(celeba(tmp_path), kind="celeba")
    assert [photo.split for photo in photos.values()] == ["train", "train", "val", "test"]  # type: ignore[attr-defined]


def test_celeba_in_the_wild_has_boxes_and_no_known_place(tmp_path: Path) -> None:
    picture(tmp_path / "img_celeba" / "000001.jpg")
    (tmp_path / "list_bbox_celeba.txt").write_text("1\nimage_id x_1 y_1 width height\n000001.jpg 95 71 226 313\n")
    (photo,) = listed(tmp_path).values()
    assert photo.reference.box == (94.5, 70.5, 320.5, 383.5) and photo.reference.eyes is None  # type: ignore[attr-defined]


def test_celeba_in_the_wild_is_not_the_aligned_images(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"--wild, but no img_celeba in it"):
        listed(celeba(tmp_path), wild=True)


def test_celeba_with_a_wrong_list_names_the_line(tmp_path: Path) -> None:
    celeba(tmp_path)
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 0\n162771.jpg 5\n")
    with pytest.raises(SourceError, match="line 3"):
        listed(tmp_path)


def test_helen_by_lists_and_by_folders(tmp_path: Path) -> None:
    lists, folders = tmp_path / "lists", tmp_path / "folders"
    for name in ("one_1.jpg", "two_2.jpg"):
        picture(lists / "images" / name)
    (lists / "trainnames.txt").write_text("one_1\n")
    (lists / "testnames.txt").write_text("two_2\n")
    (lists / "images" / "one_1.pts").write_text("0 0\n")
    assert {name: photo.split for name, photo in listed(lists).items()} == {
        "images/one_1": "train",
        "images/two_2": "test",
    }  # type: ignore[attr-defined]
    assert listed(lists)["images/one_1"].points_file.name == "one_1.pts"  # type: ignore[attr-defined]
    picture(folders / "trainset" / "a.jpg")
    picture(folders / "testset" / "b.jpg")
    assert [photo.split for photo in listed(folders, kind="helen").values()] == ["test", "train"]  # type: ignore[attr-defined]
