"""The faces of one split of shards, in batches and by number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fishfsr.data.degradation import Degradation
from fishfsr.data.split import opened, require_files
from fishfsr.errors import DataError
from fishprep.common.where import spelt
from fishprep.shards.reader import Shard, ShardAttributes
from fishprep.shards.schema import HR_SIZE, image, skin
from fishprep.shards.view import chosen_samples

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
        where: str | None = None,
    ) -> None:
        """files: the shards where they are not in `folder`, which is what they are called then. where: a condition on the rows beside
        them (docs/manifest.md): only faces of which it is true, whose numbers count those alone."""
        self.folder, self.split, self.lr_size = folder, split, HR_SIZE // scale
        self.degradation = degradation or Degradation()
        self._shards = [_checked(shard) for shard in opened(require_files(files or folder, split), split)]
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])
        self.where = None if where is None else spelt(where)
        self._chosen = np.arange(self._starts[-1]) if self.where is None else self._view(self.where)
        self.available = len(self._chosen)
        if not self.available:
            raise DataError(f"{folder}: no face of the split {split!r} is chosen by --where {self.where!r}")
        self._count = self.available if limit is None else min(limit, self.available)

    def __len__(self) -> int:
        return self._count

    @property
    def shards(self) -> tuple[Shard, ...]:
        """Those that the faces lie in, and those between: `in_shards` counts through all samples of these."""
        return tuple(self._shards[: int(np.searchsorted(self._starts, self._chosen[self._count - 1], side="right"))])

    @property
    def attributes(self) -> ShardAttributes:
        """What the first shard says of itself; the recipe holds for all."""
        return self._shards[0].attributes

    def place(self, number: int) -> tuple[str, str, int]:
        """The id of a face, the file name of its shard, and its place there."""
        within = int(self._chosen[number])
        home = int(np.searchsorted(self._starts, within, side="right")) - 1
        shard, index = self._shards[home], within - int(self._starts[home])
        return shard.ids[index], shard.path.name, index

    def in_shards(self, numbers: NDArray[np.intp]) -> NDArray[np.intp]:
        """The numbers of faces among all samples of the `shards`, in order: other ones in a view only."""
        return self._chosen[numbers]

    def batches(self, size: int) -> Iterator[SplitBatch]:
        """All faces in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.take(range(start, min(start + size, len(self))))

    def take(self, numbers: Sequence[int] | np.ndarray) -> SplitBatch:
        """The faces of these numbers, in this order."""
        chosen = np.asarray(numbers, np.intp)
        lr, hr = self._gather(image(self.lr_size), chosen), self._gather(image(HR_SIZE), chosen)
        if self.degradation.active:
            self.degradation.apply(hr, lr, DEGRADATION_SEED, self.in_shards(chosen))
        return SplitBatch(chosen, lr, hr, self.skin(chosen), self._gather("landmarks", chosen))

    def skin(self, numbers: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Their skin maps at the LR size, (N, s, s) uint8 in {0, 1}."""
        return self._gather(skin(self.lr_size), numbers)

    def _gather(self, name: str, numbers: NDArray[np.intp]) -> NDArray[Any]:
        sample = self._shards[0][name]
        out = np.empty((len(numbers), *sample.shape[1:]), sample.dtype)
        numbers = self.in_shards(numbers)
        homes = np.searchsorted(self._starts, numbers, side="right") - 1
        for home in np.unique(homes):
            here = homes == home
            out[here] = self._shards[home].gather(name, numbers[here] - self._starts[home])
        return out

    def _view(self, where: str) -> NDArray[np.intp]:
        shards = zip(self._shards, self._starts.tolist(), strict=False)
        return np.concatenate(
            [start + chosen_samples(shard.path, len(shard), where).astype(np.intp) for shard, start in shards]
        )


def _checked(shard: Shard) -> Shard:
    shard.check_values()
    return shard
