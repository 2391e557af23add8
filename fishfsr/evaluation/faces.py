"""The faces of one split of shards, in batches and by number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fishfsr.data.degradation import Degradation
from fishfsr.data.split import opened, require_files
from fishprep.shards.reader import Shard, ShardAttributes
from fishprep.shards.schema import HR_SIZE, image, skin

DEGRADATION_SEED = 0
"""Not a setting: figures of one degradation are of the same LR faces, whoever measures them."""


@dataclass(frozen=True)
class SplitBatch:
    """N faces.

    `numbers` (N,) their numbers in the split; `lr` (N, s, s, 3) and `hr` (N, 128, 128, 3) uint8 RGB; `skin` (N, s, s)
    uint8 in {0, 1}; `landmarks` (N, 68, 2) float32 in pixels of `hr`.
    """

    numbers: NDArray[np.intp]
    lr: NDArray[np.uint8]
    hr: NDArray[np.uint8]
    skin: NDArray[np.uint8]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.numbers)


class SplitFaces:
    """The first `limit` faces of a split, in the order of the shards' names and of the samples in them.

    Their LR faces are degraded by `degradation`, each in the same way whenever it is read. Faces are read when they are asked
    for; what stays in memory are their ids. Raises DataError where the folder has
    no shard of the split or two were made by different recipes, ShardError where one breaks the format's rules.
    """

    def __init__(
        self,
        folder: Path | str,
        split: str,
        scale: int,
        limit: int | None = None,
        degradation: Degradation | None = None,
        files: Sequence[Path] = (),
    ) -> None:
        """files: the shards where they are not in `folder`, which is what they are called then."""
        self.folder, self.split, self.lr_size = folder, split, HR_SIZE // scale
        self.degradation = degradation or Degradation()
        self._shards = [_checked(shard) for shard in opened(require_files(files or folder, split), split)]
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])
        self.available = int(self._starts[-1])
        self._count = self.available if limit is None else min(limit, self.available)

    def __len__(self) -> int:
        return self._count

    @property
    def shards(self) -> tuple[Shard, ...]:
        """Those that the faces lie in: a face's number counts through all samples of these, in order."""
        return tuple(self._shards[: int(np.searchsorted(self._starts, self._count))])

    @property
    def attributes(self) -> ShardAttributes:
        """What the first shard says of itself; the recipe holds for all."""
        return self._shards[0].attributes

    def place(self, number: int) -> tuple[str, str, int]:
        """The id of a face, the file name of its shard, and its place there."""
        home = int(np.searchsorted(self._starts, number, side="right")) - 1
        shard, index = self._shards[home], number - int(self._starts[home])
        return shard.ids[index], shard.path.name, index

    def batches(self, size: int) -> Iterator[SplitBatch]:
        """All faces in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.take(range(start, min(start + size, len(self))))

    def take(self, numbers: Sequence[int] | np.ndarray) -> SplitBatch:
        """The faces of these numbers, in this order."""
        chosen = np.asarray(numbers, np.intp)
        lr, hr = self._gather(image(self.lr_size), chosen), self._gather(image(HR_SIZE), chosen)
        if self.degradation.active:
            self.degradation.apply(hr, lr, DEGRADATION_SEED, chosen)
        return SplitBatch(chosen, lr, hr, self.skin(chosen), self._gather("landmarks", chosen))

    def skin(self, numbers: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Their skin maps at the LR size, (N, s, s) uint8 in {0, 1}."""
        return self._gather(skin(self.lr_size), numbers)

    def _gather(self, name: str, numbers: NDArray[np.intp]) -> NDArray[Any]:
        sample = self._shards[0][name]
        out = np.empty((len(numbers), *sample.shape[1:]), sample.dtype)
        homes = np.searchsorted(self._starts, numbers, side="right") - 1
        for home in np.unique(homes):
            here = homes == home
            out[here] = self._shards[home].gather(name, numbers[here] - self._starts[home])
        return out


def _checked(shard: Shard) -> Shard:
    shard.check_values()
    return shard
