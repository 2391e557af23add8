"""CelebA as it lies on people's disks: which folder, which list, which suffix."""

import os
from pathlib import Path

import pytest
from places import listing, only, picture, splits, text

from fishprep.common.errors import SourceError
from fishprep.common.status import Status

LIST = "000001.jpg 0\n162771.jpg 1\n182638.jpg 2\n"
SPLITS = {"000001": "train", "162771": "val", "182638": "test"}


def images(folder: Path, suffix: str = ".jpg") -> Path:
    for number in SPLITS:
        picture(folder / f"{number}{suffix}")
    return folder


def by_stem(root: Path, **options: object) -> dict[str, str]:
    return {Path(path).stem: split for path, split in splits(root, **options).items()}


@pytest.mark.parametrize("depth", ["", "CelebA/", "data/sets/CelebA/"])
def test_it_is_known_at_any_depth(tmp_path: Path, depth: str) -> None:
    images(tmp_path / f"{depth}Img/img_align_celeba")
    text(tmp_path / f"{depth}Eval/list_eval_partition.txt", LIST)
    assert by_stem(tmp_path) == SPLITS


@pytest.mark.parametrize(
    "folder", ["img_align_celeba", "img_align_celeba_png", "Img_Align_CelebA", "img-align-celeba.png"]
)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".JPG", ".webp"])
def test_lists_name_images_and_not_suffixes(tmp_path: Path, folder: str, suffix: str) -> None:
    images(tmp_path / folder, suffix)
    text(tmp_path / "list_eval_partition.txt", LIST)
    text(tmp_path / "identity_CelebA.txt", "000001.jpg 2880\n162771.jpg 7\n182638.jpg 9\n")
    found = listing(tmp_path)
    assert [(photo.split, photo.identity, photo.problem) for photo in found.photos] == [
        ("train", "2880", None),
        ("val", "7", None),
        ("test", "9", None),
    ]
    assert not found.left_out


@pytest.mark.parametrize(
    "content",
    [
        LIST,
        "\ufeff" + LIST,
        LIST.replace("\n", "\r\n"),
        LIST.replace("\n", "\r"),
        LIST.encode("utf-16"),
        LIST.replace(".jpg", ""),
        LIST.replace(" ", "\t"),
        "3\nimage_id partition\n" + LIST,
        "image_id,partition\n" + LIST.replace(" ", ","),
        "image_id;partition\n" + LIST.replace(" ", " ; "),
        ",image_id,partition\n0,000001.jpg,0\n1,162771.jpg,1\n2,182638.jpg,2\n",
        '"image_id","partition"\n"000001.jpg",0\n"162771.jpg",1\n"182638.jpg",2\n',
        ".\\" + LIST.replace("\n1", "\n./1"),
    ],
)
def test_lists_of_any_editor(tmp_path: Path, content: str | bytes) -> None:
    images(tmp_path / "img_align_celeba")
    text(tmp_path / "list_eval_partition.csv", content)
    assert by_stem(tmp_path) == SPLITS


def test_what_a_mac_packs_beside_it_is_not_taken(tmp_path: Path) -> None:
    images(tmp_path / "CelebA" / "img_align_celeba")
    text(tmp_path / "CelebA" / "img_align_celeba" / "._000001.jpg", b"\0\5\x16\7")
    text(tmp_path / "CelebA" / "img_align_celeba" / "Thumbs.db", b"\xd0\xcf\x11\xe0")
    text(tmp_path / "__MACOSX" / "CelebA" / "img_align_celeba" / "._000001.jpg", b"\0\5\x16\7")
    text(tmp_path / "__MACOSX" / "CelebA" / "._list_eval_partition.txt", b"\0\5\x16\7")
    text(tmp_path / "CelebA" / "list_eval_partition.txt", LIST)
    assert by_stem(tmp_path) == by_stem(tmp_path, kind="celeba") == SPLITS


