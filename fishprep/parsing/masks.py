"""Masks as people keep them: one index picture of all classes, or one black-and-white picture a class."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from fishprep.common.errors import SourceError
from fishprep.common.files import open_regular
from fishprep.common.opencv import cv2
from fishprep.parsing.classes import ClassOrder, FaceClass, number

UNLABELLED = 255
"""Number of a pixel whose class is not known, in a mask or because it lies outside the picture: it does not count."""

Numbering = tuple[FaceClass, ...]
"""The class that each number in a mask stands for."""


@dataclass(frozen=True)
class IndexMask:
    """A palette or grey picture whose values are class numbers; 255 is no label."""

    path: Path
    numbers: Numbering

    @property
    def name(self) -> str:
        """Of the file."""
        return self.path.name

    def read(self) -> np.ndarray:
        """(H, W) uint8 in CelebAMask-HQ's order, 255 where there is no label. SourceError names the file."""
        with opened_mask(self.path) as image:
            if image.mode not in ("P", "L"):
                raise SourceError(
                    f"{self.path}: an index mask is a palette or grey picture (8 bits), this one is {image.mode}"
                )
            stored = np.array(image)
        most = int(stored[stored != UNLABELLED].max(initial=0))
        if most >= len(self.numbers):
            raise SourceError(f"{self.path}: holds the number {most}, but the classes are 0 to {len(self.numbers) - 1}")
        table = np.full(256, UNLABELLED, np.uint8)
        table[: len(self.numbers)] = [number(face_class, ClassOrder.CELEBAMASK) for face_class in self.numbers]
        return cv2.LUT(stored, table)


@dataclass(frozen=True)
class PartMasks:
    """A picture a class, white where the class is, in the order in which they are laid over each other: the last is on top."""

    folder: Path
    stem: str
    parts: tuple[tuple[FaceClass, str], ...]
    """Class and file name."""

    @property
    def name(self) -> str:
        """Of its files, without the part."""
        return self.stem

    def read(self) -> np.ndarray:
        """As `IndexMask.read`; background where no part is."""
        classes: np.ndarray | None = None
        for face_class, file in self.parts:
            with opened_mask(self.folder / file) as image:
                white = np.array(image.convert("L")) > 127
            if classes is None:
                classes = np.zeros(white.shape, np.uint8)
            if white.shape != classes.shape:
                raise SourceError(f"{self.folder / file}: has another size than the other parts of {self.stem}")
            classes[white] = number(face_class, ClassOrder.CELEBAMASK)
        assert classes is not None, "a face has at least one part"
        return classes


Mask = IndexMask | PartMasks


def opened_mask(path: Path) -> Image.Image:
    """A picture of labels, its pixels loaded. SourceError names the file."""
    try:
        with open_regular(path) as stream:
            image = Image.open(stream)
            image.load()
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read as a mask: {error}") from error
    return image
