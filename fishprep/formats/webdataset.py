"""WebDataset: a tar for each shard, `OUT/SPLIT-NNNNN.tar`, the files of a face one after another under its key."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np

from fishprep.common.files import atomic
from fishprep.formats.base import ExportPlan, ExportShard, TellFaces, face_facts, png
from fishprep.shards.reader import Shard


class TarWriter:
    """Of each face `KEY.image_128.png`, ..., `KEY.skin_16.png`, ..., `KEY.landmarks.npy` (68, 2) float32, and `KEY.json`."""

    def __init__(self, plan: ExportPlan) -> None:
        self._plan = plan

    def targets(self) -> list[Path]:
        return [self._path(part) for part in self._plan.shards]

    def write(self, part: ExportShard, shard: Shard, tell: TellFaces) -> None:
        with atomic(self._path(part)) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
            for index, key in part.faces:
                for layer in self._plan.layers:
                    _add(tar, f"{key}.{layer.name}.png", png(layer.pixels(shard, index)))
                _add(tar, f"{key}.landmarks.npy", _npy(shard["landmarks"][index]))
                _add(tar, f"{key}.json", json.dumps(face_facts(part, shard, index, key)).encode())
                tell(1)

    def finish(self) -> None:
        """A tar needs nothing beside it."""

    def _path(self, part: ExportShard) -> Path:
        return self._plan.out / f"{part.name}.tar"


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Without a time or an owner: the same shard gives the same tar."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()