def test_of_several_folders_the_one_with_images_is_taken(tmp_path: Path) -> None:
    images(tmp_path / "img_align_celeba" / "img_align_celeba")
    (tmp_path / "zip" / "img_align_celeba").mkdir(parents=True)
    text(tmp_path / "old" / "img_align_celeba" / "readme.txt", "moved")
    assert set(splits(tmp_path)) == {f"img_align_celeba/img_align_celeba/{name}.jpg" for name in SPLITS}
    images(tmp_path / "copy" / "img_align_celeba_png", ".png")
    with pytest.raises(SourceError, match=r"several folders of images: .*\(3 images\) and .*\(3 images\); keep one"):
        listing(tmp_path)


def test_of_several_lists_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    images(tmp_path / "img_align_celeba")
    text(tmp_path / "a" / "list_eval_partition.txt", "")
    text(tmp_path / "b" / "list_eval_partition.txt", "900001.jpg 2\n")
    text(tmp_path / "c" / "list_eval_partition.csv", "image_id,partition\n" + LIST.replace(" ", ","))
    text(tmp_path / "d" / "list_eval_partition.txt", LIST)
    assert by_stem(tmp_path) == SPLITS
    text(tmp_path / "e" / "list_eval_partition.txt", LIST.replace("jpg 2", "jpg 0"))
    with pytest.raises(SourceError, match=r"c/list_eval_partition\.csv and .*e/list_eval_partition\.txt say different"):
        listing(tmp_path)


def test_a_list_of_other_images_is_refused(tmp_path: Path) -> None:
    images(tmp_path / "img_align_celeba")
    text(tmp_path / "list_eval_partition.txt", "900001.jpg 2\n")
    with pytest.raises(SourceError, match="names none of the images in"):
        listing(tmp_path)


def test_a_name_that_two_pictures_fit_is_refused(tmp_path: Path) -> None:
    for suffix in (".png", ".webp"):
        images(tmp_path / "img_align_celeba", suffix)
    text(tmp_path / "list_eval_partition.txt", LIST)
    with pytest.raises(SourceError, match=r"'000001\.jpg' may mean '000001\.png' or '000001\.webp'"):
        listing(tmp_path)


def test_pictures_outside_the_folder_are_counted(tmp_path: Path) -> None:
    images(tmp_path / "img_align_celeba")
    picture(tmp_path / "mine" / "a.jpg")
    assert "1 picture outside img_align_celeba" in map(str, listing(tmp_path).left_out)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_images_behind_a_link_need_to_be_asked_for(tmp_path: Path) -> None:
    images(tmp_path / "elsewhere")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "img_align_celeba").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="img_align_celeba: a symbolic link out of the source folder"):
        listing(tmp_path / "in", kind="celeba")
    assert by_stem(tmp_path / "in", follow_links=True, kind="celeba") == SPLITS


def test_a_missing_image_keeps_the_name_of_the_list(tmp_path: Path) -> None:
    (tmp_path / "img_align_celeba").mkdir()
    picture(tmp_path / "img_align_celeba" / "000001.png")
    text(tmp_path / "list_eval_partition.txt", LIST.replace("182638", "./182638"))
    found = {photo.relative: photo.problem and photo.problem.status for photo in listing(tmp_path).photos}
    assert found == {
        "img_align_celeba/000001.png": None,
        "img_align_celeba/162771.jpg": Status.MISSING,
        "img_align_celeba/182638.jpg": Status.MISSING,
    }


def test_points_of_the_list_reach_the_lossless_image(tmp_path: Path) -> None:
    picture(tmp_path / "img_align_celeba_png" / "000001.png")
    numbers = "69 109 106 113 77 142 73 152 108 154"
    text(tmp_path / "list_landmarks_align_celeba.txt", f"1\nlefteye_x lefteye_y\n000001.jpg {numbers}\n")
    five = only(tmp_path).reference.five
    assert five is not None and five.ravel().tolist() == [float(number) for number in numbers.split()]
