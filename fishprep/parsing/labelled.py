"""Faces with labels: pictures and the class of each of their pixels, as people keep them in folders."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from fishprep.common.errors import ConfigurationError, DecodeError, SourceError
from fishprep.common.files import open_regular
from fishprep.common.locator import Locator
from fishprep.common.progress import TellCount
from fishprep.common.spelling import spelled, without_suffix
from fishprep.common.text_files import read_lines
from fishprep.decoding.decode import Limits, decode_file
from fishprep.decoding.turning import SIDEWAYS, upright
from fishprep.parsing.celebamask_hq import CelebAMaskHQ
from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.parsing.fitting import in_one_size, same_shape, smaller, turn_of_mask
from fishprep.parsing.masks import UNLABELLED as UNLABELLED
from fishprep.parsing.masks import IndexMask, Mask, Numbering
from fishprep.parsing.plausible import implausible
from fishprep.sources.walk import pictures_in

SPLITS = ("train", "val")
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
    shares: of each of them in its labelled pixels.
    turn: the EXIF orientation by which the mask is turned upright with its picture; 1 where it stands as it is.
    """

    name: str
    picture: Path
    mask: Mask
    face: tuple[int, int, int, int]
    present: tuple[bool, ...]
    shares: tuple[float, ...]
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
        return in_one_size(_picture(face.picture), upright(face.mask.read(), face.turn))

    def shares(self) -> dict[FaceClass, float]:
        """Mean share of each class in the labelled pixels of a face."""
        means = np.mean([face.shares for face in self.faces], axis=0)
        return dict(zip(FaceClass, means.tolist(), strict=True))


def open_labelled(
    root: Path, split: str, numbers: Numbering, checked: TellCount = lambda done, total: None
) -> LabelledFaces:
    """The faces of `root`: `images/NAME.jpg` (or .png ...), `masks/NAME.png`, the names in `SPLIT.txt`, one a line.

    Where there is no such list, all of `images/` are of the split `train`. Masks are index images, palette or grey. Every
    mask is read and held against its picture's size once.

    SourceError names the file: no such folder or split, a picture without a mask or the other way round, a mask that
    is no index image, holds a number that `numbers` does not have, or has another size than its picture.
    """
    found = []
    names, pairs = _faces(root, split, numbers)
    for done, (name, picture, mask) in enumerate(pairs, start=1):
        found.append(_checked(name, picture, mask))
        checked(done, len(names))
    faces = LabelledFaces(tuple(found), numbers)
    if FaceClass.SKIN in numbers and (said := implausible(faces.shares(), len(faces))):
        raise SourceError(f"{root}: {said}")
    return faces


def has_split(root: Path, split: str) -> bool:
    """Whether `root` has a list of this split, or is a data set that has it."""
    if (root / f"{split}.txt").is_file():
        return True
    public = CelebAMaskHQ.find(root)
    return public is not None and split in public.splits()


def _faces(root: Path, split: str, numbers: Numbering) -> tuple[list[str], Iterator[tuple[str, Path, Mask]]]:
    """Names of the faces of a split, and each with its picture and its mask."""
    if public := CelebAMaskHQ.find(root):
        names = _listed_names(root, split) or public.splits().get(split, [])
        if not names:
            raise SourceError(f"{root}: no faces of the split {split}, neither by {split}.txt nor by CelebA's numbers")
        return names, public.faces(names)
    names = _names(root, split)
    images, masks = Locator(root / "images"), Locator(root / "masks")
    pairs = ((name, *_pair(root, name, images, masks)) for name in names)
    return names, ((name, picture, IndexMask(mask, numbers)) for name, picture, mask in pairs)


def _listed_names(root: Path, split: str) -> list[str]:
    """The names in the list of a split; none where there is no list."""
    listed = root / f"{split}.txt"
    if not listed.is_file():
        return []
    names = [_listed_name(line) for _, line in read_lines(listed)]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise SourceError(f"{listed}: names {twice[0]!r} twice")
    _refuse_shared(root, split, names)
    return names


def _names(root: Path, split: str) -> list[str]:
    for folder in ("images", "masks"):
        if not (root / folder).is_dir():
            raise SourceError(f"{root}: no folder {folder!r} in it; expected are images/NAME.jpg and masks/NAME.png")
    listed = root / f"{split}.txt"
    if listed.is_file():
        names = _listed_names(root, split)
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


def _checked(name: str, picture: Path, mask: Mask) -> LabelledFace:
    classes = mask.read()
    width, height, orientation = _stored(picture)
    scaled = same_shape(classes.shape, (height, width))
    turn = turn_of_mask(classes, *(scaled or (width, height)), orientation)
    if turn is None:
        raise SourceError(
            f"{_place(mask)}: {classes.shape[1]} x {classes.shape[0]} pixels, but its picture {picture.name} has {width} x {height}"
        )
    classes = upright(classes, turn)
    seen = upright(np.empty((height, width, 1), np.uint8), orientation).shape
    classes = classes if classes.shape[0] <= seen[0] else smaller(classes, (seen[0], seen[1]))
    counts = np.bincount(classes[classes != UNLABELLED], minlength=len(FaceClass))
    shares = counts / max(1, counts.sum())
    return LabelledFace(
        name, picture, mask, face_box(classes), tuple((counts > 0).tolist()), tuple(shares.tolist()), turn
    )


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


def face_box(classes: np.ndarray) -> tuple[int, int, int, int]:
    """Box of the face's own classes in a map (H, W) of CelebAMask-HQ's order, as in `LabelledFace`."""
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


def _place(mask: Mask) -> Path:
    return mask.path if isinstance(mask, IndexMask) else mask.folder / mask.stem
