"""What a method of the comparison says of itself, and how its loss is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.data.batch import Faces
from fishfsr.data.dataset import Beside
from fishfsr.errors import ConfigurationError
from fishfsr.models.config import SrNetConfig
from fishfsr.models.sr_net import SrNet

GivenToNetwork = Literal["lr", "bicubic", "map"]
Supervision = Literal["hr", "landmarks", "classes"]
AlignerName = Literal["own", "fan"]
"""A network of landmarks: one trained here, in the stage "alignment", or FAN with its own weights."""
PixelLoss = Callable[[Tensor, Tensor], Tensor]
Forward = Callable[..., Tensor]


def published(made: Tensor, wanted: Tensor) -> Tensor:
    """Stands for a method's own loss where the settings ask for it; of a method without one, the mean squared error."""
    return F.mse_loss(made, wanted)


@dataclass(frozen=True)
class RivalConfig(SrNetConfig):
    """What networks have that read no parsing map; `width` 64 is the published network, another one scales all its layers."""

    use_map: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.use_map:
            raise ConfigurationError("use_map = True: this network reads no parsing map")


class Objective:
    """The loss of a method's training; a plain one compares SR with HR by `pixel`, the loss of the training's settings.

    `trained` is the module whose parameters are learned: the network, and with it what is needed while it is trained alone. It is
    called as the network is. `aligner`: the frozen network of landmarks, for methods that ask for one.
    """

    def __init__(self, network: SrNet, aligner: nn.Module | None = None) -> None:
        self.network, self.aligner = network, aligner

    @classmethod
    def beside(cls, config: SrNetConfig) -> frozenset[Beside]:
        """What of a sample is read in training beside HR, LR and map."""
        return frozenset()

    @property
    def trained(self) -> nn.Module:
        """What the optimiser moves."""
        return self.network

    def network_of(self, trained: nn.Module) -> SrNet:
        """The network in `trained`, or in a copy of it."""
        assert isinstance(trained, SrNet)
        return trained

    def loss(self, forward: Forward, faces: Faces, parsing: Tensor | None, pixel: PixelLoss, step: int) -> Tensor:
        """The loss of a batch, a scalar. `forward`: the trained module, perhaps wrapped; `parsing`: its map, where it reads one."""
        return pixel(forward(faces.lr, parsing).float(), faces.hr)


@dataclass(frozen=True)
class Said:
    """A fact about a method with where it comes from: `published` (the article or its code), `adapted` (to these scales or this
    harness) or `guessed` (nothing says it)."""

    kind: Literal["published", "adapted", "guessed"]
    text: str
    source: str


@dataclass(frozen=True)
class Method:
    """One way to enlarge a face.

    `name`: its architecture's. `reads`: what its network is given, and what it makes of the LR face itself. `supervised_by`: what
    of a sample its loss is made of. `config`, `network`: as in a registry. `published`: the settings of [sr] that its authors
    trained with, as far as this training knows them; `said`: what they are and where they were changed. `scales`: those of the
    original. `aligners`: the frozen networks of landmarks that its training can be given; empty: it wants none. `least_batch`: faces
    that a part of a step must hold. `rival`: whether it is without the parsing map, and so without the stage "parsing".
    """

    name: str
    title: str
    paper: str
    reads: tuple[GivenToNetwork, ...]
    supervised_by: tuple[Supervision, ...]
    config: type[SrNetConfig]
    network: type[SrNet]
    objective: type[Objective] = Objective
    published: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    said: tuple[Said, ...] = ()
    scales: tuple[int, ...] = ()
    aligners: tuple[AlignerName, ...] = ()
    least_batch: int = 1
    rival: bool = True

    @property
    def needs_aligner(self) -> bool:
        """Whether its training wants a frozen network of landmarks."""
        return bool(self.aligners)
