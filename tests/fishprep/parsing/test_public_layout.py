"""CelebAMask-HQ as it is downloaded; masks of another size; pixels without a label; numbers that cannot be what is said."""

from pathlib import Path

import numpy as np
import pytest
from labelled import SIDE, draw_face, write_labelled
from PIL import Image

from fishprep.common.errors import SourceError
from fishprep.parsing.celebamask_hq import IMAGES, MAPPING, PARTS
from fishprep.parsing.classes import FaceClass
from fishprep.parsing.labelled import NUMBERINGS, UNLABELLED, has_split, open_labelled
from fishprep.parsing.plausible import implausible

CELEBAMASK = NUMBERINGS["celebamask"]
PART_NAMES = {1: "skin", 2: "nose", 4: "l_eye", 5: "r_eye", 12: "l_lip", 13: "hair"}
ORIGINS = {0: 162_769, 1: 162_770, 2: 182_636, 3: 182_637, 2001: 5}
"""Number of a picture → index of its photo in CelebA: at the borders of its official split."""


def write_public(root: Path, mapping: bool = True) -> Path:
    """Pictures of twice the masks' size, in the public layout."""
    for number in ORIGINS:
        picture, classes = draw_face(number)
        parts = root / PARTS / str(number // 2000)
        for folder in (root / IMAGES, parts):
            folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).resize((2 * SIDE, 2 * SIDE), Image.Resampling.NEAREST).save(
            root / IMAGES / f"{number}.jpg", quality=98
        )
        for value, name in PART_NAMES.items():
            white = np.where(classes == value, 255, 0).astype(np.uint8)
            if name == "skin":  # as there: beneath the parts that lie on it
                white[np.isin(classes, [2, 4, 5, 12])] = 255
            Image.fromarray(white).convert("RGB" if number % 2 else "L").save(parts / f"{number:05d}_{name}.png")
    (root / PARTS / "0" / "notes.txt").write_text("no part\n")
    lines = "".join(f"{number}  {origin}  {origin + 1:06d}.jpg\n" for number, origin in ORIGINS.items())
    if mapping:
        (root / MAPPING).write_text("idx orig_idx orig_file\n" + lines)
    return root


@pytest.mark.parametrize("below", ["", "CelebAMask-HQ"])
def test_the_public_layout_is_read_in_celebas_split(tmp_path: Path, below: str) -> None:
    write_public(tmp_path / below)
    names = {
        split: [face.name for face in open_labelled(tmp_path, split, CELEBAMASK).faces]
        for split in ("train", "val", "test")
    }
    assert names == {"train": ["0", "2001"], "val": ["1", "2"], "test": ["3"]}
    assert has_split(tmp_path, "val") and not has_split(tmp_path, "other")
    faces = open_labelled(tmp_path, "train", CELEBAMASK)
    for index, number in enumerate((0, 2001)):
        picture, classes = faces.read(index)
        drawn_picture, drawn = draw_face(number)
        assert np.array_equal(classes, drawn)
        assert np.abs(picture.astype(int) - drawn_picture).mean() < 3  # in the masks' size
        assert np.flatnonzero(faces.faces[index].present).tolist() == np.unique(drawn).tolist()


def test_without_the_mapping_all_faces_are_for_training_and_lists_win(tmp_path: Path) -> None:
    write_public(tmp_path, mapping=False)
    assert len(open_labelled(tmp_path, "train", CELEBAMASK)) == 5 and not has_split(tmp_path, "val")
    with pytest.raises(SourceError, match="no faces of the split val"):
        open_labelled(tmp_path, "val", CELEBAMASK)
    (tmp_path / "val.txt").write_text("2001.jpg\n")
    assert [face.name for face in open_labelled(tmp_path, "val", CELEBAMASK).faces] == ["2001"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: [path.unlink() for path in (root / PARTS / "1").iterdir()], "no part of 2001.jpg"),
        (lambda root: (root / MAPPING).write_text("idx\n0 x\n"), "line 2: expected the numbers"),
        (lambda root: (root / MAPPING).write_text("0 7 000008.jpg\n"), "does not name 1.jpg"),
        (
            lambda root: Image.new("L", (9, 9)).save(root / PARTS / "0/00000_hair.png"),
            "00000_hair.png: has another size",
        ),
        (lambda root: (root / PARTS / "0/00000_hair.png").write_bytes(b"rubbish"), "00000_hair.png: cannot be read"),
    ],
)
def test_a_damaged_download_names_the_file(tmp_path: Path, spoil, said: str) -> None:  # type: ignore[no-untyped-def]
    spoil(write_public(tmp_path))
    with pytest.raises(SourceError, match=said):
        open_labelled(tmp_path, "train", CELEBAMASK)


