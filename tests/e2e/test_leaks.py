"""A photo that slipped into test in disguise: found, shown, taken out of train, and gone from the next build."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from support import QUICK, rows, run

pytestmark = [pytest.mark.faces, pytest.mark.usefixtures("without_workers")]


def saved_anew(photo: Image.Image, path: Path) -> None:
    photo.save(path, quality=60)


def mirrored(photo: Image.Image, path: Path) -> None:
    ImageOps.mirror(photo).save(path, quality=95)


def cropped(photo: Image.Image, path: Path) -> None:
    ImageOps.crop(photo, round(0.05 * photo.width)).save(path, quality=95)


DISGUISES: tuple[Callable[[Image.Image, Path], None], ...] = (saved_anew, mirrored, cropped)
"""Of the first photos in train, how each is also in test."""


@pytest.fixture(scope="module")
def photos(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people, and three of them a second time under other names."""
    source = tmp_path_factory.mktemp("photos")
    files = sorted((faces / "celeba" / "img_align_celeba").iterdir())
    chosen = [files[number] for number in range(0, 6000, 1000)]
    for number, file in enumerate(chosen):
        with Image.open(file) as photo:
            photo.save(source / f"{number}.jpg", quality=95)
            for disguise in DISGUISES[number : number + 1]:
                disguise(photo, source / f"x{number}.jpg")
    return source


def split_file(photos: Path, path: Path) -> Path:
    with path.open("w", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(("path", "split"))
        lines.writerows(
            (photo.name, "test" if photo.name[0] in "x5" else "train") for photo in sorted(photos.iterdir())
        )
    return path


def test_a_leak_is_found_and_mended(photos: Path, tmp_path: Path) -> None:
    split, mended, page = split_file(photos, tmp_path / "split.csv"), tmp_path / "mended.csv", tmp_path / "leaks.html"
    run("fishprep", "build", photos, tmp_path / "first", *QUICK, "--split", split)
    told = run(
        "fishprep", "leaks", tmp_path / "first", "--json", "--html", page, "--write-split", mended, "--quiet", code=3
    )
    found = json.loads(told.out)
    assert {(leak["kind"], leak["one"]["path"], leak["other"]["path"]) for leak in found["leaks"]} == {
        ("picture", "0.jpg", "x0.jpg"),
        ("mirrored", "1.jpg", "x1.jpg"),
        ("picture", "2.jpg", "x2.jpg"),
    }
    assert found["left_out"] == {"train": 3} and page.read_text().count("<img ") == 6

    run("fishprep", "build", photos, tmp_path / "second", *QUICK, "--split", mended)
    assert "nothing stands in two places" in run("fishprep", "leaks", tmp_path / "second").out
    test = {row["path"] for row in rows(tmp_path / "first").values() if row["split"] == "test"}
    assert test == {row["path"] for row in rows(tmp_path / "second").values() if row["split"] == "test"}
    across = json.loads(run("fishprep", "leaks", tmp_path / "first", tmp_path / "second", "--json", "-q", code=3).out)
    assert across["counts"]["A test ↔ B test"] == {"file": 4}
