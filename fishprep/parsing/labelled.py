"""Faces with labels: pictures and the class of each of their pixels, as people keep them in folders."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from fishprep.decode import Limits, decode_file
from fishprep.decoding.turning import SIDEWAYS, upright
from fishprep.errors import ConfigurationError, DecodeError, SourceError
from fishprep.files import open_regular
from fishprep.lists import Locator, read_lines, spelled, without_suffix
from fishprep.opencv import cv2
from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.sources.walk import pictures_in

SPLITS = ("train", "val")
UNLABELLED = 255
"""Number of a pixel whose class is not known, because it lies outside the picture: it does not count."""

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")

_FACE = (
    FaceClass.SKIN,
    FaceClass.NOSE,
    FaceClass.EYEGLASSES,
    FaceClass.LEFT_EYE,
    FaceClass.RIGHT_EYE,
    FaceClass.LEFT_BROW,
    FaceClass.RIGHT_BROW,
    FaceClass.MOUTH,
    FaceClass.UPPER_LIP,
    FaceClass.LOWER_LIP,
)

_EYES = (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE, FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW)
_MOUTH = (FaceClass.MOUTH, FaceClass.UPPER_LIP, FaceClass.LOWER_LIP)

Numbering = tuple[FaceClass, ...]
"""The class that each number in a mask stands for."""

# LaPa names its sides as one who looks at the picture sees them: by the label names of FaRL's parser for it, not by its masks.
_LAPA: Numbering = (
    FaceClass.BACKGROUND,
    FaceClass.SKIN,
    FaceClass.RIGHT_BROW,
    FaceClass.LEFT_BROW,
    FaceClass.RIGHT_EYE,
    FaceClass.LEFT_EYE,
    FaceClass.NOSE,
    FaceClass.UPPER_LIP,
    FaceClass.MOUTH,
    FaceClass.LOWER_LIP,
    FaceClass.HAIR,
)

NUMBERINGS: dict[str, Numbering] = {
    **{str(order): order.classes for order in ClassOrder},
    "lapa": _LAPA,
}
"""Numberings by name. Their left and right are the subject's own."""


def numbering(text: str) -> Numbering:
    """`celebamask`, `facexlib`, `lapa`, or the names of the classes 0, 1, 2 ... with commas between them.

    ConfigurationError: an unknown name, or one given twice.
    """
    if text in NUMBERINGS:
        return NUMBERINGS[text]
    names = [name.strip() for name in text.split(",")]
    known = [str(face_class) for face_class in FaceClass]
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(
            f"--classes {text}: {unknown[0]!r} is neither a numbering ({', '.join(NUMBERINGS)}) nor a class"
            f" ({', '.join(known)})"
        )
    if len(set(names)) != len(names):
        raise ConfigurationError(f"--classes {text}: names a class twice")
    return tuple(FaceClass(name) for name in names)


@dataclass(frozen=True)
class LabelledFace:
    """One picture and its mask.

    face: box of the face's own classes (skin and what lies within it) in pixels, x0, y0, x1, y1, the last ones outside;
        the whole picture where there are none.
    present: which of the 19 classes it has, in CelebAMask-HQ's order.
    turn: the EXIF orientation by which the mask is turned upright with its picture; 1 where it stands as it is.
    """

    name: str
    picture: Path
    mask: Path
    face: tuple[int, int, int, int]
    present: tuple[bool, ...]
    turn: int = 1


@dataclass(frozen=True)
class LabelledFaces:
    """The faces of one split, checked; pixels are read when they are asked for."""

    faces: tuple[LabelledFace, ...]
    numbering: Numbering

    def __len__(self) -> int:
        return len(self.faces)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8 RGB and classes (H, W) uint8 in CelebAMask-HQ's order. Raises SourceError."""
        face = self.faces[index]
        return _picture(face.picture), upright(_classes(face.mask, self.numbering), face.turn)


Checked = Callable[[int, int], None]
"""Told how many faces are checked, and of how many."""


def open_labelled(
    root: Path, split: str, numbers: Numbering, checked: Checked = lambda done, total: None
) -> LabelledFaces:
    """The faces of `root`: `images/NAME.jpg` (or .png ...), `masks/NAME.png`, the names in `SPLIT.txt`, one a line.

    Where there is no such list, all of `images/` are of the split `train`. Masks are index images, palette or grey. Every
    mask is read and held against its picture's size once.

    SourceError names the file: no such folder or split, a picture without a mask or the other way round, a mask that
    is no index image, holds a number that `numbers` does not have, or has another size than its picture.
    """
    found = []
    names = _names(root, split)
    images, masks = Locator(root / "images"), Locator(root / "masks")
    for done, name in enumerate(names, start=1):
        picture, mask = _pair(root, name, images, masks)
        found.append(_checked(name, picture, mask, numbers))
        checked(done, len(names))
    return LabelledFaces(tuple(found), numbers)


def has_split(root: Path, split: str) -> bool:
    """Whether `root` has a list of this split."""
    return (root / f"{split}.txt").is_file()


def _names(root: Path, split: str) -> list[str]:
    for folder in ("images", "masks"):
        if not (root / folder).is_dir():
            raise SourceError(f"{root}: no folder {folder!r} in it; expected are images/NAME.jpg and masks/NAME.png")
    listed = root / f"{split}.txt"
    if listed.is_file():
        names = [_listed_name(line) for _, line in read_lines(listed)]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise SourceError(f"{listed}: names {twice[0]!r} twice")
        _refuse_shared(root, split, names)
    elif split == "train":
        names = _all_names(root)
    else:
        raise SourceError(f"{root}: no {split}.txt, which lists the faces of the split")
    if not names:
        raise SourceError(f"{listed if listed.is_file() else root / 'images'}: no faces")
    return names


