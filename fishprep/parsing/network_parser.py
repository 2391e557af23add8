"""A parser by a network: 19 classes of a crop, or of a whole picture."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fishprep.common.device import resolve_device
from fishprep.common.errors import ConfigurationError, WeightsError
from fishprep.common.files import sha256_file
from fishprep.common.tensors import metadata
from fishprep.parsing.base import ParsedFaces, Precision
from fishprep.parsing.classes import ClassOrder, convert, sides_exchanged
from fishprep.parsing.networks.bisenet import MEAN, STD
from fishprep.parsing.networks.runs import own_precision, run_of
from fishprep.parsing.placement import Placement
from fishprep.parsing.reading import read_classes
from fishprep.parsing.skin import SkinFusion

HR = 128  # side of the crops and of their maps, in pixels
MIRRORED = "mirrored"
"""Key of the header of weights: what is seen in a mirror too, the logits of both added: `pictures` (`parse_images`), `all`, or `no`."""
RELEASED_SIZE = 512  # what facexlib's released weights were trained for


@dataclass(frozen=True)
class NetworkSettings:
    """How the network is run.

    size: side of its square input, a multiple of 32; None takes the size that the weights were trained at: what the
        header of a safetensors file says (`input`: `192x192 ...`), else the 512 of facexlib's release.
    device: `cpu`, `cuda` or `cuda:N`.
    precision: each is another recipe; the 16-bit types are faster where the hardware has them. None takes what the weights are made for:
        int8 where their header says how, else float32.
    batch: images per pass; None takes 4 on a CPU and 32 on a GPU. Every pass has exactly this many, the last one padded:
        libraries choose their algorithm by the shape, so the map of a face could otherwise depend on its neighbours.
    fusion: the classes that become skin.
    """

    size: int | None = None
    device: str = "cpu"
    precision: Precision | None = None
    batch: int | None = None
    fusion: SkinFusion = field(default_factory=SkinFusion)

    def __post_init__(self) -> None:
        if self.size is not None and not _is_size(self.size):
            raise ConfigurationError(f"--parser-size {self.size}: a multiple of 32 from 64 to 1024")
        if self.batch is not None and self.batch < 1:
            raise ConfigurationError(f"parser batch {self.batch}: at least 1")


class NetworkParser:
    """A `FaceParser` with the weights of one file; see `NetworkSettings`.

    Raises at construction: WeightsError for a missing, refused or unfitting file; ConfigurationError for a device that is
    not there or a precision that it does not have.
    """

    def __init__(self, settings: NetworkSettings, weights: Path, name: str = "bisenet") -> None:
        self.name = name
        if not weights.is_file():
            raise WeightsError(f"parser weights {weights}: no such file (--parser-weights FILE)")
        device, precision = resolve_device(settings.device), settings.precision or own_precision(weights)
        check_precision(precision, device)
        self._run = run_of(weights, precision, device)
        header = metadata(weights)
        self.size = settings.size or _trained_size(header, weights)
        self.order = _class_order(header, weights)
        self.weights = {weights.name: sha256_file(weights)}
        self.settings: dict[str, object] = {
            "size": self.size,
            "precision": str(precision),
            "skin_classes": [str(face_class) for face_class in settings.fusion.classes],
        }
        self._sides, self._mirrored = sides_exchanged(self.order), _mirrored(header, weights)
        if self._mirrored != "no":
            self.settings[MIRRORED] = self._mirrored
        self.fusion, self._device = settings.fusion, device
        self.batch = settings.batch or (4 if device.type == "cpu" else 32)
        self._mean = torch.tensor(MEAN, device=device).view(3, 1, 1)
        self._std = torch.tensor(STD, device=device).view(3, 1, 1)

    def parse(self, images: np.ndarray, landmarks: np.ndarray) -> ParsedFaces:
        """images (N, 128, 128, 3) uint8 RGB; the landmarks are not used. Both maps are made; N may be 0.

        The map of a face depends on that face alone.
        """
        if images.dtype != np.uint8 or images.shape[1:] != (HR, HR, 3):
            raise ValueError(f"expected (N, {HR}, {HR}, 3) uint8 images, got {images.shape} {images.dtype}")
        classes = np.zeros((len(images), HR, HR), dtype=np.uint8)
        place = Placement.of(HR, HR, self.size)
        for start in range(0, len(images), self.batch):
            group = images[start : start + self.batch]
            inputs = (
                torch.from_numpy(np.ascontiguousarray(group)).to(self._device).permute(0, 3, 1, 2).float().contiguous()
            )
            classes[start : start + len(group)] = self._class_maps(
                self._logits(inputs, self._mirrored == "all"), place
            )[: len(group)]
        return ParsedFaces(skin=self.fusion.fuse(classes), classes=classes)

    def parse_images(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Class maps of face images of any size: (H, W, 3) uint8 RGB each → (H, W) uint8, CelebAMask-HQ's order.

        An image that is not square is shown to the network in a square with its borders repeated: stretching it would
        cost accuracy (`docs/parsing.md`).
        """
        maps: list[np.ndarray] = []
        for start in range(0, len(images), self.batch):
            group = images[start : start + self.batch]
            places = [Placement.of(image.shape[0], image.shape[1], self.size) for image in group]
            inputs = torch.cat([place.square(image) for place, image in zip(places, group, strict=True)])
            logits = self._logits(inputs.to(self._device), self.mirrors_pictures)
            maps += [self._class_maps(logits[i : i + 1], place)[0] for i, place in enumerate(places)]
        return maps

    @property
    def mirrors_pictures(self) -> bool:
        """Whether `parse_images` sees faces in a mirror too."""
        return self._mirrored != "no"

    def _logits(self, inputs: Tensor, mirrored: bool) -> Tensor:
        """(n, 3, s, s) float32 in 0-255, n at most `batch` → (batch, 19, m, m), the last ones padding; whole where in eight bits."""
        with torch.inference_mode():
            if inputs.shape[-1] != self.size:
                inputs = F.interpolate(inputs, (self.size, self.size), mode="bilinear", antialias=True)
            full = torch.cat([inputs, inputs[-1:].expand(self.batch - len(inputs), -1, -1, -1)])
            normal = (full / 255 - self._mean) / self._std
            logits = self._run(normal)
            return _sum(logits, self._run(normal.flip(-1))[:, self._sides].flip(-1)) if mirrored else logits

    def _class_maps(self, logits: Tensor, place: Placement) -> np.ndarray:
        """(n, 19, s, s) → (n, H, W) uint8."""
        with torch.inference_mode():
            return convert(read_classes(logits, place).cpu().numpy(), self.order, ClassOrder.CELEBAMASK)


