"""Faces by every method: the same faces for all, the worst and those about the median of the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fishfsr.evaluation.faces import SplitFaces
from fishfsr.evaluation.measures import PSNR, Column
from fishfsr.evaluation.methods import Enlarger
from fishfsr.evaluation.pictures import Pixels, to_uint8


@dataclass(frozen=True)
class GalleryPicture:
    """What one method makes of a face, with its PSNR."""

    title: str
    pixels: Pixels
    psnr: float


@dataclass(frozen=True)
class GalleryFace:
    """A face by its number and id, LR (s, s, 3) and HR (128, 128, 3), and by every method. `why`: worst or median."""

    number: int
    id: str
    why: str
    lr: Pixels
    hr: Pixels
    pictures: tuple[GalleryPicture, ...]


def choose(values: Column, shown: int) -> dict[int, str]:
    """Numbers of `shown` faces each, with why: the lowest of `values` (N,), and those about the middle; none twice."""
    ascending = np.argsort(np.where(np.isnan(values), -np.inf, values), kind="stable")
    worst = [int(number) for number in ascending[:shown]]
    start = max(0, (len(ascending) - shown) // 2)
    middle = [int(number) for number in ascending[start : start + shown] if int(number) not in worst]
    return dict.fromkeys(worst, "worst") | dict.fromkeys(middle, "median")


def pictures_of(
    faces: SplitFaces, numbers: Sequence[int], title: str, enlarger: Enlarger, columns: Mapping[str, Column]
) -> tuple[GalleryPicture, ...]:
    """The faces `numbers` by one method."""
    pixels = to_uint8(enlarger(faces.take(numbers)).enlarged[enlarger.headline])
    return tuple(
        GalleryPicture(title, pixels[place], float(columns[PSNR][number])) for place, number in enumerate(numbers)
    )


def gallery(
    faces: SplitFaces, numbers: Mapping[int, str], methods: Sequence[Sequence[GalleryPicture]]
) -> tuple[GalleryFace, ...]:
    """Face by face what the `methods` made of `numbers`, in this order."""
    if not numbers:
        return ()
    batch = faces.take(list(numbers))
    return tuple(
        GalleryFace(
            number,
            faces.place(number)[0],
            why,
            batch.lr[place],
            batch.hr[place],
            tuple(each[place] for each in methods),
        )
        for place, (number, why) in enumerate(numbers.items())
    )
