"""2DFAN-4 landmarks on S3FD detections, the networks of face-alignment 1.5, in batches across photos.

Architectures and decoding follow face_alignment/detection/sfd and face_alignment/api.py; boxes and points are not rounded to
whole pixels on the way, as they are there.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from fishprep.common.errors import ConfigurationError, WeightsError
from fishprep.common.opencv import load_opencv
from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightRecord, WeightStore
from fishprep.landmarks.base import Box, Face, LandmarkBackend, Query
from fishprep.landmarks.chip import Chip, can_cut, cut_chip, resize_to, resized_box_to_photo
from fishprep.landmarks.geometry import MIRROR, left_to_right, without_doubles
from fishprep.landmarks.sense import misfit
from fishprep.landmarks.weights import FAN, S3FD

CHIP = 256
HEAT = 64
SIDE_PER_BOX = 200 / 195
"""Side of the square that FAN sees, over the sum of the box's width and height."""

RAISED = 0.12
"""How far that square's centre lies above the box's, in heights of the box."""

CHANNEL_MEANS = (104.0, 117.0, 123.0)  # blue, green, red: S3FD was trained on Caffe's order
PADDED_TO = 128  # the coarsest stride of S3FD
SAME_FACE = 0.3
VARIANCES = (0.1, 0.2)


@dataclass(frozen=True)
class FanSettings:
    """How the two networks are run.

    device: a torch device. precision: `auto` is half on CUDA and full on a CPU; `half` on a CPU is refused.
    detect_side: photos whose longer side is above it are shrunk to it for detection; points are found in the photo itself.
    threshold: least probability of a face.
    mirror: run FAN on the mirrored face too and add the heatmaps.
    photos, faces: how many go through a network at once; None takes 8 and 16 on CUDA, 1 on a CPU, where more gains nothing.
    """

    device: str = "cpu"
    precision: Literal["auto", "full", "half"] = "auto"
    detect_side: int = 640
    threshold: float = 0.5
    mirror: bool = True
    photos: int | None = None
    faces: int | None = None


@dataclass(frozen=True)
class _Detection:
    """What S3FD says of one face, in photo coordinates."""

    box: Box
    score: float


class FanBackend(LandmarkBackend):
    """S3FD on batches of photos of one size; then the faces of all photos through FAN, a full batch at a time.

    detector: (N, 3, H, W) → class scores (N, 2, h, w) and box offsets (N, 4, h, w) for strides 4 to 128, in turn.
    aligner: (N, 3, 256, 256) in 0-1 → a list whose last item is the heatmaps, (N, 68, 64, 64).
    """

    name = "fan"

    def __init__(
        self, detector: nn.Module, aligner: nn.Module, settings: FanSettings, weights: dict[str, str] | None = None
    ) -> None:
        """ConfigurationError where the device cannot run the precision."""
        on_cuda = torch.device(settings.device).type == "cuda"
        if settings.precision == "half" and not on_cuda:
            raise ConfigurationError(f"half precision needs a CUDA device, not {settings.device}")
        self.settings = settings
        self.weights = weights or {}
        self._half = on_cuda and settings.precision != "full"
        self._photos = settings.photos or (8 if on_cuda else 1)
        self._faces = settings.faces or (16 if on_cuda else 1)
        self.batches = self._photos > 1 or self._faces > 1
        self._detector = detector.to(settings.device).eval()
        self._aligner = aligner.to(settings.device).eval()

    @classmethod
    def load(cls, settings: FanSettings, store: WeightStore) -> "FanBackend":
        """With the released weights, checked by their SHA-256. WeightsError where they are missing or do not fit."""
        # Importing face_alignment compiles helpers for seconds, and only users of this backend need it.
        load_opencv()  # which face_alignment imports, without a word on what to do
        from face_alignment.detection.sfd.net_s3fd import s3fd
        from face_alignment.models.fan import FAN as FanNetwork

        detector, aligner = _load(s3fd(), store, S3FD), _load(FanNetwork(4), store, FAN)
        weights = {each.file: each.sha256 for each in (S3FD, FAN)}
        return cls(detector, aligner, settings, weights)

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        """As `LandmarkBackend.detect`."""
        found = self._find([query.image for query in queries])
        chips = [
            (photo, detection, cut_chip(queries[photo].image, _fan_square(detection.box), CHIP))
            for photo, detections in enumerate(found)
            for detection in detections
        ]
        results: list[list[Face]] = [[] for _ in queries]
        for (photo, detection, _), points in zip(chips, self._align([chip for _, _, chip in chips]), strict=True):
            results[photo].append(Face(points, detection.box, detection.score, "fan-sfd", misfit(points)))
        return [left_to_right(faces) for faces in results]

    def _find(self, images: Sequence[np.ndarray]) -> list[list[_Detection]]:
        resized = [resize_to(image, min(max(image.shape[:2]), self.settings.detect_side)) for image in images]
        by_size: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, picture in enumerate(resized):
            by_size[_padded_size(picture)].append(index)
        found: list[list[_Detection]] = [[] for _ in images]
        for size, indices in by_size.items():
            for start in range(0, len(indices), self._photos):
                batch = indices[start : start + self._photos]
                outputs = self._run_detector([resized[index] for index in batch], size)
                for row, index in enumerate(batch):
                    boxes = _decode_boxes([output[row] for output in outputs], self.settings.threshold)
                    found[index] = _in_photo(boxes, resized[index], images[index])
        return found

    def _run_detector(self, pictures: Sequence[np.ndarray], size: tuple[int, int]) -> list[np.ndarray]:
        # Padding with the mean colour is what the convolutions' own zero padding is. A batch is always full, so that the
        # arithmetic of one photo is the same whatever else is in it.
        batch = np.empty((self._photos, *size, 3), np.float32)
        batch[:] = CHANNEL_MEANS
        for row, picture in enumerate(pictures):
            batch[row, : picture.shape[0], : picture.shape[1]] = picture[..., ::-1]
        batch -= CHANNEL_MEANS
        return [output.float().cpu().numpy() for output in self._run(self._detector, batch)]

    def _align(self, chips: Sequence[Chip]) -> Iterator[np.ndarray]:
        """(68, 2) float32 photo points of each chip."""
        for start in range(0, len(chips), self._faces):
            part = chips[start : start + self._faces]
            batch = np.zeros((self._faces, CHIP, CHIP, 3), np.float32)
            for row, chip in enumerate(part):
                batch[row] = chip.image / np.float32(255)
            heat = self._heat(batch)
            for chip, points in zip(part, decode_heat(heat), strict=False):  # the rest of the batch is blank
                yield chip.to_photo(points).astype(np.float32)

    def _heat(self, batch: np.ndarray) -> np.ndarray:
        heat = self._run(self._aligner, batch)[-1].float()
        if self.settings.mirror:
            mirrored = self._run(self._aligner, np.ascontiguousarray(batch[:, :, ::-1]))[-1].float()
            heat = heat + mirrored[:, list(MIRROR)].flip(-1)
        return heat.cpu().numpy()

    @torch.inference_mode()
    def _run(self, network: nn.Module, batch: np.ndarray) -> list[Tensor]:
        """(N, H, W, 3) float32 through a network."""
        pixels = torch.from_numpy(batch).to(self.settings.device).permute(0, 3, 1, 2).contiguous()
        with self._autocast():
            return list(network(pixels))

    def _autocast(self) -> AbstractContextManager[object]:
        """Half precision where it is safe: S3FD squares activations, which must stay in full precision."""
        return torch.autocast("cuda", torch.float16) if self._half else nullcontext()


