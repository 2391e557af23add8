"""What each method makes of a batch of LR faces: bicubic enlargement, and FishFSRNet by each of the chosen maps."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fishfsr.errors import CheckpointError
from fishfsr.evaluation import maps
from fishfsr.evaluation.faces import Batch, Faces
from fishfsr.evaluation.maps import MapChoice
from fishfsr.inference.resolver import FaceSuperResolver
from fishprep.faces.pyramid import pillow_bicubic

BICUBIC = "bicubic"
"""The column of the Bicubic rows; those of FishFSRNet bear the name of their map."""


@dataclass(frozen=True)
class Outputs:
    """A batch of N faces enlarged.

    `hr` (N, 3, 128, 128) float32 in [0, 1]. `enlarged`: by the method's name, (N, 3, 128, 128) float32, not clamped.
    `maps`: what FishFSRNet was given, by the name of the choice, (N, 1, s, s) float32 in [0, 1]; empty where it reads
    none. `truth` (N, 1, s, s) float32 in {0, 1}. `estimated`: ParsingNet's map, (N, 1, s, s), or None without one.
    """

    hr: Tensor
    enlarged: dict[str, Tensor]
    maps: dict[str, Tensor]
    truth: Tensor
    estimated: Tensor | None


class Methods:
    """Runs every method. The network runs once for each choice of a map, or once where it reads none.

    Raises CheckpointError where there is no network that enlarges, or no ParsingNet and the estimated map is asked for;
    ConfigurationError where another face's map is asked for and there is only one face.
    """

    def __init__(self, resolver: FaceSuperResolver, faces: Faces, choices: tuple[MapChoice, ...], seed: int) -> None:
        self.resolver, self.faces = resolver, faces
        self.reads_map = resolver.sr_net.config.needs_map
        self.choices = choices if self.reads_map else (maps.UNUSED,)
        self.has_parsing_net = _has_parsing_net(resolver)
        if not self.has_parsing_net and any(choice.kind == "estimated" for choice in self.choices):
            raise CheckpointError(
                "this checkpoint holds no ParsingNet, which estimates the map: take the shards' map (--map truth)"
            )
        wrong = any(choice.kind == "wrong" for choice in self.choices)
        self._others = maps.others(len(faces), seed) if wrong else None

    @property
    def headline(self) -> str:
        """The name of the choice that the figures are of."""
        return self.choices[0].name

    def __call__(self, batch: Batch) -> Outputs:
        lr, truth = self._image(batch.lr), self._skin(batch.skin)
        parsed = self.resolver.parse(lr) if self.has_parsing_net else None
        enlarged = {BICUBIC: self._image(pillow_bicubic(batch.lr, batch.hr.shape[1]))}
        given: dict[str, Tensor] = {}
        for choice in self.choices:
            chosen = self._map(choice, batch, truth, parsed) if self.reads_map else None
            enlarged[choice.name] = self.resolver.upscale(lr, chosen)
            if chosen is not None:
                given[choice.name] = _one_channel(chosen)
        estimated = None if parsed is None else _one_channel(parsed)
        return Outputs(self._image(batch.hr), enlarged, given, truth, estimated)

    def _map(self, choice: MapChoice, batch: Batch, truth: Tensor, parsed: Tensor | None) -> Tensor:
        """(N, map_channels, s, s): a 0-1 map is the same in every channel."""
        chosen = truth
        if choice.kind == "estimated":
            assert parsed is not None
            return parsed
        if choice.kind == "none":
            chosen = torch.zeros_like(truth)
        elif choice.kind == "rotate":
            chosen = maps.rotated(truth, choice.angle)
        elif choice.kind == "wrong":
            assert self._others is not None
            chosen = self._skin(self.faces.skin(self._others[batch.numbers]))
        return chosen.expand(-1, self.resolver.sr_net.config.map_channels, -1, -1)

    def _image(self, pixels: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(pixels).to(self.resolver.device).permute(0, 3, 1, 2).float() / 255

    def _skin(self, pixels: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(pixels).to(self.resolver.device)[:, None].float()


def _one_channel(maps: Tensor) -> Tensor:
    return maps.mean(1, keepdim=True)


def _has_parsing_net(resolver: FaceSuperResolver) -> bool:
    try:
        return resolver.parsing_net is not None
    except CheckpointError:
        return False
