"""What pairs make of turned faces, with `--upright` and without: PSNR-Y of the face against the photo that it was made from.

    python benchmarks/upright.py ../shared/faces [--photos 20] [--angles 0 30 60 90]

FACES is as in `face_pictures.py`. Each photo is turned as a whole and shrunk until the crop of its face has 128 px; that is the truth.
A quarter of it (Pillow's bicubic kernel) is enlarged by 4 as `fishfsr upscale` does with the shipped pairs, and by bicubic alone. The
error is that of the pixels within the outline of the face's annotated points, of photos whose face was restored both ways.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from face_pictures import Shown, read_portraits, scaled, turned
from PIL import Image

from fishfsr.upscaling.photo import UpscaledPhoto
from fishfsr.upscaling.results import PhotoSize
from fishfsr.upscaling.upscaler import Upscaler, UpscaleSettings
from fishprep.faces.turned import eye_angle, turned_about

SCALE, CROP, EXPAND = 4, 128, 1.5
LUMA = np.array([65.481, 128.553, 24.966]) / 255


@dataclass
class Gains:
    """Of photos turned by one angle: PSNR-Y of the face, enlarged by bicubic, restored as it stands, restored upright."""

    decibels: list[tuple[float, float, float]] = field(default_factory=list)
    photos: int = 0

    def row(self, angle: int) -> str:
        if not self.decibels:
            return f"{angle:5} {0:4} of {self.photos:<4}"
        bicubic, plain, upright = np.mean(self.decibels, 0)
        better = sum(two > one for _, one, two in self.decibels)
        counts = f"{angle:5} {len(self.decibels):4} of {self.photos:<4}"
        gains = f"{bicubic:8.2f} {plain:7.2f} ({plain - bicubic:+.2f}) {upright:7.2f} ({upright - bicubic:+.2f})"
        return f"{counts} {gains} {better:6}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, metavar="FACES")
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--angles", type=int, nargs="+", default=(0, 30, 60, 90))
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    portraits = read_portraits([given.faces / "helen", given.faces / "afw"], given.photos)
    as_it_stands, upright = (
        Upscaler(UpscaleSettings(kind="photo", device="cpu", upright=turn)) for turn in (False, True)
    )
    print(f"{'angle':>5} {'restored':12} {'bicubic':>8} {'as it stands':>15} {'upright':>15} {'better':>6}")
    for angle in given.angles:
        gains = Gains()
        for portrait in portraits:
            truth = truth_of(portrait, angle)
            small = resized(truth.image, 1 / SCALE)
            size = PhotoSize(SCALE, keep_all=True)
            results = [upscaler.photo(small, size) for upscaler in (as_it_stands, upright)]
            gains.photos += 1
            if all(restores(result, truth) for result in results):
                bicubic = resized(small, SCALE)
                first, second, third = (decibel(each, truth) for each in (bicubic, *(r.photo for r in results)))
                gains.decibels.append((first, second, third))
        print(gains.row(angle), flush=True)


def truth_of(portrait: Shown, angle: int) -> Shown:
    """The photo turned, its face's level crop of `CROP` px, sides that `SCALE` divides."""
    whole = turned(portrait, angle)
    points = whole.truths[0]
    level = turned_about(points, points.mean(0), -eye_angle(points))
    shown = scaled(whole, CROP / (EXPAND * float(np.ptp(level, axis=0).max())))
    height, width = (length // SCALE * SCALE for length in shown.image.shape[:2])
    return Shown(np.ascontiguousarray(shown.image[:height, :width]), shown.truths)


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    """By Pillow's bicubic kernel."""
    height, width = (round(length * factor) for length in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def restores(result: UpscaledPhoto, truth: Shown) -> bool:
    """Whether a pair took the annotated face."""
    x, y = (truth.truths[0].mean(0) + 0.5) / SCALE - 0.5
    return any(f.model and f.box[0] < x < f.box[2] and f.box[1] < y < f.box[3] for f in result.faces)


def decibel(image: np.ndarray, truth: Shown) -> float:
    """PSNR-Y within the outline of the points."""
    outline = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(outline, cv2.convexHull(np.round(truth.truths[0]).astype(np.int32)), 1)
    apart = (image.astype(np.float64) - truth.image) @ LUMA
    return float(10 * np.log10(255**2 / np.square(apart[outline > 0]).mean()))


if __name__ == "__main__":
    main()
