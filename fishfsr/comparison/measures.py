"""Columns of numbers per face for each checkpoint, measured once: they are kept by what they are of."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fishfsr.checkpoint import load_checkpoint
from fishfsr.comparison.folder import ComparisonFolder
from fishfsr.errors import CheckpointError
from fishfsr.evaluation.evaluate import embedding
from fishfsr.evaluation.faces import SplitFaces
from fishfsr.evaluation.measures import Column, Measurer
from fishfsr.evaluation.methods import BICUBIC, Bicubic, Enlarger, Methods
from fishfsr.evaluation.settings import UNUSED, EvaluationSettings, MapChoice, TellMeasured
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.metrics import get_protocol
from fishprep.common.errors import WeightsError
from fishprep.common.files import sha256_file
from fishprep.common.tensors import load_state_dict, metadata, save_tensors
from fishprep.common.version import __version__
from fishprep.shards.schema import HR_SIZE

FORMAT = "fishfsr-compared-columns"
TIMED, REPEATS = 8, 3
"""Faces at a time and how often, for the time of a face; the quickest counts, as whatever else runs only ever slows it."""
MOST_KEPT = 32
"""Characters of the hash that a file of columns is called by."""


@dataclass(frozen=True)
class MeasuredMethod:
    """`columns`: (N,) float64 by measure: psnr, ssim, identity; accuracy and iou where a map is estimated. `milliseconds` of a face,
    `TIMED` at a time, everything in it that is run for a face."""

    columns: dict[str, Column]
    milliseconds: float


class Measuring:
    """Measures checkpoints on `faces` by `settings`; what was measured before is taken from the folder."""

    def __init__(self, faces: SplitFaces, settings: EvaluationSettings, folder: ComparisonFolder) -> None:
        self.faces, self.settings, self._folder = faces, settings, folder
        shards = [(shard.path.name, sha256_file(shard.path)) for shard in faces.shards]
        self._of = {
            "shards": shards,
            "faces": len(faces),
            "lr_size": faces.lr_size,
            "protocol": settings.protocol,
            "identity": settings.identity,
            "where": faces.where,
            "degradation": settings.degradation,
            "options": str(settings.options),
            "version": __version__,
            "torch": torch.__version__,
        }

    def bicubic(self, tell: TellMeasured) -> MeasuredMethod:
        """Bicubic enlargement."""
        return self._kept(BICUBIC, lambda: self._measured(Bicubic(self.faces), tell))

    def checkpoint(self, path: Path, tell: TellMeasured) -> MeasuredMethod:
        """Of a trained method, by the map that its own ParsingNet estimates where it reads one."""
        return self._kept(sha256_file(path), lambda: self._measured(self.enlarger(path), tell))

    def enlarger(self, path: Path) -> Methods:
        """The networks of a checkpoint on these faces. Raises CheckpointError where it is of another scale."""
        resolver = FaceSuperResolver(load_checkpoint(path), self.settings.device, self.settings.options)
        if resolver.scale * self.faces.lr_size != HR_SIZE:
            raise CheckpointError(f"{path}: a checkpoint of scale {resolver.scale}, which is not that of the faces")
        choice = MapChoice("estimated") if resolver.sr_net.config.needs_map else UNUSED
        return Methods(resolver, self.faces, (choice,), 0, bicubic=False)

    def _measured(self, enlarger: Enlarger, tell: TellMeasured) -> MeasuredMethod:
        with embedding(self.settings, self.faces) as (embedder, kept):
            measurer = Measurer(enlarger, get_protocol(self.settings.protocol), embedder, kept)
            found = measurer.measure(self.settings.batch, tell)
        columns = {**found.methods[enlarger.headline], **found.parsing}
        return MeasuredMethod(dict(sorted(columns.items())), _milliseconds(enlarger))

    def _kept(self, of: str, measure: Callable[[], MeasuredMethod]) -> MeasuredMethod:
        known = {**self._of, "of": of}
        text = json.dumps(known, sort_keys=True)
        path = self._folder.measured / f"{hashlib.sha256(text.encode()).hexdigest()[:MOST_KEPT]}.safetensors"
        kept = _read(path, text, len(self.faces))
        found = kept or measure()
        if kept is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            tensors = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in found.columns.items()}
            save_tensors(path, tensors, {"format": FORMAT, "known": text, "milliseconds": repr(found.milliseconds)})
        return found


def _read(path: Path, known: str, length: int) -> MeasuredMethod | None:
    """What the file holds, where it is of these faces and of this checkpoint; else it is measured anew, and replaced."""
    if not path.is_file():
        return None
    try:
        header: dict[str, Any] = metadata(path)
        columns = {name: tensor.numpy() for name, tensor in sorted(load_state_dict(path).items())}
        if (header.get("format"), header.get("known")) != (FORMAT, known):
            raise ValueError("of another comparison")
        if any(values.shape != (length,) or values.dtype != np.float64 for values in columns.values()):
            raise ValueError("of other faces")
        return MeasuredMethod(columns, float(header["milliseconds"]))
    except (WeightsError, ValueError, KeyError):
        return None


def _milliseconds(enlarger: Enlarger) -> float:
    batch = enlarger.faces.take(range(min(TIMED, len(enlarger.faces))))
    spent = []
    for _ in range(1 + REPEATS):
        started = time.perf_counter()
        made = enlarger(batch)
        if made.enlarged[enlarger.headline].is_cuda:
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - started)
    return 1000 * min(spent[1:]) / len(batch)
