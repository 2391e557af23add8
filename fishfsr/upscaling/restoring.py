"""Planned faces through their models, batched over all pictures."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from fishfsr.errors import FishFSRError
from fishfsr.inference.kinds import as_tensor, levels
from fishfsr.upscaling.models import FaceModel
from fishfsr.upscaling.planning import PicturePlan, PlannedFace

Restored = np.ndarray | str
"""A restored face (scale·h, scale·w, 3) uint8, or why there is none."""


def restore(plans: Sequence[PicturePlan], batch: int) -> list[dict[int, Restored]]:
    """The restored faces of each plan, by their number; faces left alone are not among them.

    `batch` faces at most go through a model at a time; those of one model and one size go together, whatever picture they are
    from. Raises FishFSRError where the device has too little memory for that.
    """
    results: list[dict[int, Restored]] = [{} for _ in plans]
    groups: dict[tuple[FaceModel, tuple[int, ...]], list[tuple[int, int, PlannedFace]]] = {}
    for index, plan in enumerate(plans):
        for number, face in enumerate(plan.faces):
            if face.model is not None and face.lr is not None:
                groups.setdefault((face.model, face.lr.shape), []).append((index, number, face))
    for members in groups.values():
        for start in range(0, len(members), batch):
            part = members[start : start + batch]
            images = _run_model([face for _, _, face in part])
            for (index, number, _), image in zip(part, images, strict=True):
                results[index][number] = image
    return results


def _run_model(faces: Sequence[PlannedFace]) -> Iterator[Restored]:
    """Faces of one model and one size."""
    model = faces[0].model
    assert model is not None
    lr = as_tensor(np.stack([face.lr for face in faces if face.lr is not None]))
    for output in _outputs(model, lr):
        yield levels(output) if torch.isfinite(output).all() else f"{model.name} gave NaN or infinite values"


def _outputs(model: FaceModel, lr: torch.Tensor) -> torch.Tensor:
    try:
        return model.resolver.upscale(lr).cpu()
    except torch.OutOfMemoryError as error:
        raise FishFSRError(f"{model.name}: not enough memory for {len(lr)} faces at a time: lower --batch") from error
