"""Identity vectors of the faces of a shard, kept beside it: they are the same whoever asks."""

import logging
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from fishprep.common.errors import WeightsError
from fishprep.common.files import sha256_file
from fishprep.common.tensors import load_state_dict, metadata, save_tensors
from fishprep.recognition.network import LENGTH
from fishprep.shards.reader import Shard

FORMAT = "fishfsr-identity"
VERSION = "1"
TENSOR = "hr"
log = logging.getLogger(__name__)


class KeptFile:
    """The vectors of one shard, in a file `SHARD.identity.safetensors` beside it.

    made_by: all that decides a vector but the face itself. The file counts where it says the same, and the SHA-256 of its shard is
    that of the shard; another one of ours is replaced by `write`, a stranger's of that name stands.
    """

    def __init__(self, shard: Shard, made_by: Mapping[str, str]) -> None:
        self.path = shard.path.with_suffix(".identity.safetensors")
        self._header = {"format": FORMAT, "version": VERSION, **made_by, "shard": sha256_file(shard.path)}

    def read(self, length: int) -> NDArray[np.float64]:
        """(length, 128) float64; NaN where nothing that fits is there."""
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
        """Keep vectors (N, 128) of the whole shard, NaN where one is not known. A folder that cannot be written is left as it is."""
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
