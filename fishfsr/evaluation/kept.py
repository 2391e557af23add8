"""Identity vectors of HR faces, kept beside their shards: they are the same in every evaluation."""

import logging
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from fishfsr.evaluation.faces import SplitFaces
from fishfsr.recognition import LENGTH
from fishprep.common.errors import WeightsError
from fishprep.common.files import sha256_file
from fishprep.common.tensors import load_state_dict, metadata, save_tensors
from fishprep.shards.reader import Shard

FORMAT = "fishfsr-identity"
VERSION = "1"
TENSOR = "hr"
log = logging.getLogger(__name__)


class KeptVectors:
    """Vectors by the number of a face in its split, from files `SHARD.identity.safetensors` beside the shards.

    `made_by`: all that decides a vector but the face itself. A file counts where it says the same, and the SHA-256 of its shard is
    that of the shard; another one of ours is replaced by `save`, a stranger's of that name stands. Rows not yet known are NaN.
    """

    def __init__(self, faces: SplitFaces, made_by: Mapping[str, str]) -> None:
        self._files = [_KeptFile(shard, made_by) for shard in faces.shards]
        lengths = [len(shard) for shard in faces.shards]
        self._ends = np.cumsum(lengths)
        self._vectors = np.concatenate(
            [file.read(length) for file, length in zip(self._files, lengths, strict=True)] or [np.empty((0, LENGTH))]
        )
        self._known = np.isfinite(self._vectors).all(1)
        self._before = self._known.copy()

    def known(self, numbers: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether the vector of each face is here."""
        return self._known[numbers]

    def get(self, numbers: NDArray[np.intp]) -> NDArray[np.float64]:
        """(N, 128)."""
        return self._vectors[numbers]

    def put(self, numbers: NDArray[np.intp], vectors: NDArray[np.float64]) -> None:
        """Remember vectors (N, 128)."""
        self._vectors[numbers] = vectors
        self._known[numbers] = np.isfinite(vectors).all(1)

    def save(self) -> None:
        """Write the files of shards of which more is known than before. A folder that cannot be written is left as it is."""
        start = 0
        for file, end in zip(self._files, self._ends.tolist(), strict=True):
            if (self._known[start:end] > self._before[start:end]).any():
                file.write(self._vectors[start:end])
            start = end


class _KeptFile:
    """The vectors of one shard in a file."""

    def __init__(self, shard: Shard, made_by: Mapping[str, str]) -> None:
        self.path = shard.path.with_suffix(".identity.safetensors")
        self._header = {"format": FORMAT, "version": VERSION, **made_by, "shard": sha256_file(shard.path)}

    def read(self, length: int) -> NDArray[np.float64]:
        """(length, 128); NaN where nothing that fits is there."""
        nothing = np.full((length, LENGTH), np.nan)
        if self._said() != self._header:
            return nothing
        try:
            found = load_state_dict(self.path).get(TENSOR)
        except WeightsError as error:
            log.warning("%s; its vectors are computed anew", error)
            return nothing
        if found is None or found.dtype != torch.float64 or found.shape != (length, LENGTH):
            return nothing
        return found.numpy().copy()

    def write(self, vectors: NDArray[np.float64]) -> None:
        if self.path.exists() and self._said().get("format") != FORMAT:
            log.warning("%s: not ours, and not replaced: identity vectors of HR faces are not kept", self.path)
            return
        try:
            save_tensors(self.path, {TENSOR: torch.from_numpy(np.ascontiguousarray(vectors))}, self._header)
        except OSError as error:
            log.info("%s: identity vectors of HR faces are not kept: %s", self.path, error)

    def _said(self) -> dict[str, str]:
        try:
            return metadata(self.path) if self.path.is_file() else {}
        except WeightsError:
            return {}