def check_precision(precision: Precision, device: torch.device) -> None:
    """ConfigurationError where the device lacks it."""
    if device.type == "cpu" and precision is Precision.FLOAT16:
        raise ConfigurationError("float16 is for CUDA devices; on a CPU take float32 or bfloat16")


def _trained_size(header: dict[str, str], path: Path) -> int:
    if "input" not in header:
        return RELEASED_SIZE
    said = re.match(r"(\d{2,4})x\1\b", header["input"])
    if said is None or not _is_size(int(said[1])):
        raise WeightsError(f"weights {path}: the header's input is {header['input'][:40]!r}; expected as in 192x192")
    return int(said[1])


def _is_size(size: int) -> bool:
    return size % 32 == 0 and 64 <= size <= 1024


def _class_order(header: dict[str, str], path: Path) -> ClassOrder:
    said = header.get("class_order", ClassOrder.FACEXLIB)
    if said not in list(ClassOrder):
        raise WeightsError(f"weights {path}: unknown class order {said!r} in the header: {', '.join(ClassOrder)}")
    return ClassOrder(said)


def _mirrored(header: dict[str, str], path: Path) -> str:
    said = header.get(MIRRORED, "no")
    if said not in ("pictures", "all", "no"):
        raise WeightsError(f"weights {path}: the header's {MIRRORED} is {said[:40]!r}; expected pictures, all or no")
    return said


def _sum(one: Tensor, other: Tensor) -> Tensor:
    return one.to(torch.int16) + other if one.dtype == torch.uint8 else one + other
