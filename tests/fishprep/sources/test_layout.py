"""Which photos are train, val and test by where they lie, and what is refused rather than guessed."""

import os
from pathlib import Path

import pytest
from places import listing, only, picture, splits, text

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.plan import make_plan
from fishprep.common.errors import SourceError
from fishprep.sources import SourceRequest, open_source
from fishprep.sources.layout import looks_like_test, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(
            (name, "train")
            for name in ("train", "Train", "TRAINING", "trainset", "train_images", "train2017", "Trainval")
        ),
        *((name, "val") for name in ("val", "Valid", "validation", "val_set", "images-val")),
        *((name, "test") for name in ("test", "Test", "testing", "testset", "test_faces", "images.test")),
        *((name, "") for name in ("contest", "latest", "Valerie", "evaluated", "trains", "2017", "", "test_of_train")),
    ],
)
def test_names_of_splits(name: str, split: str) -> None:
    assert split_of(name) == split


def test_what_looks_like_a_test_set() -> None:
    assert all(
        map(looks_like_test, ["my_tests", "testdata_v2", "held-out", "eval", "list_eval_partition", "TestPhotos"])
    )
    assert not any(map(looks_like_test, ["testimonials", "protest", "Valerie", "Testa", "training", "holiday"]))


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("Train", "Val", "Test"),
        ("training", "validation", "testing"),
        ("data/train", "data/val", "data/test"),
        ("images/trainset", "images/valid", "images/testset"),
        ("a/b/c/train_images", "a/b/c/val_images", "a/b/c/test_images"),
        ("WIDER_train", "WIDER_val", "WIDER_test"),
        ("DIV2K_train_HR", "DIV2K_valid_HR", "DIV2K_test_HR"),
    ],
)
def test_folders_are_splits_at_any_depth_and_in_any_spelling(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        picture(tmp_path / name / "deep" / "a.jpg")
    expected = {f"{name}/deep/a.jpg": split for name, split in zip(names, ("train", "val", "test"), strict=True)}
    assert splits(tmp_path) == splits(tmp_path, kind="folder") == expected


def test_without_a_training_set_nothing_of_a_test_set_is_trained_on(tmp_path: Path) -> None:
    for name in ("test/a.jpg", "val/b.jpg"):
        picture(tmp_path / name)
    assert splits(tmp_path) == {"test/a.jpg": "test", "val/b.jpg": "val"}
    picture(tmp_path / "c.jpg")
    with pytest.raises(
        SourceError, match=r"none of a training set, and 1 photo beside it, the first 'c\.jpg'.*--source"
    ):
        listing(tmp_path)
    assert splits(tmp_path, kind="folder") == {"c.jpg": "train", "test/a.jpg": "test", "val/b.jpg": "val"}


@pytest.mark.parametrize(
    "odd",
    [
        "my_test/b.jpg",
        "faces/testdata-v2/b.jpg",
        "heldout/b.jpg",
        "list_eval_partition_2.txt",
        "test.txt",
        "lists/val.csv",
    ],
)
def test_what_may_be_a_test_set_is_refused_until_the_user_says_what_it_is(tmp_path: Path, odd: str) -> None:
    picture(tmp_path / "a.jpg")
    picture(tmp_path / odd) if odd.endswith("jpg") else text(tmp_path / odd, "a.jpg\n")
    with pytest.raises(SourceError, match=r"looks like a test set.*--split FILE, or --source folder"):
        listing(tmp_path)
    assert set(splits(tmp_path, kind="folder").values()) == {"train"}


def test_names_of_files_that_speak_of_both_sets_are_refused(tmp_path: Path) -> None:
    for name in ("train_00001_aligned.jpg", "test_0001_aligned.jpg"):
        picture(tmp_path / name)
    with pytest.raises(SourceError, match=r"the name 'test_0001_aligned\.jpg' looks like a test set"):
        listing(tmp_path)


def test_a_points_file_of_a_photo_called_test_is_no_list(tmp_path: Path) -> None:
    picture(tmp_path / "test.jpg")
    text(tmp_path / "test.csv", "x_0,y_0\n")
    assert splits(tmp_path) == {"test.jpg": "train"}


def test_a_split_within_another_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "x" / "test" / "a.jpg")
    with pytest.raises(SourceError, match=r"'train/x/test/a\.jpg' lies in a folder of `test` within one of `train`"):
        listing(tmp_path)


def test_ibugs_root_keeps_its_test_sets(tmp_path: Path) -> None:
    for name in ("helen/trainset/a.jpg", "helen/testset/b.jpg", "lfpw/testset/c.png", "ibug/d.jpg"):
        picture(tmp_path / name)
    assert splits(tmp_path) == {
        "helen/trainset/a.jpg": "train",
        "helen/testset/b.jpg": "test",
        "lfpw/testset/c.png": "test",
        "ibug/d.jpg": "",
    }


