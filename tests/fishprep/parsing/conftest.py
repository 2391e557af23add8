"""Faces with ground truth, the parser kept beside the project, and a BiSeNet with random weights for machines without them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.base import Query
from fishprep.parsing.networks.bisenet import empty_network


@dataclass(frozen=True, eq=False)
class Labelled:
    """N labelled faces, cropped about as the pipeline does.

    crops (N, 128, 128, 3) uint8; landmarks (N, 68, 2) float32 in pixels of the crop.
    classes (N, 128, 128) uint8 in CelebAMask-HQ's order, 255 outside the picture.
    """

    crops: np.ndarray
    classes: np.ndarray
    landmarks: np.ndarray


@pytest.fixture(scope="session")
def labelled(faces: Path) -> Labelled:
    folder = faces / "celebamask"
    backend = create_backend(LandmarkRequest(), WeightStore.from_environment())
    cut = []
    for name in (folder / "val.txt").read_text().split()[:12]:
        with (
            Image.open(folder / "images" / f"{name}.jpg") as image,
            Image.open(folder / "masks" / f"{name}.png") as mask,
        ):
            pixels, classes = np.array(image.convert("RGB")), np.array(mask)
        (found,) = backend.detect([Query(pixels)])
        cut += [_crop(pixels, classes, face.points) for face in found[:1]]
    assert len(cut) >= 10
    return Labelled(*(np.stack(part) for part in zip(*cut, strict=True)))


def _crop(pixels: np.ndarray, classes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low, high = points.min(axis=0), points.max(axis=0)
    side, centre = 1.5 * float((high - low).max()), (low + high) / 2
    x0, y0 = centre - side / 2
    margin = 256
    box = tuple(float(v) + margin + 0.5 for v in (x0, y0, x0 + side, y0 + side))
    wide = Image.fromarray(np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
    marked = Image.fromarray(np.pad(classes, margin, constant_values=255))
    return (
        np.array(wide.resize((128, 128), Image.Resampling.BICUBIC, box=box)),
        np.array(marked.resize((128, 128), Image.Resampling.NEAREST, box=box)),
        ((points - (x0, y0)) * 128 / side - 0.5).astype(np.float32),
    )


@pytest.fixture(scope="session")
def trained_weights(shared: Path) -> Path:
    return shared / "weights" / "bisenet_celebamask_mini.safetensors"


@pytest.fixture(scope="session")
def random_state() -> dict[str, Tensor]:
    """BiSeNet's tensors, random in the range where signals neither die nor explode."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, value in empty_network().state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1)
        elif name.endswith("running_var") or (".bn" in name and name.endswith("weight")):
            state[name] = torch.rand(value.shape, generator=generator) + 0.5
        elif value.dim() == 4:
            state[name] = torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5
        else:
            state[name] = torch.randn(value.shape, generator=generator) * 0.1
    return state


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory, random_state: dict[str, Tensor]) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(random_state, path, metadata={"input": "64x64 RGB", "class_order": "facexlib"})
    return path
