"""What an evaluation measures, and how much of it is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.maps import MapChoice, parse_choices
from fishfsr.metrics import get_protocol

Identity = Literal["none", "dlib", "deepface"]

Tell = Callable[[str, int, int], None]
"""Takes news: what is being done, how many faces are done, how many there are."""


@dataclass(frozen=True)
class EvaluationSettings:
    """Settings of `evaluate`.

    `split`: of the shards. `protocol`: of PSNR and SSIM, by name. `maps`: what FishFSRNet is given; the figures are of
    the first, the others are compared with it. `identity`: the embedder, or "none". `limit`: the first so many faces of
    the split. `batch`: faces at a time. `shown`: faces on each of the three sheets. `seed`: of the bootstrap and of the
    wrong maps. `resamples`: of the bootstrap.
    """

    split: str = "test"
    protocol: str = "reference"
    maps: tuple[MapChoice, ...] = parse_choices(["estimated"])
    identity: Identity = "dlib"
    limit: int | None = None
    batch: int = 16
    shown: int = 6
    seed: int = 0
    resamples: int = 2000

    def __post_init__(self) -> None:
        get_protocol(self.protocol)
        if self.identity not in get_args(Identity):
            raise ConfigurationError(f"identity = {self.identity!r}: must be one of {', '.join(get_args(Identity))}")
        if not self.maps:
            raise ConfigurationError("no parsing map is named: at least one is needed")
        for name, least in (("batch", 1), ("shown", 0), ("seed", 0), ("resamples", 100)):
            if getattr(self, name) < least:
                raise ConfigurationError(f"{name} = {getattr(self, name)}: must be at least {least}")
        if self.limit is not None and self.limit < 1:
            raise ConfigurationError(f"limit = {self.limit}: at least one face is measured")
