"""What an evaluation measures, by which parsing maps, and how much of it is shown."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from fishfsr.data.degradation import DEGRADATIONS, DegradationName
from fishfsr.errors import ConfigurationError
from fishfsr.inference.runner import InferenceOptions, InferencePrecision
from fishfsr.metrics import get_protocol

Identity = Literal["none", "dlib", "deepface"]

TellMeasured = Callable[[str, int, int], None]
"""Takes news: what is being done, how many faces are done, how many there are."""

MapKind = Literal["truth", "estimated", "wrong", "rotate", "none"]
PLAIN: tuple[MapKind, ...] = ("truth", "estimated", "wrong", "none")
SPELLINGS = "truth, estimated, wrong, none, or rotate: and degrees, as in rotate:15,30,45,60"


@dataclass(frozen=True)
class MapChoice:
    """What stands in the place of the map.

    truth: the shards' map. estimated: ParsingNet's. wrong: the true map of another face. rotate: the true map turned by
    `angle` degrees anticlockwise. none: all zeros, as of a face without skin.
    """

    kind: MapKind
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


@dataclass(frozen=True)
class EvaluationSettings:
    """Settings of `evaluate`.

    `split`: of the shards. `protocol`: of PSNR and SSIM, by name. `maps`: what the network is given; the figures are of
    the first, the others are compared with it. `identity`: the embedder, or "none". `lpips`: measure it too.
    `where`: a condition on the rows beside the shards, of which faces are measured. `limit`: the first so many faces of
    the split. `batch`: faces at a time. `shown`: faces on each of the three sheets. `seed`: of the bootstrap and of the
    wrong maps. `degradation`: of the LR faces, by name; what a face draws is fixed. `resamples`: of the bootstrap. `device`,
    `precision`: what the networks run on and in; `mirrored`, `consistent`: how, as in `InferenceOptions`. `scale`: of which
    the checkpoint must be, where it is said.
    """

    split: str = "test"
    protocol: str = "reference"
    maps: tuple[MapChoice, ...] = parse_choices(["estimated"])
    identity: Identity = "dlib"
    lpips: bool = False
    where: str | None = None
    limit: int | None = None
    batch: int = 16
    shown: int = 6
    seed: int = 0
    degradation: DegradationName = "none"
    resamples: int = 2000
    device: str = "auto"
    precision: InferencePrecision = "float32"
    mirrored: bool = False
    consistent: bool = False
    scale: int | None = None

    def __post_init__(self) -> None:
        get_protocol(self.protocol)
        if self.identity not in get_args(Identity):
            raise ConfigurationError(f"identity = {self.identity!r}: must be one of {', '.join(get_args(Identity))}")
        if self.degradation not in DEGRADATIONS:
            known = ", ".join(DEGRADATIONS)
            raise ConfigurationError(f"degradation = {self.degradation!r}: must be one of {known}")
        if not self.maps:
            raise ConfigurationError("no parsing map is named: at least one is needed")
        for name, least in (("batch", 1), ("shown", 0), ("seed", 0), ("resamples", 100)):
            if getattr(self, name) < least:
                raise ConfigurationError(f"{name} = {getattr(self, name)}: must be at least {least}")
        if self.limit is not None and self.limit < 1:
            raise ConfigurationError(f"limit = {self.limit}: at least one face is measured")

    @property
    def options(self) -> InferenceOptions:
        """How the networks are run."""
        return InferenceOptions(precision=self.precision, mirrored=self.mirrored, consistent=self.consistent)