def _refuse_shared(root: Path, split: str, names: list[str]) -> None:
    """A face that is trained on and validated on would be praised for being known by heart."""
    for other in (root / f"{name}.txt" for name in SPLITS if name != split):
        if other.is_file() and (shared := {_listed_name(line) for _, line in read_lines(other)} & set(names)):
            raise SourceError(f"{other}: {min(shared)!r} is in {split}.txt too; keep it in one of them")


def _listed_name(line: str) -> str:
    """The name of a face, however a list spells it: `images/a.jpg`, `./a.jpg`, `a`."""
    return without_suffix(spelled(line)).removeprefix("images/").removeprefix("masks/")


def _all_names(root: Path) -> list[str]:
    pictures = {path.stem for path in pictures_in(root / "images")}
    masks = {path.stem for path in pictures_in(root / "masks") if path.suffix.lower() == ".png"}
    if alone := sorted(masks - pictures):
        raise SourceError(f"{root / 'masks' / alone[0]}.png: there is no picture of that name in images/")
    return sorted(pictures)


def _pair(root: Path, name: str, images: Locator, masks: Locator) -> tuple[Path, Path]:
    picture = images.find(name, root)
    mask = masks.find(name, root)
    if picture is None:
        raise SourceError(f"{root / 'images' / name}: no such picture ({', '.join(PICTURES)})")
    if mask is None or mask.suffix.lower() != ".png":
        raise SourceError(f"{root / 'masks' / name}.png: no mask for {picture}")
    return picture, mask


def _checked(name: str, picture: Path, mask: Path, numbers: Numbering) -> LabelledFace:
    classes = _classes(mask, numbers)
    width, height, orientation = _stored(picture)
    turn = _turn_of_mask(classes, width, height, orientation)
    if turn is None:
        raise SourceError(
            f"{mask}: {classes.shape[1]} x {classes.shape[0]} pixels, but its picture {picture.name} has {width} x {height}"
        )
    classes = upright(classes, turn)
    present = np.bincount(classes.ravel(), minlength=len(FaceClass)) > 0
    return LabelledFace(name, picture, mask, _face_box(classes), tuple(bool(there) for there in present), turn)


def _stored(picture: Path) -> tuple[int, int, int]:
    """Width and height as stored, and the EXIF orientation."""
    try:
        with open_regular(picture) as stream, Image.open(stream) as image:
            orientation = _orientation(image)
            width, height = image.size
            if image.format == "TIFF" and orientation in SIDEWAYS:  # Pillow tells the size of the upright picture
                width, height = height, width
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise SourceError(f"{picture}: cannot be read as a picture: {error}") from error
    return width, height, orientation


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a damaged block says nothing about the way up
        return 1
    return int(found) if found in range(1, 9) else 1


def _turn_of_mask(classes: np.ndarray, width: int, height: int, orientation: int) -> int | None:
    """The orientation by which a mask is to be turned; None where it has another size than its picture.

    A mask lies over the stored pixels, and turns with them, unless its size, or else the sense of its face, say that it was drawn
    over the upright picture.
    """
    sideways = orientation in SIDEWAYS
    over_stored = classes.shape == (height, width)
    over_upright = classes.shape == ((width, height) if sideways else (height, width))
    if over_stored and over_upright:
        return 1 if _stands(classes) and not _stands(upright(classes, orientation)) else orientation
    return orientation if over_stored else 1 if over_upright else None


def _stands(classes: np.ndarray) -> bool:
    """Whether eyes and brows lie above the mouth, by more than to its side."""
    eyes, mouth = (
        np.argwhere(np.isin(classes, [number(face_class, ClassOrder.CELEBAMASK) for face_class in group]))
        for group in (_EYES, _MOUTH)
    )
    if not len(eyes) or not len(mouth):
        return False
    down, across = mouth.mean(axis=0) - eyes.mean(axis=0)
    return bool(down > abs(across))


def _face_box(classes: np.ndarray) -> tuple[int, int, int, int]:
    inside = np.isin(classes, [number(face_class, ClassOrder.CELEBAMASK) for face_class in _FACE])
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    if not len(columns):
        return 0, 0, classes.shape[1], classes.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _picture(path: Path) -> np.ndarray:
    try:
        return decode_file(path, Limits())
    except DecodeError as error:
        raise SourceError(f"{path}: {error.reason}") from error


def _classes(path: Path, numbers: Numbering) -> np.ndarray:
    """(H, W) uint8 in CelebAMask-HQ's order."""
    try:
        with open_regular(path) as stream, Image.open(stream) as image:
            if image.mode not in ("P", "L"):
                raise SourceError(
                    f"{path}: an index mask is a palette or grey picture (8 bits), this one is {image.mode}"
                )
            stored = np.array(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise SourceError(f"{path}: cannot be read as a mask: {error}") from error
    if stored.max(initial=0) >= len(numbers):
        raise SourceError(f"{path}: holds the number {stored.max()}, but the classes are 0 to {len(numbers) - 1}")
    table = np.array([number(face_class, ClassOrder.CELEBAMASK) for face_class in numbers], dtype=np.uint8)
    return cv2.LUT(stored, np.pad(table, (0, 256 - len(table))))