def test_helen_lies_where_it_lies(tmp_path: Path) -> None:
    for name in ("300W/helen/trainset/a.jpg", "300W/helen/testset/b.jpg"):
        picture(tmp_path / "one" / name)
    source = open_source(SourceRequest(tmp_path / "one"))
    assert source.kind == "helen"
    assert [photo.split for photo in source.listing().photos] == ["test", "train"]
    picture(tmp_path / "two" / "x" / "y" / "images" / "a_1.jpg")
    picture(tmp_path / "two" / "x" / "y" / "images" / "b_2.JPG")
    text(tmp_path / "two" / "x" / "y" / "trainnames.txt", "\ufeffa_1.jpg\r\n")
    text(tmp_path / "two" / "x" / "y" / "testnames.txt", "b_2\r\n")
    assert splits(tmp_path / "two") == {"x/y/images/a_1.jpg": "train", "x/y/images/b_2.JPG": "test"}


def test_two_kinds_in_one_folder_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "CelebA" / "img_align_celeba" / "000001.jpg")
    text(tmp_path / "Helen" / "trainnames.txt", "a\n")
    with pytest.raises(SourceError, match="holds CelebA and Helen"):
        listing(tmp_path)


@pytest.mark.parametrize(
    "bin_", ["@eaDir", "#recycle", "$RECYCLE.BIN", "@Recycle", ".Trash-1000", "__MACOSX", ".thumbnails", "lost+found"]
)
def test_thumbnails_and_waste_bins_are_left_out_and_counted(tmp_path: Path, bin_: str) -> None:
    picture(tmp_path / "a.jpg")
    for name in ("b.jpg", "deep/c.PNG", "._d.jpg"):
        picture(tmp_path / "sub" / bin_ / name)
    found = listing(tmp_path)
    assert [photo.relative for photo in found.photos] == ["a.jpg"]
    assert list(map(str, found.left_out)) == [f"2 pictures in thumbnails or waste bins (2 {bin_})"]


def test_masks_of_labelled_faces_are_no_photos(tmp_path: Path) -> None:
    picture(tmp_path / "CelebAMask-HQ" / "CelebA-HQ-img" / "0.jpg")
    picture(tmp_path / "CelebAMask-HQ" / "CelebAMask-HQ-mask-anno" / "0" / "00000_skin.png")
    picture(tmp_path / "mine" / "images" / "a.png")
    picture(tmp_path / "mine" / "masks" / "a.png")
    picture(tmp_path / "LaPa" / "train" / "images" / "b.jpg")
    picture(tmp_path / "LaPa" / "train" / "labels" / "b.png")
    found = listing(tmp_path, kind="folder")
    names = ["CelebAMask-HQ/CelebA-HQ-img/0.jpg", "LaPa/train/images/b.jpg", "mine/images/a.png"]
    assert [photo.relative for photo in found.photos] == names
    told = "3 pictures in folders of masks (1 CelebAMask-HQ-mask-anno, 1 labels, 1 masks)"
    assert list(map(str, found.left_out)) == [told]


@pytest.mark.parametrize("name", ["CelebA-HQ-mask-anno", "CelebA-HQ-mask", "CelebAMaskHQ-mask", "CelebAMask-HQ-label"])
def test_celebamask_hq_under_its_other_names(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "CelebA-HQ-img" / "0.jpg")
    picture(tmp_path / name / "0.png")
    assert only(tmp_path, kind="folder").relative == "CelebA-HQ-img/0.jpg"


def test_a_folder_called_masks_may_hold_photos(tmp_path: Path) -> None:
    for place in ("masks/a.png", "with_mask/b.png", "x/images/c.jpg", "x/masks/d.jpg", "y/img/e.jpg", "y/labels/f.png"):
        picture(tmp_path / place)
    text(tmp_path / "y" / "labels" / "names.txt", "e\n")
    found = listing(tmp_path, kind="folder")
    assert len(found.photos) == 6 and not [each for each in found.left_out if "masks" in str(each)]


def test_a_folder_that_is_nothing_but_waste_says_so(tmp_path: Path) -> None:
    picture(tmp_path / "#recycle" / "a.jpg")
    with pytest.raises(SourceError, match=r"no photos in it, but 1 picture in thumbnails or waste bins"):
        listing(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs links")
@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_one_file_in_two_splits_is_refused(tmp_path: Path, link) -> None:  # type: ignore[no-untyped-def]
    original = picture(tmp_path / "train" / "a.jpg")
    (tmp_path / "test").mkdir()
    link(original, tmp_path / "test" / "b.jpg")
    with pytest.raises(SourceError, match=r"'test/b\.jpg' in `test` and 'train/a\.jpg' in `train` are the same file"):
        make_plan(open_source(SourceRequest(tmp_path)), BuildConfiguration())


@pytest.mark.skipif(os.name != "posix", reason="the longest name is a POSIX system's")
def test_a_name_as_long_as_names_can_be_costs_nothing(tmp_path: Path) -> None:
    for name in ("a.jpg", "x" * 251 + ".jpg", "y" * 255):
        picture(tmp_path / name)
    photos = listing(tmp_path).photos
    assert [len(photo.relative) for photo in photos] == [5, 255, 255]
    assert not any(photo.problem or photo.points_file for photo in photos)
