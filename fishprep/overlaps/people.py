"""Faces of people whom nobody has named, by vectors of identity: who stands in two places."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fishprep.common.cores import available_cores
from fishprep.common.progress import TellCount
from fishprep.common.weights import WeightStore
from fishprep.overlaps.table import FaceTable
from fishprep.recognition.kept import KeptFile
from fishprep.recognition.network import LENGTH, RecogniserCrew, made_by
from fishprep.recognition.weights import IDENTITY
from fishprep.reports.faces import by_shard
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE

MOST_PAIRS = 1_000_000
_MOST_PROCESSES, _TOGETHER, _BLOCK = 16, 64, 2048


@dataclass(frozen=True)
class LikePerson:
    """Two faces in two places whose vectors are near; distance: Euclidean."""

    one: int
    other: int
    distance: float


def like_people(table: FaceTable, most: float, tell: TellCount) -> tuple[list[LikePerson], bool]:
    """Faces in two places whose vectors differ by at most `most`, and whether these are all of them.

    tell: gets faces whose vectors are known, and all. What was computed is kept beside shards that lie on this machine, also where this
    is stopped. WeightsError without the weights, EmbeddingError where a process dies, others as of `FaceTable.pictures`.
    """
    vectors = np.full((len(table), LENGTH), np.nan)
    known = 0
    for numbers, found in _by_shard(table):
        vectors[numbers] = found
        known += len(numbers)
        tell(known, len(table))
    pairs: list[LikePerson] = []
    for pair in near_vectors(vectors, table.place, most):
        if len(pairs) == MOST_PAIRS:
            return pairs, False
        pairs.append(pair)
    return pairs, True


def near_vectors(vectors: np.ndarray, place: np.ndarray, most: float) -> Iterator[LikePerson]:
    """Pairs of vectors (N, D) in two places (N,) that are at most `most` apart. All are compared, in blocks: 200,000 are some 10^10
    pairs, which a core compares in minutes."""
    small = vectors.astype(np.float32)
    squares = np.square(small).sum(1)
    for here, there in combinations(np.unique(place), 2):
        ones, others = np.flatnonzero(place == here), np.flatnonzero(place == there)
        for start in range(0, len(ones), _BLOCK):
            some = ones[start : start + _BLOCK]
            for behind in range(0, len(others), _BLOCK):
                more = others[behind : behind + _BLOCK]
                apart = squares[some, None] + squares[more] - 2 * small[some] @ small[more].T
                # a little more than is asked for, as these are rounded
                for i, j in np.argwhere(apart <= most**2 + 1e-4).tolist():
                    distance = float(np.linalg.norm(vectors[some[i]] - vectors[more[j]]))
                    if distance <= most:
                        yield LikePerson(int(some[i]), int(more[j]), distance)


def _by_shard(table: FaceTable) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The numbers of the faces of a shard, and their vectors."""
    weights = WeightStore.from_environment().locate(IDENTITY)
    with closing(RecogniserCrew(weights, min(available_cores(), _MOST_PROCESSES))) as crew:
        for number, folder in enumerate(table.folders):
            own = np.flatnonzero(table.set == number)
            for shard, keys in by_shard(folder, {key: table.sample(key) for key in own.tolist()}):
                wanted = np.array([table.sample(key).index for key in keys], np.intp)
                lies_here = shard.where == str(shard.path)  # and is no copy of what lies in a bucket
                file = KeptFile(shard, made_by()) if lies_here else None
                yield np.array(keys, np.intp), _vectors(crew, shard, wanted, file)


def _vectors(crew: RecogniserCrew, shard: Shard, wanted: np.ndarray, file: KeptFile | None) -> np.ndarray:
    """(M, 128): of the samples `wanted`; those that are not known yet are computed, and kept."""
    vectors = np.full((len(shard), LENGTH), np.nan) if file is None else file.read(len(shard))
    unknown = wanted[~np.isfinite(vectors[wanted]).all(1)]
    try:
        for start in range(0, len(unknown), _TOGETHER):
            some = unknown[start : start + _TOGETHER]
            vectors[some] = crew.vectors(shard.gather(f"image/{HR_SIZE}", some), shard.gather("landmarks", some))
    finally:
        if file is not None and len(unknown):
            file.write(vectors)
    return vectors[wanted]
