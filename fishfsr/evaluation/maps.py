"""The parsing maps that FishFSRNet is given: the true one, the estimated one, and disturbed ones (Figs. 12 and 13)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from fishfsr.errors import ConfigurationError

Kind = Literal["truth", "estimated", "wrong", "rotate", "none"]
PLAIN: tuple[Kind, ...] = ("truth", "estimated", "wrong", "none")
SPELLINGS = "truth, estimated, wrong, none, or rotate: and degrees, as in rotate:15,30,45,60"


@dataclass(frozen=True)
class MapChoice:
    """What stands in the place of the map.

    truth: the shards' map. estimated: ParsingNet's. wrong: the true map of another face. rotate: the true map turned by
    `angle` degrees anticlockwise. none: all zeros, as of a face without skin.
    """

    kind: Kind
    angle: float = 0.0

    @property
    def name(self) -> str:
        """As the command line spells it: `rotate:15`."""
        return f"rotate:{self.angle:g}" if self.kind == "rotate" else self.kind

    @property
    def title(self) -> str:
        """In words, for tables."""
        words = {
            "truth": "true map",
            "estimated": "estimated map",
            "wrong": "another face's map",
            "rotate": f"turned {self.angle:g}°",
            "none": "no map (zeros)",
        }
        return words[self.kind]

    @property
    def is_disturbed(self) -> bool:
        """Whether it is only of interest beside a right map."""
        return self.kind in ("wrong", "rotate", "none")


TRUTH = MapChoice("truth")
UNUSED = MapChoice("none")


def parse_choices(texts: Iterable[str]) -> tuple[MapChoice, ...]:
    """Choices as the command line spells them, each text one or several with commas between; doubles are dropped.

    Where the first is a disturbed map, the true one comes before it. Raises ConfigurationError on another word or angle.

    >>> [choice.name for choice in parse_choices(["estimated,rotate:15,30", "wrong"])]
    ['estimated', 'rotate:15', 'rotate:30', 'wrong']
    """
    choices: list[MapChoice] = []
    for text in texts:
        turning = False
        for word in text.split(","):
            head, colon, angle = word.strip().rpartition(":")
            turning = head == "rotate" if colon else turning and head + angle not in PLAIN
            choices.append(_choice(word.strip(), angle if turning else None))
    if choices and choices[0].is_disturbed:
        choices.insert(0, TRUTH)
    return tuple(dict.fromkeys(choices))


def _choice(word: str, angle: str | None) -> MapChoice:
    if angle is None:
        for kind in PLAIN:
            if word == kind:
                return MapChoice(kind)
        raise ConfigurationError(f"no parsing map {word!r}; there are {SPELLINGS}")
    try:
        degrees = float(angle)
    except ValueError:
        degrees = math.nan
    if not abs(degrees) <= 180:
        raise ConfigurationError(f"{angle!r} is no angle from -180 to 180 degrees; maps are {SPELLINGS}")
    return MapChoice("rotate", degrees)


def others(count: int, seed: int) -> np.ndarray:
    """For each of `count` faces the number of another one, (count,) intp: a random cycle through all of them.

    Raises ConfigurationError where there is only one face.
    """
    if count < 2:
        raise ConfigurationError("the map of another face needs at least two faces: raise --limit, or leave out wrong")
    order = np.random.default_rng(seed).permutation(count)
    other = np.empty(count, np.intp)
    other[order] = np.roll(order, 1)
    return other


def rotated(maps: Tensor, degrees: float) -> Tensor:
    """0-1 maps (N, 1, s, s) turned anticlockwise about their centre; 0 comes in from outside.

    Bilinear at their own size, then 1 from 0.5 on: as hard-edged as the true map, so that only the angle tells them apart.
    """
    angle = math.radians(degrees)
    # grid_sample asks where each output pixel comes from, with y down
    turn = maps.new_tensor([[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]])
    grid = F.affine_grid(turn.expand(len(maps), 2, 3), list(maps.shape), align_corners=False)
    turned = F.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return (turned >= 0.5).to(maps.dtype)
