"""What a parser is: aligned face crops in, parsing maps out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fishprep.common.errors import ConfigurationError

if TYPE_CHECKING:
    import torch

BISENET, COMPACT = "bisenet", "compact"
"""Networks, and what a parser with weights of yours for one is called."""
DEFAULT_PARSER, TEACHER = "compact-fishfsr", "bisenet-fishfsr"
"""With the weights of `fishfsr-weights`: the compact network, and the BiSeNet whose maps it learned from."""


class Precision(StrEnum):
    """The numbers that the network computes in. float32 means that: TF32 is off. int8: see `networks.eight_bits`."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"

    @classmethod
    def of(cls, name: str, flag: str = "--parser-precision") -> "Precision":
        """By its name; ConfigurationError, which names the flag, for another."""
        if name not in tuple(cls):
            raise ConfigurationError(f"{flag} {name}: expected {', '.join(cls)}")
        return cls(name)

    @property
    def dtype(self) -> "torch.dtype":
        """Torch's name of it. int8 is no type that torch's layers compute in: float32 of what is not in eight bits."""
        import torch

        return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.value, torch.float32)


@dataclass(frozen=True)
class ParserRequest:
    """A parser as the user names it.

    file: weights of yours; the parser is called as their network is then.
    skin_classes: names of `FaceClass`.
    The rest is explained in `NetworkSettings`; `landmark-skin` has no settings.
    """

    name: str = DEFAULT_PARSER
    file: Path | None = None
    skin_classes: tuple[str, ...] = ("skin",)
    size: int | None = None
    device: str = "cpu"
    precision: Precision | None = None
    batch: int | None = None


@dataclass(frozen=True, eq=False)
class ParsedFaces:
    """Maps of N faces at 128².

    skin: (N, 128, 128) uint8 in {0, 1}.
    classes: (N, 128, 128) uint8, the 19 classes in CelebAMask-HQ's order; None where the parser knows only skin.
    """

    skin: np.ndarray
    classes: np.ndarray | None


def joined_maps(parts: Sequence[ParsedFaces]) -> ParsedFaces:
    """Maps of some faces after those of others; at least one part."""
    classes = [part.classes for part in parts if part.classes is not None]
    return ParsedFaces(np.concatenate([part.skin for part in parts]), np.concatenate(classes) if classes else None)


class FaceParser(Protocol):
    """Parses HR crops in batches.

    `name` and `settings` (JSON-able: input size, fusion, ...) enter the recipe; `weights` maps file names to SHA-256.
    """

    name: str
    settings: dict[str, object]
    weights: dict[str, str]

    def parse(self, images: np.ndarray, landmarks: np.ndarray) -> ParsedFaces:
        """images (N, 128, 128, 3) uint8 RGB; landmarks (N, 68, 2) float32 in pixels of the 128² crop. N may be 0."""
        ...