@pytest.mark.parametrize("factor", [0.5, 2])
def test_picture_and_mask_of_one_shape_meet_in_the_smaller_size(tmp_path: Path, factor: float) -> None:
    write_labelled(tmp_path, 1)
    path = tmp_path / "images" / "face000.png"
    side = int(SIDE * factor)
    Image.open(path).resize((side, side), Image.Resampling.BOX).save(path)
    faces = open_labelled(tmp_path, "train", CELEBAMASK)
    picture, classes = faces.read(0)
    assert picture.shape[:2] == classes.shape == (min(side, SIDE),) * 2
    drawn = draw_face(0)[1]
    assert np.array_equal(classes, drawn if factor > 1 else drawn[1::2, 1::2])
    x0, y0, x1, y1 = faces.faces[0].face
    assert 0 <= x0 < x1 <= len(classes) and 0 <= y0 < y1 <= len(classes)


def test_255_is_no_label(tmp_path: Path) -> None:
    write_labelled(tmp_path, 1)
    path = tmp_path / "masks" / "face000.png"
    classes = np.array(Image.open(path))
    classes[:20] = UNLABELLED
    Image.fromarray(classes).save(path)
    faces = open_labelled(tmp_path, "train", CELEBAMASK)
    assert np.array_equal(faces.read(0)[1], classes)
    counts = np.bincount(classes[20:].ravel(), minlength=19)
    assert faces.shares()[FaceClass.SKIN] == pytest.approx(counts[1] / counts.sum())
    assert sum(faces.shares().values()) == pytest.approx(1)


def requantised(mask: Image.Image) -> np.ndarray:
    """The commonest colour first, as an adaptive palette numbers them."""
    _, places = np.unique(np.array(mask), return_inverse=True)
    order = np.argsort(-np.bincount(places.ravel()))
    return np.argsort(order)[places].astype(np.uint8).reshape(mask.size[::-1])


def test_masks_saved_with_another_palette_are_found_out(tmp_path: Path) -> None:
    write_labelled(tmp_path, 3)
    for path in (tmp_path / "masks").iterdir():
        Image.fromarray(requantised(Image.open(path))).save(path)
    with pytest.raises(
        SourceError, match=r"cannot hold what their numbers are said to mean: over 3 faces nose \d+\.\d%"
    ):
        open_labelled(tmp_path, "train", CELEBAMASK)


def test_masks_without_skin_are_found_out(tmp_path: Path) -> None:
    write_labelled(tmp_path, 2)
    swapped = (FaceClass.BACKGROUND, FaceClass.HAT, *CELEBAMASK[2:14], FaceClass.SKIN)
    with pytest.raises(SourceError, match=r"skin 0\.0% of the pixels.*--classes"):
        open_labelled(tmp_path, "train", swapped)
    assert len(open_labelled(tmp_path, "train", swapped[:-1])) == 2  # where nothing is said to be skin


@pytest.mark.faces
def test_real_masks_are_plausible_in_their_numbering_alone(faces: Path) -> None:
    found = open_labelled(faces / "celebamask", "val", CELEBAMASK)
    shares = found.shares()
    assert implausible(shares, len(found)) == ""
    orders = zip(
        NUMBERINGS["facexlib"], CELEBAMASK, strict=True
    )  # stored in facexlib's numbers, read as CelebAMask-HQ's
    assert "neck" in implausible({said: shares[meant] for meant, said in orders}, len(found))
    with pytest.raises(SourceError, match="--classes"):
        open_labelled(faces / "celebamask", "val", NUMBERINGS["facexlib"])
