"""Lists that users write of photos and of splits."""

import os
from pathlib import Path

import pytest
from places import listing, picture, splits, text

from fishprep.builds.splits import file_split
from fishprep.common.errors import SourceError
from fishprep.common.status import Status


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("train/a.jpg", "train/b.png", "c.jpg"):
        picture(tmp_path / "in" / name)
    return tmp_path / "in"


def of_list(root: Path, content: str | bytes, **options: object) -> dict[str, str]:
    return splits(root, table=text(root.parent / "list.csv", content), **options)


SPLITS = {"train/a.jpg": "train", "train/b.png": "test"}


@pytest.mark.parametrize(
    "content",
    [
        "path,split\ntrain/a.jpg,train\ntrain/b.png,test\n",
        "path;split\r\ntrain/a.jpg;train\r\ntrain/b.png;test\r\n",
        "\ufeffPath\tSplit\ntrain/a.jpg\tTrain\ntrain/b.png\tTest\n",
        "path,split\ntrain\\a.jpg,train\ntrain\\b.png,test\n",
        ",path,split\n0,train/a.jpg,train\n1,train/b.png,test\n",
        "Unnamed: 0,path,split\n0,train/a.jpg,train\n1,train/b.png,test\n",
        "path,split,\ntrain/a.jpg,train,\ntrain/b.png,test,,\n",
        "path,split\ntrain/a,training\ntrain/b.jpg,testing\n",
        "path,split\n./train/a.jpg,train\ntrain/../train//b.png,test\n",
        "path,split\ntrain/a.jpg,train\ntrain/b.png,test\n".encode("utf-16"),
    ],
)
def test_lists_of_any_program(photos: Path, content: str | bytes) -> None:
    assert of_list(photos, content) == SPLITS


def test_further_columns_are_passed_over_with_a_note(photos: Path) -> None:
    table = text(photos.parent / "list.csv", ",path,age,caption\n0,c.jpg,31,a face\n")
    found = listing(photos, table=table)
    assert found.notes == ("list.csv: columns passed over: age, caption",)
    assert [photo.relative for photo in found.photos] == ["c.jpg"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("train/a.jpg", "./train/a.jpg"), ("train/a.jpg", "train\\a.jpg"), ("c.jpg", "train/../c.jpg"), ("c.jpg", "c")],
)
def test_one_photo_by_two_spellings_is_refused(photos: Path, one: str, other: str) -> None:
    with pytest.raises(SourceError, match=r"line 3: .* stands in line 2 already"):
        of_list(photos, f"path,split\n{one},train\n{other},test\n")


@pytest.mark.skipif(os.name != "posix", reason="needs links")
@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_one_photo_by_two_links_is_refused(photos: Path, link) -> None:  # type: ignore[no-untyped-def]
    link(photos / "c.jpg", photos / "d.jpg")
    with pytest.raises(SourceError, match=r"line 3: 'd\.jpg' is the same file as 'c\.jpg' in line 2 already"):
        of_list(photos, "path,split\nc.jpg,train\nd.jpg,test\n")


def test_an_absolute_path_below_the_source_is_one_of_its_photos(photos: Path) -> None:
    assert of_list(photos, f"path,split\n{photos}/c.jpg,val\n") == {"c.jpg": "val"}


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_points_that_a_list_names_outside_the_source_need_to_be_asked_for(photos: Path) -> None:
    outside = text(photos.parent / "secret.pts", "root:x:0:0\n")
    (photos / "link.pts").symlink_to(outside)
    for name in (str(outside), "../secret.pts", "link.pts"):
        table = text(photos.parent / "list.csv", f"path,landmarks\nc.jpg,{name}\n")
        (shut,) = listing(photos, table=table).photos
        assert shut.points_file is None and "--follow-links" in shut.points_problem
        (opened,) = listing(photos, table=table, follow_links=True).photos
        assert opened.points_file is not None


def test_a_photo_outside_the_source_needs_to_be_asked_for(photos: Path) -> None:
    picture(photos.parent / "up.jpg")
    table = text(photos.parent / "list.csv", "path\n../up.jpg\n")
    (photo,) = listing(photos, table=table).photos
    assert photo.problem is not None and photo.problem.status is Status.LINK_OUTSIDE


@pytest.mark.parametrize(
    "content",
    [
        "train/a.jpg train\ntrain/b.png test\n",
        "train\\a.jpg;train\r\ntrain\\b.png;test\r\n",
        "\ufeffa.jpg\ttrain\nb.jpg\ttest\n",
        '"a",training\n"./train/b.png",Test\n',
        "name,split\na,train\nb,test\n",
        ",path,split,age\n0,train/a.jpg,train,3\n1,train/b.png,test,4\n",
        "split;id\ntrain;train/a\ntest;train/b\n",
        "a.jpg , train\nb.png , test\n",
    ],
)
def test_split_files_of_any_program(photos: Path, content: str) -> None:
    split = file_split(listing(photos, kind="folder").photos, text(photos.parent / "split.txt", content))
    assert {photo.relative: photo.split for photo in split.photos} == SPLITS
    assert [photo.relative for photo in split.left_out] == ["c.jpg"]


def test_a_split_file_that_names_one_photo_twice_is_refused(photos: Path) -> None:
    path = text(photos.parent / "split.txt", "train/a.jpg train\n./train/a.jpg test\n")
    with pytest.raises(SourceError, match=r"'train/a\.jpg' and '\./train/a\.jpg' are the same photo"):
        file_split(listing(photos, kind="folder").photos, path)
