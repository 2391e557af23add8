"""A batch as it lies in the shards, and as the networks take it."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fishprep.shards.schema import HR_SIZE

LEFT_AND_RIGHT = ((4, 5), (6, 7), (8, 9))
"""Classes that a mirror exchanges, in the order of CelebAMask-HQ: eyes, brows, ears."""
_MIRRORED_RANGES = ((0, 17), (17, 27), (31, 36), (48, 55), (55, 60), (60, 65), (65, 68))
"""Runs of the 68 landmarks (300-W) that read the same from both sides: jaw, brows, nostrils, outlines of the lips."""
_EYES = ((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46))


def _mirror_table() -> tuple[int, ...]:
    table = list(range(68))
    for start, end in _MIRRORED_RANGES:
        table[start:end] = reversed(range(start, end))
    for right, left in _EYES:
        table[right], table[left] = left, right
    return tuple(table)


MIRRORED = _mirror_table()
"""Which landmark takes each one's place in a mirror."""


class Batch(NamedTuple):
    """N samples, uint8, on the host.

    `hr` (N, 128, 128, 3) and `lr` (N, s, s, 3) RGB, `skin` (N, s, s) in {0, 1}, s the LR size; `indices` (N,) int64,
    their places in the dataset. Where they are asked for: `landmarks` (N, 68, 2) float32 in pixels of `hr`, `classes`
    (N, 128, 128) in CelebAMask-HQ's order.
    """

    hr: Tensor
    lr: Tensor
    skin: Tensor
    indices: Tensor
    landmarks: Tensor | None = None
    classes: Tensor | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch with every part changed that it has."""
        return Batch(*(None if part is None else change(part) for part in self))  # type: ignore[arg-type]


class Faces(NamedTuple):
    """N samples, float32, on the device: `hr` (N, 3, 128, 128), `lr` (N, 3, s, s), `skin` (N, 1, s, s), all in [0, 1].

    Where the batch has them: `landmarks` (N, 68, 2) in pixels of `hr`, `classes` (N, 128, 128) int64.
    """

    hr: Tensor
    lr: Tensor
    skin: Tensor
    landmarks: Tensor | None = None
    classes: Tensor | None = None


def to_faces(batch: Batch, device: torch.device, flip: Tensor | None = None) -> Faces:
    """Move a batch as uint8, then convert it there; images come out channels_last.

    `flip` (N,) bool: which faces are mirrored left to right, HR, LR and map alike; landmarks and classes of the left become
    those of the right.
    """
    moved = batch.each(lambda part: part.to(device, non_blocking=True))
    hr, lr, skin, landmarks, classes = moved.hr, moved.lr, moved.skin, moved.landmarks, moved.classes
    if flip is not None:
        chosen = flip.to(device, non_blocking=True)
        hr, lr, skin = (_mirrored(part, chosen) for part in (hr, lr, skin))
        landmarks = (
            None if landmarks is None else torch.where(chosen[:, None, None], mirrored_points(landmarks), landmarks)
        )
        classes = None if classes is None else torch.where(chosen[:, None, None], mirrored_classes(classes), classes)
    return Faces(_image(hr), _image(lr), skin[:, None].float(), landmarks, None if classes is None else classes.long())


def _mirrored(part: Tensor, chosen: Tensor) -> Tensor:
    """Axis 2 is x in images (N, y, x, 3) and maps (N, y, x)."""
    return torch.where(chosen.view(-1, *[1] * (part.ndim - 1)), part.flip(2), part)


def _image(image: Tensor) -> Tensor:
    return image.permute(0, 3, 1, 2).float() / 255


def mirrored_points(landmarks: Tensor) -> Tensor:
    """Landmarks (N, 68, 2) of the faces seen in a mirror: what was the left eye's corner is the right one's."""
    width = landmarks.new_tensor([HR_SIZE - 1.0, 0.0])
    return (width - landmarks * landmarks.new_tensor([1.0, -1.0]))[:, torch.tensor(MIRRORED, device=landmarks.device)]


def mirrored_classes(classes: Tensor) -> Tensor:
    """Classes (N, h, w) uint8 of the faces seen in a mirror."""
    table = torch.arange(256, dtype=classes.dtype, device=classes.device)
    for left, right in LEFT_AND_RIGHT:
        table[left], table[right] = right, left
    return table[classes.flip(2).long()]
