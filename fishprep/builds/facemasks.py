"""A folder of masks for the faces of a build: the mask of a face lies at the face's id, with `.png`."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fishprep.builds.inputs import TellNumber
from fishprep.common import names
from fishprep.common.errors import BuildError, SourceError
from fishprep.common.together import THREADS, together
from fishprep.common.words import counted
from fishprep.parsing.base import ParsedFaces
from fishprep.parsing.given import GivenMaps
from fishprep.shards.schema import HR_SIZE, ShardName
from fishprep.sources.links import link_problem
from fishprep.sources.masked import SUFFIX


@dataclass(frozen=True)
class FaceMasks:
    """Masks of faces. follow_links: those too that are links out of the folder. are_whole: the faces are whole pictures, and the mask
    of one may have any size as long as it is square; of a face that was cut out of its photo it has the 128 x 128 of the cut face."""

    folder: Path
    follow_links: bool
    are_whole: bool

    def file(self, face: str) -> Path:
        """Where the mask of a face lies."""
        return self.folder / f"{names.path_of(face)}{SUFFIX}"

    def read(self, parser: GivenMaps, face: str) -> np.ndarray:
        """The map of a face, as `GivenMaps.read`. SourceError where there is none, or it is none of this face."""
        path = self.file(face)
        if not os.path.lexists(path):
            raise SourceError(f"{path}: no such file, which would be the mask of {face!r}")
        if problem := link_problem(path, self.folder, self.follow_links):
            raise SourceError(f"{path}: {problem.reason}")
        return parser.read(path, None if self.are_whole else HR_SIZE)

    def digests(self, parser: GivenMaps, shards: Mapping[ShardName, Sequence[str]], tell: TellNumber) -> dict[str, str]:
        """Shard → hash of the masks of its faces, in order. SourceError where some are missing or unfit: how many, and the first."""
        pairs = [(name, face) for name, faces in shards.items() for face in faces]
        found = {name: hashlib.sha256() for name in shards}
        faults: list[str] = []
        maps = together(lambda pair: self._tried(parser, pair[1]), pairs, tell, THREADS)
        for (name, face), read in zip(pairs, maps, strict=True):
            if isinstance(read, str):
                faults.append(read)
            else:
                _add(found[name], face, read)
        if faults:
            raise SourceError(
                f"{self.folder}: {len(faults):,} of {counted(len(pairs), 'face')} without a mask that can be taken, the first: {faults[0]}"
            )
        return {str(name): digest.hexdigest() for name, digest in found.items()}

    def parsed(self, parser: GivenMaps, faces: Iterable[str], told: str) -> ParsedFaces:
        """The maps of the faces of a shard. BuildError where they are not those of the digest `told`."""
        digest, maps = hashlib.sha256(), []
        for face in faces:
            maps.append(self.read(parser, face))
            _add(digest, face, maps[-1])
        if digest.hexdigest() != told:
            raise BuildError(f"{self.folder}: masks have changed meanwhile: run the same command again")
        return parser.fused(maps)

    def _tried(self, parser: GivenMaps, face: str) -> np.ndarray | str:
        try:
            return self.read(parser, face)
        except SourceError as error:
            return str(error)


def _add(digest: Any, face: str, map_: np.ndarray) -> None:
    digest.update(face.encode("utf-8", "surrogatepass") + b"\0")
    digest.update(np.ascontiguousarray(map_).tobytes())
