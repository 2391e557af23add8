"""CelebAMask-HQ as it is downloaded: pictures of 1024², masks of 512², one file a part, the split that CelebA's numbers imply."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import SourceError
from fishprep.common.text_files import read_lines
from fishprep.parsing.classes import FaceClass
from fishprep.parsing.masks import PartMasks

IMAGES, PARTS, MAPPING = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno", "CelebA-HQ-to-CelebA-mapping.txt"

_NAMES = (
    *("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip"),
    *("hair", "hat", "ear_r", "neck_l", "neck", "cloth"),
)
_CLASS_OF = dict(zip(_NAMES, list(FaceClass)[1:], strict=True))
"""Part → class, in the order in which the data set's authors lay them over each other."""

_PART = re.compile(rf"(\d+)_({'|'.join(_NAMES)})\.png", re.ASCII)
_FIRST_VAL, _FIRST_TEST = 162_770, 182_637
"""CelebA's official split, by the index (from 0) of the photo that a picture was made of."""


@dataclass(frozen=True)
class CelebAMaskHQ:
    """The data set below `root`, the folder that holds `CelebA-HQ-img`."""

    root: Path

    @classmethod
    def find(cls, root: Path) -> "CelebAMaskHQ | None":
        """The data set in a folder, or in `CelebAMask-HQ` in it."""
        for place in (root, root / "CelebAMask-HQ"):
            if (place / IMAGES).is_dir() and (place / PARTS).is_dir():
                return cls(place)
        return None

    def splits(self) -> dict[str, list[str]]:
        """Names of the faces by split; all are `train` where the mapping to CelebA is not there. SourceError where it is damaged."""
        mapping = self.root / MAPPING
        names = sorted(self._pictures(), key=lambda name: (len(name), name))
        if not mapping.is_file():
            return {"train": names}
        origin: dict[str, int] = {}
        for line_number, line in read_lines(mapping):
            fields = line.split()
            if line_number == 1 and not fields[0].isdecimal():
                continue
            if len(fields) < 2 or not (fields[0].isdecimal() and fields[1].isdecimal()):
                raise SourceError(
                    f"{mapping}, line {line_number}: expected the numbers of a picture and of its photo in CelebA"
                )
            origin[fields[0]] = int(fields[1])
        if unknown := [name for name in names if name not in origin]:
            raise SourceError(f"{mapping}: does not name {unknown[0]}.jpg of {IMAGES}/")
        splits: dict[str, list[str]] = defaultdict(list)
        for name in names:
            splits[_official(origin[name])].append(name)
        return dict(splits)

    def faces(self, names: list[str]) -> Iterator[tuple[str, Path, PartMasks]]:
        """Name, picture and masks of faces. SourceError where a picture has no part."""
        pictures, parts = self._pictures(), self._parts()
        for name in names:
            if name not in pictures:
                raise SourceError(f"{self.root / IMAGES / name}.jpg: no such picture")
            if not (found := parts.get(int(name)) if name.isdecimal() else None):
                raise SourceError(f"{self.root / PARTS}: no part of {name}.jpg in it")
            folder, files = found
            laid = tuple((_CLASS_OF[part], files[part]) for part in _NAMES if part in files)
            yield name, pictures[name], PartMasks(folder, f"{int(name):05d}", laid)

    def _pictures(self) -> dict[str, Path]:
        found = {path.stem: path for path in (self.root / IMAGES).iterdir() if path.suffix.lower() in (".jpg", ".png")}
        return {name: path for name, path in found.items() if name.isdecimal()}

    def _parts(self) -> dict[int, tuple[Path, dict[str, str]]]:
        """Number of a picture → the folder of its parts, and their files by part."""
        found: dict[int, tuple[Path, dict[str, str]]] = {}
        for folder in (self.root / PARTS, *sorted(path for path in (self.root / PARTS).iterdir() if path.is_dir())):
            for entry in os.scandir(folder):
                if match := _PART.fullmatch(entry.name):
                    found.setdefault(int(match[1]), (folder, {}))[1][match[2]] = entry.name
        return found


def _official(index: int) -> str:
    return "train" if index < _FIRST_VAL else "val" if index < _FIRST_TEST else "test"
