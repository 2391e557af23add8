"""Labelled faces: what is read is what was drawn, and each way of being wrong is refused by the file's name."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from labelled import SIDE, draw_face, write_labelled
from PIL import Image

from fishprep.common.errors import ConfigurationError, SourceError
from fishprep.parsing.classes import ClassOrder, FaceClass, convert, palette
from fishprep.parsing.labelled import NUMBERINGS, has_split, numbering, open_labelled

CELEBAMASK = NUMBERINGS["celebamask"]


def test_reads_what_was_drawn_with_the_box_and_the_classes(tmp_path: Path) -> None:
    faces = open_labelled(write_labelled(tmp_path, 3), "train", CELEBAMASK)
    assert len(faces) == 3
    for index in range(3):
        picture, classes = draw_face(index)
        assert np.array_equal(faces.read(index)[0], picture)
        assert np.array_equal(faces.read(index)[1], classes)
        x0, y0, x1, y1 = faces.faces[index].face
        inside = np.isin(classes, [1, 2, 4, 5, 12])
        assert not np.delete(np.delete(inside, np.s_[y0:y1], 0), np.s_[:], 1).any()
        assert inside[y0].any() and inside[y1 - 1].any() and inside[:, x0].any() and inside[:, x1 - 1].any()
        assert np.flatnonzero(faces.faces[index].present).tolist() == np.unique(classes).tolist()


@pytest.mark.parametrize("name", ["facexlib", "lapa"])
def test_every_numbering_and_palette_pictures_give_the_same_classes(tmp_path: Path, name: str) -> None:
    write_labelled(tmp_path, 2)
    numbers = numbering(name)
    for path in (tmp_path / "masks").iterdir():
        stored = np.array(Image.open(path))
        renumbered = np.array([numbers.index(CELEBAMASK[value]) for value in stored.ravel()], dtype=np.uint8)
        indexed = Image.fromarray(renumbered.reshape(stored.shape), mode="P")
        indexed.putpalette(palette(ClassOrder.FACEXLIB).tobytes())
        indexed.save(path)
    faces = open_labelled(tmp_path, "train", numbers)
    assert np.array_equal(faces.read(1)[1], draw_face(1)[1])


def test_facexlibs_numbering_is_that_of_the_table_of_classes(tmp_path: Path) -> None:
    classes = np.arange(19, dtype=np.uint8)
    assert [CELEBAMASK[value] for value in classes] == list(FaceClass)
    found = convert(classes, ClassOrder.CELEBAMASK, ClassOrder.FACEXLIB)
    assert [NUMBERINGS["facexlib"][value] for value in found] == list(FaceClass)


def test_lapas_sides_are_those_of_the_picture() -> None:
    """2 and 4, its left brow and eye, are the subject's right ones."""
    assert NUMBERINGS["lapa"][2:6] == (
        FaceClass.RIGHT_BROW,
        FaceClass.LEFT_BROW,
        FaceClass.RIGHT_EYE,
        FaceClass.LEFT_EYE,
    )


def test_names_of_classes_are_a_numbering() -> None:
    assert numbering("background, hair,skin") == (FaceClass.BACKGROUND, FaceClass.HAIR, FaceClass.SKIN)
    with pytest.raises(ConfigurationError, match="'beard' is neither"):
        numbering("background,beard")
    with pytest.raises(ConfigurationError, match="twice"):
        numbering("skin,skin")


def test_without_a_list_all_pictures_are_for_training(tmp_path: Path) -> None:
    write_labelled(tmp_path, 4)
    (tmp_path / "train.txt").unlink()
    assert [face.name for face in open_labelled(tmp_path, "train", CELEBAMASK).faces] == [
        f"face{index:03d}" for index in range(4)
    ]
    assert not has_split(tmp_path, "val")
    with pytest.raises(SourceError, match=r"no val\.txt"):
        open_labelled(tmp_path, "val", CELEBAMASK)


def _unknown_class(root: Path) -> str:
    classes = draw_face(1)[1]
    classes[5, 5] = 19
    Image.fromarray(classes).save(root / "masks" / "face001.png")
    return r"face001\.png: holds the number 19, but the classes are 0 to 18"


def _other_size(root: Path) -> str:
    Image.fromarray(draw_face(1)[1][:-1]).save(root / "masks" / "face001.png")
    return rf"face001\.png: {SIDE} x {SIDE - 1} pixels, but its picture face001\.png has {SIDE} x {SIDE}"


def _no_mask(root: Path) -> str:
    (root / "masks" / "face001.png").unlink()
    return r"masks/face001\.png: no mask for .*face001\.png"


def _no_picture(root: Path) -> str:
    (root / "images" / "face001.png").unlink()
    return r"images/face001: no such picture"


def _mask_alone(root: Path) -> str:
    (root / "train.txt").unlink()
    (root / "images" / "face001.png").unlink()
    return r"masks/face001\.png: there is no picture of that name"


def _colours(root: Path) -> str:
    Image.open(root / "masks" / "face001.png").convert("RGB").save(root / "masks" / "face001.png")
    return r"face001\.png: an index mask is a palette or grey picture \(8 bits\), this one is RGB"


