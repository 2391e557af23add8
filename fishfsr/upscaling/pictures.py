"""The pictures that are written: whole or not at all, under names that tell the input and the face."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.carried import Carried
from fishfsr.upscaling.pasting import BICUBIC
from fishprep.common.files import atomic, sweep_below

GAP = 4
CROPPED, RESTORED, PHOTOS, COMPARISONS = "cropped_faces", "restored_faces", "restored_photos", "comparisons"
FOLDERS = (CROPPED, RESTORED, PHOTOS, COMPARISONS)


_SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_LARGEST_SIDES = {"jpeg": 65_500, "webp": 16_383}
_LONGEST_BLOCK = 65_000  # of metadata in a JPEG
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(frozen=True)
class PictureFormat:
    """How pictures are written. name: png, jpeg or webp. quality: 1 to 100, of the two that lose; WebP loses nothing at 100."""

    name: str = "png"
    quality: int = 95

    def __post_init__(self) -> None:
        if self.name not in _SUFFIXES:
            raise ConfigurationError(f"format = {self.name!r}: one of {', '.join(_SUFFIXES)}")
        if not 1 <= self.quality <= 100:
            raise ConfigurationError(f"quality = {self.quality}: from 1 to 100")

    @property
    def suffix(self) -> str:
        """Of its files."""
        return _SUFFIXES[self.name]

    @property
    def largest_side(self) -> int:
        """Pixels that a side may have."""
        return _LARGEST_SIDES.get(self.name, 2**31 - 1)

    @property
    def holds_alpha(self) -> bool:
        """Whether transparency can be written."""
        return self.name != "jpeg"

    def write(self, image: np.ndarray, path: Path, carried: Carried = Carried()) -> None:  # noqa: B008 (frozen)
        """Write (H, W, 3) or, with alpha, (H, W, 4) uint8."""
        Image.fromarray(image).save(path, format=self.name.upper(), **self._options(carried))

    def _options(self, carried: Carried) -> dict[str, Any]:
        options: dict[str, Any] = {"exif": carried.exif} if carried.exif else {}
        if carried.dpi:
            options["dpi"] = carried.dpi
        if self.name == "png":
            info = PngInfo()
            if carried.xmp:
                info.add_itxt("XML:com.adobe.xmp", carried.xmp.decode("utf-8", "replace"))
            # Level 1: half again as large as the default 6, and several times as fast.
            return {**options, "pnginfo": info, "compress_level": 1}
        if self.name == "webp":
            return {
                **options,
                "xmp": carried.xmp,
                "quality": self.quality,
                "lossless": self.quality == 100,
                "exact": True,
            }
        if len(carried.exif) > _LONGEST_BLOCK:
            del options["exif"]
        body = _XMP_MARK + carried.xmp
        if carried.xmp and len(body) <= _LONGEST_BLOCK:
            options["extra"] = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        return {**options, "quality": self.quality, "subsampling": 0 if self.quality >= 90 else 2}


@dataclass
class Album:
    """Writes the pictures of one input. out: the output folder. name: of the input. files: what was written, relative to `out`."""

    out: Path
    name: str
    format: PictureFormat = field(default_factory=PictureFormat)
    files: list[str] = field(default_factory=list)

    def save_face(self, folder: str, number: int, image: np.ndarray) -> None:
        """Write `folder/NAME_NN`; `image` (h, w, 3 or 4) uint8."""
        self._save(f"{folder}/{self.name}_{number:02d}{self.format.suffix}", image, Carried())

    def save_photo(self, image: np.ndarray, carried: Carried) -> None:
        """Write `restored_photos/NAME`; `image` (H, W, 3 or 4) uint8."""
        self._save(f"{PHOTOS}/{self.name}{self.format.suffix}", image, carried)

    def remove(self) -> None:
        """Take away what was written."""
        remove_files(self.out, self.files)
        self.files.clear()

    def _save(self, file: str, image: np.ndarray, carried: Carried) -> None:
        path = self.out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            self.format.write(image, temporary, carried)
        self.files.append(file)


def remove_files(out: Path, files: Iterable[str]) -> None:
    """Take away files below `out`; those that are not there are passed over."""
    for file in files:
        (out / file).unlink(missing_ok=True)


def remove_half_written(out: Path) -> None:
    """Take away what a killed run left half written in the folders of pictures."""
    for folder in FOLDERS:
        for suffix in _SUFFIXES.values():
            sweep_below(out / folder, suffix)


def comparison(crop: np.ndarray, lr: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """What the model saw (its pixels as squares) | the crop enlarged by bicubic | the restored face, all of the last one's size."""
    height, width = restored.shape[:2]
    seen = Image.fromarray(lr).resize((width, height), Image.Resampling.NEAREST)
    plain = Image.fromarray(crop).resize((width, height), BICUBIC)
    gap = np.full((height, GAP, 3), 255, np.uint8)
    return np.concatenate([np.asarray(seen), gap, np.asarray(plain), gap, restored], axis=1)
