"""The faces that are shown: which they are, and their pictures by every method, made again for these few."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fishfsr.evaluation.faces import SplitFaces
from fishfsr.evaluation.methods import BICUBIC, Methods, Outputs
from fishfsr.evaluation.pictures import Pixels, grey, grid, to_uint8
from fishfsr.evaluation.settings import MapChoice

COLUMNS = ("LR", "Bicubic", "SR", "HR", "Map")
SHEETS = ("worst", "median", "best", "all", "maps")
"""Every name that a grid can have."""
MAP_FACES = 4
"""Faces in the grid of maps: taken from the middle sheet, which is about the median."""


@dataclass(frozen=True)
class RankedSheet:
    """Faces shown together: `name` is a file name's part, `title` stands above them, `numbers` are theirs in the split."""

    name: str
    title: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ShownFace:
    """One face, uint8 RGB: `lr` (s, s, 3), `hr` (128, 128, 3), `enlarged` (128, 128, 3) and `maps` (s, s, 3) by method.

    `truth`: the shard's map (s, s, 3).
    """

    number: int
    id: str
    lr: Pixels
    hr: Pixels
    truth: Pixels
    enlarged: dict[str, Pixels]
    maps: dict[str, Pixels]

    def strip(self, headline: str) -> list[Pixels]:
        """LR, bicubic, SR, HR, and the map that SR was made with (the true one where the network reads none)."""
        return [
            self.lr,
            self.enlarged[BICUBIC],
            self.enlarged[headline],
            self.hr,
            self.maps.get(headline, self.truth),
        ]


@dataclass(frozen=True, eq=False)
class ShownFaces:
    """`faces` by their number, on `sheets`; `choices`: the maps that the network was given, the headline first."""

    choices: tuple[MapChoice, ...]
    sheets: tuple[RankedSheet, ...]
    faces: dict[int, ShownFace]

    @property
    def headline(self) -> str:
        """The name of the map that the figures are of."""
        return self.choices[0].name

    @property
    def map_faces(self) -> list[ShownFace]:
        """The faces by which maps are compared; none where there is one map alone."""
        if len(self.choices) < 2 or not self.sheets:
            return []
        middle = self.sheets[len(self.sheets) // 2]
        return [self.faces[number] for number in middle.numbers[:MAP_FACES]]

    def grids(self) -> dict[str, Image.Image]:
        """Pictures of the sheets by their names, and `maps` where maps are compared: for papers and slides."""
        made = {sheet.name: self._sheet_grid(sheet) for sheet in self.sheets}
        return made | {"maps": self._map_grid()} if self.map_faces else made

    def _sheet_grid(self, sheet: RankedSheet) -> Image.Image:
        """A row for each face: LR | bicubic | SR | HR | map; small pictures as squares, nothing else enlarged."""
        return grid(COLUMNS, [self.faces[number].strip(self.headline) for number in sheet.numbers])

    def _map_grid(self) -> Image.Image:
        """Two rows for each face, a column for each map: the map, and SR made with it; HR stands last (Figs. 12, 13)."""
        names = [choice.name for choice in self.choices]
        rows: list[list[Pixels]] = []
        for face in self.map_faces:
            rows.append([*(face.maps[name] for name in names), face.lr])
            rows.append([*(face.enlarged[name] for name in names), face.hr])
        return grid([*names, "LR, HR"], rows)


def ranked(values: NDArray[np.float64], shown: int) -> list[RankedSheet]:
    """Sheets of `shown` faces each, from the lower to the higher of `values` (N,); what is not a number counts as worst.

    No face is on two sheets: where there are too few for three, all are on one. Equal values keep the faces' order.
    """
    if not shown:
        return []
    ascending = np.argsort(np.where(np.isnan(values), -np.inf, values), kind="stable")
    if len(ascending) < 3 * shown:
        return [RankedSheet("all", "All faces, the worst first", _numbers(ascending))]
    middle = (len(ascending) - shown) // 2
    return [
        RankedSheet("worst", "The worst", _numbers(ascending[:shown])),
        RankedSheet("median", "Around the median", _numbers(ascending[middle : middle + shown])),
        RankedSheet("best", "The best", _numbers(ascending[: -shown - 1 : -1])),
    ]


def _numbers(chosen: NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(int(number) for number in chosen)


def show(methods: Methods, values: NDArray[np.float64], count: int, batch: int) -> ShownFaces:
    """`count` faces on each sheet, ranked by `values` (N,); they are enlarged again, `batch` at a time."""
    sheets = ranked(values, count)
    numbers = [number for sheet in sheets for number in sheet.numbers]
    faces: dict[int, ShownFace] = {}
    for start in range(0, len(numbers), batch):
        chosen = methods.faces.take(numbers[start : start + batch])
        made = _faces(methods.faces, methods(chosen), chosen.numbers, chosen.lr, chosen.hr)
        faces |= {face.number: face for face in made}
    return ShownFaces(methods.choices, tuple(sheets), faces)


def _faces(faces: SplitFaces, outputs: Outputs, numbers: np.ndarray, lr: Pixels, hr: Pixels) -> list[ShownFace]:
    enlarged = {name: to_uint8(images) for name, images in outputs.enlarged.items()}
    maps = {name: grey(images) for name, images in outputs.maps.items()}
    truth = grey(outputs.truth)
    return [
        ShownFace(
            number=int(number),
            id=faces.place(int(number))[0],
            lr=lr[index],
            hr=hr[index],
            truth=truth[index],
            enlarged={name: pixels[index] for name, pixels in enlarged.items()},
            maps={name: pixels[index] for name, pixels in maps.items()},
        )
        for index, number in enumerate(numbers)
    ]
