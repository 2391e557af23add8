"""What is made of a batch of LR faces: bicubic enlargement, and the network's faces by each of the chosen maps.

The maps are the true one, the estimated one, and disturbed ones (Figs. 12 and 13).
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.evaluation.faces import SplitBatch, SplitFaces
from fishfsr.evaluation.settings import UNUSED, MapChoice
from fishfsr.inference.resolver import FaceSuperResolver
from fishprep.faces.pyramid import pillow_bicubic
from fishprep.shards.schema import HR_SIZE

BICUBIC = "bicubic"
"""The column of the Bicubic rows; those of the network bear the name of their map."""


@dataclass(frozen=True)
class Outputs:
    """A batch of N faces enlarged.

    `hr` (N, 3, 128, 128) float32 in [0, 1]. `enlarged`: by the method's name, (N, 3, 128, 128) float32, not clamped.
    `maps`: what the network was given, by the name of the choice, (N, 1, s, s) float32 in [0, 1]; empty where it reads
    none. `truth` (N, 1, s, s) float32 in {0, 1}. `estimated`: ParsingNet's map, (N, 1, s, s), or None without one.
    """

    hr: Tensor
    enlarged: dict[str, Tensor]
    maps: dict[str, Tensor]
    truth: Tensor
    estimated: Tensor | None


class Enlarger(Protocol):
    """Makes something of the LR faces of `faces`: `headline` is the name of what the figures are of."""

    faces: SplitFaces

    @property
    def headline(self) -> str: ...

    @property
    def scale(self) -> int: ...

    def __call__(self, batch: SplitBatch) -> Outputs: ...


class Bicubic:
    """Bicubic enlargement alone."""

    headline = BICUBIC

    def __init__(self, faces: SplitFaces) -> None:
        self.faces, self.scale = faces, HR_SIZE // faces.lr_size

    def __call__(self, batch: SplitBatch) -> Outputs:
        hr, device = _images(batch.hr), torch.device("cpu")
        enlarged = _images(pillow_bicubic(batch.lr, HR_SIZE))
        return Outputs(hr, {BICUBIC: enlarged}, {}, _skins(batch.skin, device), None)


class Methods:
    """Runs every method. The network runs once for each choice of a map, or once where it reads none. `bicubic`: beside it.

    Raises CheckpointError where there is no network that enlarges, or no ParsingNet and the estimated map is asked for;
    ConfigurationError where another face's map is asked for and there is only one face.
    """

    def __init__(
        self,
        resolver: FaceSuperResolver,
        faces: SplitFaces,
        choices: tuple[MapChoice, ...],
        seed: int,
        bicubic: bool = True,
    ) -> None:
        self.resolver, self.faces, self._bicubic = resolver, faces, bicubic
        self.reads_map = resolver.sr_net.config.needs_map
        self.choices = choices if self.reads_map else (UNUSED,)
        self.has_parsing_net = _has_parsing_net(resolver)
        if not self.has_parsing_net and any(choice.kind == "estimated" for choice in self.choices):
            raise CheckpointError(
                "this checkpoint holds no ParsingNet, which estimates the map: take the shards' map (--map truth)"
            )
        wrong = any(choice.kind == "wrong" for choice in self.choices)
        self._others = others(len(faces), seed) if wrong else None

    @property
    def headline(self) -> str:
        """The name of the choice that the figures are of."""
        return self.choices[0].name

    @property
    def scale(self) -> int:
        """HR over LR size."""
        return self.resolver.scale

    def __call__(self, batch: SplitBatch) -> Outputs:
        lr, truth = self._image(batch.lr), self._skin(batch.skin)
        parsed = self.resolver.parse(lr) if self.has_parsing_net else None
        enlarged = {BICUBIC: self._image(pillow_bicubic(batch.lr, HR_SIZE))} if self._bicubic else {}
        given: dict[str, Tensor] = {}
        for choice in self.choices:
            chosen = self._map(choice, batch, truth, parsed) if self.reads_map else None
            enlarged[choice.name] = self.resolver.upscale(lr, chosen)
            if chosen is not None:
                given[choice.name] = _one_channel(chosen)
        estimated = None if parsed is None else _one_channel(parsed)
        return Outputs(self._image(batch.hr), enlarged, given, truth, estimated)

    def _map(self, choice: MapChoice, batch: SplitBatch, truth: Tensor, parsed: Tensor | None) -> Tensor:
        """(N, map_channels, s, s): a 0-1 map is the same in every channel."""
        chosen = truth
        if choice.kind == "estimated":
            assert parsed is not None
            return parsed
        if choice.kind == "none":
            chosen = torch.zeros_like(truth)
        elif choice.kind == "rotate":
            chosen = rotated(truth, choice.angle)
        elif choice.kind == "wrong":
            assert self._others is not None
            chosen = self._skin(self.faces.skin(self._others[batch.numbers]))
        return chosen.expand(-1, self.resolver.sr_net.config.map_channels, -1, -1)

    def _image(self, pixels: NDArray[np.uint8]) -> Tensor:
        return _images(pixels, self.resolver.device)

    def _skin(self, pixels: NDArray[np.uint8]) -> Tensor:
        return _skins(pixels, self.resolver.device)


def _images(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255


def _skins(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(pixels).to(device)[:, None].float()


def _one_channel(maps: Tensor) -> Tensor:
    return maps.mean(1, keepdim=True)


def _has_parsing_net(resolver: FaceSuperResolver) -> bool:
    try:
        return resolver.parsing_net is not None
    except CheckpointError:
        return False


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