def _truncated_mask(root: Path) -> str:
    path = root / "masks" / "face001.png"
    path.write_bytes(path.read_bytes()[:60])
    return r"face001\.png: cannot be read as a mask"


def _no_picture_inside(root: Path) -> str:
    (root / "images" / "face001.png").write_bytes(b"GIF89a?")
    return r"images/face001\.png: cannot be read as a picture"


def _twice(root: Path) -> str:
    (root / "train.txt").write_text("face000\nface001\nface000\n")
    return r"train\.txt: names 'face000' twice"


def _empty_list(root: Path) -> str:
    (root / "train.txt").write_text("\n")
    return r"train\.txt: no faces"


def _no_folder(root: Path) -> str:
    (root / "masks").rename(root / "labels")
    return r"no folder 'masks'"


@pytest.mark.parametrize(
    "spoil",
    [
        _unknown_class,
        _other_size,
        _no_mask,
        _no_picture,
        _mask_alone,
        _colours,
        _truncated_mask,
        _no_picture_inside,
        _twice,
        _empty_list,
        _no_folder,
    ],
)
def test_refuses_and_names_the_file(tmp_path: Path, spoil: Callable[[Path], str]) -> None:
    said = spoil(write_labelled(tmp_path, 3))
    with pytest.raises(SourceError, match=said):
        open_labelled(tmp_path, "train", CELEBAMASK)


@pytest.mark.parametrize(
    "listed",
    [
        b"\xef\xbb\xbfa\r\nb\r\n",
        "a\nb\n".encode("utf-16"),
        b"a.jpg\nb.png\n",
        b"images/a.jpg\n./b\n",
        b"images\\a.jpg\rmasks\\b.png\r",
    ],
)
def test_lists_of_any_editor_and_a_macs_files(tmp_path: Path, listed: bytes) -> None:
    write_labelled(tmp_path, 2)
    for number, name in enumerate("ab"):
        for folder in ("images", "masks"):
            (path,) = (tmp_path / folder).glob(f"*{number}.*")
            path.rename(path.with_name(name + path.suffix))
            path.with_name(f"._{name}{path.suffix}").write_bytes(b"\0\5\x16\7")
    (tmp_path / "train.txt").unlink(missing_ok=True)
    assert [face.name for face in open_labelled(tmp_path, "train", CELEBAMASK).faces] == ["a", "b"]
    (tmp_path / "train.txt").write_bytes(listed)
    assert [face.name for face in open_labelled(tmp_path, "train", CELEBAMASK).faces] == ["a", "b"]


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, folder: str) -> None:
    path = write_labelled(tmp_path, 1) / folder / "face000.png"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SourceError, match=r"face000\.png: .*not a regular file"):
        open_labelled(tmp_path, "train", CELEBAMASK)


def test_a_face_in_two_splits_is_refused(tmp_path: Path) -> None:
    name = open_labelled(write_labelled(tmp_path, 2, 1), "train", CELEBAMASK).faces[0].name
    (tmp_path / "val.txt").write_text(f"images/{name}.png\n")
    for split in ("train", "val"):
        with pytest.raises(SourceError, match=f"'{name}' is in {split}.txt too"):
            open_labelled(tmp_path, split, CELEBAMASK)


def test_a_face_listed_by_two_spellings_is_refused(tmp_path: Path) -> None:
    faces = open_labelled(write_labelled(tmp_path, 1), "train", CELEBAMASK)
    name = faces.faces[0].name
    (tmp_path / "train.txt").write_text(f"{name}\nimages/{name}.jpg\n")
    with pytest.raises(SourceError, match=f"names '{name}' twice"):
        open_labelled(tmp_path, "train", CELEBAMASK)


BACK = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""The transposition that lays an upright picture as each EXIF orientation says."""


@pytest.mark.parametrize("over", ["stored", "upright"])
@pytest.mark.parametrize("orientation", [3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("height", [SIDE, SIDE - 8])
def test_a_mask_turns_with_its_picture(tmp_path: Path, orientation: int, over: str, height: int) -> None:
    """Also where it was drawn over the upright picture, and where the sizes do not tell which."""
    write_labelled(tmp_path, 1)
    picture, classes = (values[:height] for values in draw_face(0))

    def laid(values: np.ndarray) -> Image.Image:
        back = BACK[orientation]
        return Image.fromarray(values) if back is None else Image.fromarray(values).transpose(Image.Transpose(back))

    exif = Image.Exif()
    exif[0x0112] = orientation
    laid(picture).save(tmp_path / "images" / "face000.png", exif=exif)
    (laid(classes) if over == "stored" else Image.fromarray(classes)).save(tmp_path / "masks" / "face000.png")
    faces = open_labelled(tmp_path, "train", CELEBAMASK)
    assert np.array_equal(faces.read(0)[0], picture)
    assert np.array_equal(faces.read(0)[1], classes)
    x0, y0, x1, y1 = faces.faces[0].face
    inside = np.isin(classes, [1, 2, 4, 5, 10, 12, 13])
    assert inside[y0].any() and inside[y1 - 1].any() and inside[:, x0].any() and inside[:, x1 - 1].any()
