"""The faces that are shown: their pictures by every method, made again for these few."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fishfsr.evaluation.faces import Faces
from fishfsr.evaluation.methods import BICUBIC, Methods, Outputs
from fishfsr.evaluation.pictures import Pixels, grey, to_uint8
from fishfsr.evaluation.ranking import Sheet


@dataclass(frozen=True, eq=False)
class Face:
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


def draw(methods: Methods, sheets: Sequence[Sheet], batch: int) -> dict[int, Face]:
    """The faces of all sheets by their number."""
    numbers = [number for sheet in sheets for number in sheet.numbers]
    faces: dict[int, Face] = {}
    for start in range(0, len(numbers), batch):
        chosen = methods.faces.take(numbers[start : start + batch])
        made = _faces(methods.faces, methods(chosen), chosen.numbers, chosen.lr, chosen.hr)
        faces |= {face.number: face for face in made}
    return faces


def _faces(faces: Faces, outputs: Outputs, numbers: np.ndarray, lr: Pixels, hr: Pixels) -> list[Face]:
    enlarged = {name: to_uint8(images) for name, images in outputs.enlarged.items()}
    maps = {name: grey(images) for name, images in outputs.maps.items()}
    truth = grey(outputs.truth)
    return [
        Face(
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
