"""What a parser is: aligned face crops in, parsing maps out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

OWN = "bisenet-fishfsr"
"""The default: BiSeNet with the weights of the distribution `fishfsr-weights`."""

NETWORKS = (OWN, "bisenet")
PARSERS = {**dict.fromkeys(NETWORKS, 1), "landmark-skin": 1}
"""Name → version of the map that it makes of a face, its constants included: whoever changes one raises it. The weights of a
network are told apart by their hash."""


@dataclass(frozen=True, eq=False)
class ParsedFaces:
    """Maps of N faces at 128².

    skin: (N, 128, 128) uint8 in {0, 1}.
    classes: (N, 128, 128) uint8, the 19 classes in CelebAMask-HQ's order; None where the parser knows only skin.
    """

    skin: np.ndarray
    classes: np.ndarray | None


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
