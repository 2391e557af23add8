"""The pictures that are written: PNG, whole or not at all, under names that tell the input and the face."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fishfsr.upscaling.pasting import BICUBIC
from fishprep.files import atomic

GAP = 4
CROPPED, RESTORED, PHOTOS, COMPARISONS = "cropped_faces", "restored_faces", "restored_photos", "comparisons"
FOLDERS = (CROPPED, RESTORED, PHOTOS, COMPARISONS)


@dataclass
class Album:
    """Writes the pictures of one input. out: the output folder. name: of the input. files: what was written, relative to `out`."""

    out: Path
    name: str
    files: list[str] = field(default_factory=list)

    def save_face(self, folder: str, number: int, image: np.ndarray) -> None:
        """Write `folder/NAME_NN.png`; `image` (h, w, 3) uint8."""
        self._save(f"{folder}/{self.name}_{number:02d}.png", image)

    def save_photo(self, image: np.ndarray) -> None:
        """Write `restored_photos/NAME.png`."""
        self._save(f"{PHOTOS}/{self.name}.png", image)

    def remove(self) -> None:
        """Take away what was written."""
        remove_files(self.out, self.files)
        self.files.clear()

    def _save(self, file: str, image: np.ndarray) -> None:
        path = self.out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            # Level 1: half again as large as the default 6, and several times as fast.
            Image.fromarray(image).save(temporary, format="PNG", compress_level=1)
        self.files.append(file)


def remove_files(out: Path, files: Iterable[str]) -> None:
    """Take away files below `out`; those that are not there are passed over."""
    for file in files:
        (out / file).unlink(missing_ok=True)


def remove_leftovers(out: Path) -> None:
    """Take away what a killed run left half written in the folders of pictures."""
    for folder in FOLDERS:
        for path in (out / folder).rglob(".*.png.*.tmp"):
            path.unlink(missing_ok=True)


def comparison(crop: np.ndarray, lr: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """What the model saw (its pixels as squares) | the crop enlarged by bicubic | the restored face, all of the last one's size."""
    height, width = restored.shape[:2]
    seen = Image.fromarray(lr).resize((width, height), Image.Resampling.NEAREST)
    plain = Image.fromarray(crop).resize((width, height), BICUBIC)
    gap = np.full((height, GAP, 3), 255, np.uint8)
    return np.concatenate([np.asarray(seen), gap, np.asarray(plain), gap, restored], axis=1)
