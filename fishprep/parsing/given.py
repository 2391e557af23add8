"""Maps that somebody else has made or drawn: read from files, not made of pictures."""

from pathlib import Path

import numpy as np
from PIL import Image

from fishprep.common.errors import SourceError
from fishprep.parsing.base import FaceParser, ParsedFaces
from fishprep.parsing.classes import ClassOrder
from fishprep.parsing.masks import UNLABELLED, IndexMask, opened_mask
from fishprep.parsing.skin import SkinFusion
from fishprep.shards.schema import HR_SIZE

GIVEN: dict[str, ClassOrder | None] = {
    "masks": ClassOrder.CELEBAMASK,
    "masks-facexlib": ClassOrder.FACEXLIB,
    "masks-skin": None,
}
"""Names in the place of a parser's → the numbering of the classes in the masks; None where they know skin alone."""


class GivenMaps(FaceParser):
    """Stands in the place of a parser where each face brings its own map. settings, weights: as of a parser, for the recipe."""

    def __init__(self, name: str, fusion: SkinFusion) -> None:
        self.name, self._order, self._fusion = name, GIVEN[name], fusion
        self.settings: dict[str, object] = {"skin_classes": sorted(map(str, fusion.classes)), "resized": "nearest"}
        self.weights: dict[str, str] = {}

    def parse(self, images: np.ndarray, landmarks: np.ndarray) -> ParsedFaces:
        """Of no face alone: maps are not made here. ValueError for any."""
        if len(images):
            raise ValueError("a map that is given is not made of the picture")
        return self.fused([])

    def read(self, path: Path, side: int | None = None) -> np.ndarray:
        """The map in a file, (128, 128) uint8: classes in CelebAMask-HQ's order, or skin in {0, 1}. SourceError names the file.

        side: pixels that it must have a side; None takes a square of any size.
        """
        found = _skin(path) if self._order is None else IndexMask(path, self._order.classes).read()
        height, width = found.shape
        if height != width:
            raise SourceError(f"{path}: {width} x {height} pixels: the mask of a face crop is square")
        if side is not None and height != side:
            raise SourceError(
                f"{path}: {width} x {height} pixels: the faces are cut out of their photos, and a mask is that of the cut face, "
                f"{side} x {side}; masks of whole photos are not cut"
            )
        if self._order is not None and (found == UNLABELLED).any():
            raise SourceError(f"{path}: has pixels without a label (255): every pixel of a face crop needs its class")
        return np.asarray(Image.fromarray(found).resize((HR_SIZE, HR_SIZE), Image.Resampling.NEAREST))

    def fused(self, maps: list[np.ndarray]) -> ParsedFaces:
        """Maps as `read` gives them → what a parser gives."""
        stacked = np.stack(maps) if maps else np.empty((0, HR_SIZE, HR_SIZE), np.uint8)
        if self._order is None:
            return ParsedFaces(stacked, None)
        return ParsedFaces(self._fusion.fuse(stacked), stacked)


def _skin(path: Path) -> np.ndarray:
    with opened_mask(path) as image:
        if image.mode not in ("1", "L", "P"):
            raise SourceError(
                f"{path}: a map of skin is a black and white, grey or palette picture, this one is {image.mode}"
            )
        stored = np.array(image if image.mode == "P" else image.convert("L"))
    values = set(np.unique(stored).tolist())
    if not (values <= {0, 1} or values <= {0, 255}):
        raise SourceError(f"{path}: a map of skin holds 0 and 1, or 0 and 255; this one {sorted(values)[:4]} and more")
    return (stored > 0).astype(np.uint8)