def decode_heat(heat: np.ndarray) -> np.ndarray:
    """Heatmaps (N, 68, 64, 64) → points (N, 68, 2) in pixels of the 256² chip, centres of pixels at integers.

    The largest value, moved a quarter of a cell towards its larger neighbour on each axis (face_alignment/utils.py).
    """
    count = heat.shape[0]
    flat = heat.reshape(count, -1, HEAT * HEAT).argmax(axis=2)
    y, x = np.divmod(flat, HEAT)
    n, k = np.indices(flat.shape)
    x_inner, y_inner = x.clip(1, HEAT - 2), y.clip(1, HEAT - 2)
    slope_x = heat[n, k, y, x_inner + 1] - heat[n, k, y, x_inner - 1]
    slope_y = heat[n, k, y_inner + 1, x] - heat[n, k, y_inner - 1, x]
    inside = (x == x_inner) & (y == y_inner)
    cells = np.stack([x + 0.25 * np.sign(slope_x) * inside, y + 0.25 * np.sign(slope_y) * inside], axis=-1)
    return (cells + 0.5) * (CHIP / HEAT) - 0.5


def _decode_boxes(outputs: Sequence[np.ndarray], threshold: float) -> np.ndarray:
    """Raw outputs of one photo, scores (2, h, w) and offsets (4, h, w) in turn → (N, 5) boxes and probabilities.

    Boxes are in the network's coordinates, in which the left edge of the picture is 0.
    """
    rows = []
    for level, (scores, offsets) in enumerate(zip(outputs[::2], outputs[1::2], strict=True)):
        stride = 4 << level
        probability = 1 / (1 + np.exp(np.clip(scores[0] - scores[1], -80, 80)))
        ys, xs = np.nonzero(probability > threshold)
        dx, dy, dw, dh = offsets[:, ys, xs].astype(np.float64)
        anchor = 4 * stride
        x = (xs + 0.5) * stride + dx * VARIANCES[0] * anchor
        y = (ys + 0.5) * stride + dy * VARIANCES[0] * anchor
        half_width = anchor * np.exp(np.clip(dw * VARIANCES[1], -10, 10)) / 2
        half_height = anchor * np.exp(np.clip(dh * VARIANCES[1], -10, 10)) / 2
        edges = [x - half_width, y - half_height, x + half_width, y + half_height]
        rows.append(np.stack([*edges, probability[ys, xs]], axis=1))
    return np.concatenate(rows)


def _in_photo(boxes: np.ndarray, resized: np.ndarray, image: np.ndarray) -> list[_Detection]:
    detections = []
    for *edges, score in boxes.tolist():
        x0, y0, x1, y1 = (edge - 0.5 for edge in edges)
        box = resized_box_to_photo((x0, y0, x1, y1), resized, image)
        if can_cut(image, _fan_square(box)):
            detections.append(_Detection(box, score))
    return without_doubles(detections, SAME_FACE)


def _fan_square(box: Box) -> Box:
    x0, y0, x1, y1 = box
    side = (x1 - x0 + y1 - y0) * SIDE_PER_BOX
    x, y = (x0 + x1) / 2, (y0 + y1) / 2 - RAISED * (y1 - y0)
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def _padded_size(picture: np.ndarray) -> tuple[int, int]:
    height, width = (-(-side // PADDED_TO) * PADDED_TO for side in picture.shape[:2])
    return height, width


def _load(network: nn.Module, store: WeightStore, record: WeightRecord) -> nn.Module:
    path = store.locate(record)
    try:
        network.load_state_dict(load_state_dict(path))
    except RuntimeError as error:
        raise WeightsError(
            f"weights {record.name}: {path} does not fit the network that face-alignment defines"
        ) from error
    return network
