"""Identity vectors of HR faces, kept beside their shards: they are the same in every evaluation."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fishfsr.evaluation.faces import SplitFaces
from fishprep.recognition.kept import KeptFile
from fishprep.recognition.network import LENGTH


class KeptVectors:
    """Vectors by the number of a face in its split, from files beside the shards. made_by: as of `KeptFile`. Rows not yet known are NaN."""

    def __init__(self, faces: SplitFaces, made_by: Mapping[str, str]) -> None:
        self._files = [KeptFile(shard, made_by) for shard in faces.shards]
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
