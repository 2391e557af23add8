"""FAN with its own weights, as Super-FAN's loss asks it: a face → 68 heatmaps (Bulat and Tzimiropoulos, ICCV 2017)."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.methods.layers import BatchNorm
from fishfsr.models.state import load_state
from fishprep.common.errors import WeightsError
from fishprep.common.files import sha256_file
from fishprep.common.opencv import load_opencv
from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightStore
from fishprep.landmarks import weights

SIDE = 256
"""Of the faces that FAN was trained on."""
MOST_STACKS = 4
_HEAD = re.compile(r"l\d+\.weight")  # of a stack
RECORD = replace(weights.FAN, flags="--set alignment.weights=FILE (compare: superfan.alignment.weights)")
"""The released weights; any other file of FAN's tensors can be named."""


class FanAligner(nn.Module):
    """Face (N, 3, 128, 128) in [0, 1] to the heatmaps of FAN's last stack, (N, 68, 64, 64), near [0, 1]; its weights are frozen.

    `stacked`: faces at 256² → the heatmaps of each stack. The face is enlarged to that bilinearly, so gradients reach it.
    """

    def __init__(self, stacked: nn.Module) -> None:
        super().__init__()
        self.stacked = stacked.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "FanAligner":
        """Stays as it is: its normalisation goes by what its authors gathered."""
        return super().train(False)

    def forward(self, faces: Tensor) -> Tensor:
        enlarged = F.interpolate(faces, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return self.stacked(enlarged)[-1]


@dataclass(frozen=True)
class FanWeights:
    """A file of FAN's weights, of so many `stacks`."""

    path: Path
    sha256: str
    stacks: int

    @property
    def words(self) -> str:
        """What it is, in a line."""
        stacks = f"{self.stacks} stacks" if self.stacks > 1 else "1 stack"
        return f"FAN of {stacks}, {self.path.name} (SHA-256 {self.sha256[:12]})"


@dataclass(frozen=True, eq=False)
class Fan:
    """FAN on the CPU, ready, and the file that it is of."""

    aligner: FanAligner
    weights: FanWeights


def load_fan(named: str = "", store: WeightStore | None = None) -> Fan:
    """FAN with the weights in the file `named`, else with those in the store, which downloads them where the network may be used.

    Raises WeightsError for weights that are missing (with the place, where they come from, and what to say) or unreadable, and
    CheckpointError for those of another network; code in a file is never run.
    """
    path = Path(named).expanduser() if named else (store or WeightStore.from_environment()).locate(RECORD)
    if named and not path.exists():
        raise WeightsError(
            f"alignment.weights: there is no file {path}. Without it FAN's weights are those of `fishprep models`"
        )
    state = {name: tensor for name, tensor in load_state_dict(path).items() if not name.endswith("num_batches_tracked")}
    stacks = sum(_HEAD.fullmatch(name) is not None for name in state)
    if not 1 <= stacks <= MOST_STACKS:
        raise WeightsError(f"weights {path}: not FAN's, which has one to {MOST_STACKS} stacks (l0.weight ...)")
    network = _network(stacks)
    load_state(network, state, f"FAN by {path}")
    return Fan(FanAligner(network), FanWeights(path, sha256_file(path), stacks))


def fan_here() -> Path | None:
    """The file of the released weights in the store, not checked; None where there is none."""
    path = WeightStore.from_environment().path(RECORD)
    return path if path.is_file() else None


def _network(stacks: int) -> nn.Module:
    """Without weights: all that count are read from a file."""
    load_opencv()  # which face_alignment imports, without a word on what to do
    # Importing face_alignment takes a second, and only whoever takes FAN needs it.
    from face_alignment.models.fan import FAN

    with torch.device("meta"):
        network = FAN(stacks)
        for module in list(network.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.BatchNorm2d):  # files from before PyTorch counted batches have no counts
                    setattr(module, name, BatchNorm(child.num_features))
    return network
