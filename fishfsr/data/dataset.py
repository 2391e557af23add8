"""The faces of one split of some shards, by index."""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch.utils.data import Dataset

from fishfsr.data.batch import Batch
from fishfsr.data.split import Paths, opened, require_files
from fishfsr.errors import DataError
from fishfsr.models.config import check_scale
from fishprep.common.errors import ShardError
from fishprep.common.words import counted
from fishprep.shards import schema
from fishprep.shards.reader import Shard, ShardAttributes
from fishprep.shards.versions import are_recorded, differences
from fishprep.shards.view import chosen_samples

Beside = Literal["landmarks", "classes"]
MADE_BY = ("crop", "expand", "upright", "resizer", "mask_resizer", "parser")


class _Mapped(NamedTuple):
    """What is kept of an open shard: mapped arrays of what is read of a sample, and the size of the file that they lie in."""

    path: Path
    size: int
    hr: np.ndarray
    lr: np.ndarray
    skin: np.ndarray
    landmarks: np.ndarray | None
    classes: np.ndarray | None


class ShardDataset(Dataset[Batch]):
    """All samples of `split` in `shards` (a folder, several, or shard files) at `scale`, as one list; each file counts once.

    What is kept is mapped files and one number a shard: nothing grows with the number of samples. It can be used
    after a fork, and pickled to spawned workers, which map the files anew. `recipe` is the shards' common recipe,
    `lr_size` the side of LR faces and maps, `fingerprint` a hash of what the shards were made from, in their order,
    `made_by` the settings of the recipe that a user of the trained model must follow, `notes` what is to be said of shards
    of one recipe that are not made alike in all. `beside`: what is read of a sample beside HR, LR and map.

    where: a condition on the rows beside the shards (docs/manifest.md); the samples are then those of which it is true, in their
    order, and four bytes are kept of each.

    Raises DataError where there is no shard of `split`, the shards are of different recipes, lack what is asked for `beside`, or
    nothing in them is chosen; ShardError for a damaged one, or one without rows; ConfigurationError for a scale that shards do not
    hold, and for a condition that does not fit the rows.
    """

    def __init__(
        self,
        shards: Paths,
        split: str = "train",
        scale: int = 8,
        beside: Collection[Beside] = (),
        where: str | None = None,
    ) -> None:
        check_scale(scale)
        self.split, self.scale, self.lr_size, self.beside = split, scale, schema.HR_SIZE // scale, frozenset(beside)
        self.where = where or None
        self.paths = require_files(shards, split)
        self._open()

    def _open(self) -> None:
        self._shards: list[_Mapped] = []
        self._chosen: list[np.ndarray | None] = []
        first: ShardAttributes | None = None
        identity: list[tuple[str | int, ...]] = []
        versions: list[dict[str, str]] = []
        for shard in opened(self.paths, self.split):
            with shard:
                attributes = shard.attributes
                first = first or attributes
                identity.append((attributes.inputs, attributes.samples, *filter(None, [attributes.contents])))
                versions.append(attributes.versions)
                self._shards.append(self._mapped(shard))
                chosen = None if self.where is None else chosen_samples(shard.path, len(shard), self.where)
                self._chosen.append(chosen)
        if self.where is not None:
            identity.append(("where", self.where))
        assert first is not None
        self.recipe, self.fingerprint = first.recipe, hashlib.sha256(json.dumps(identity).encode()).hexdigest()
        self.made_by = {name: first.configuration.get(name) for name in MADE_BY if name in first.configuration}
        self.notes = tuple(_notes(versions))
        counts = [
            len(shard.hr) if chosen is None else len(chosen)
            for shard, chosen in zip(self._shards, self._chosen, strict=True)
        ]
        self._ends = np.cumsum(counts)
        if self.where is not None and not len(self):
            raise DataError(
                f"{self.paths[0].parent}: no face of the split {self.split!r} is chosen by --where {self.where!r}"
            )

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def counts(self) -> tuple[int, ...]:
        """Samples of each shard."""
        return tuple(np.diff(self._ends, prepend=0).tolist())

    def hold(self, now: Sequence[int], then: Sequence[int]) -> None:
        """Have the shards `now` at hand, by their numbers, and `then` soon: all are."""

    def __getitem__(self, index: int) -> Batch:
        """One sample, without the batch axis."""
        return self.__getitems__([index]).each(lambda part: part[0])

    def __getitems__(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The samples `indices`, each copied once from the mapped files; what DataLoader calls for a batch.

        Raises IndexError beyond the dataset, ShardError where a file has shrunk since it was opened or holds a map
        that is none.
        """
        chosen = np.asarray(indices, np.int64)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise IndexError(f"indices must lie in [0, {len(self)})")
        numbers = np.searchsorted(self._ends, chosen, side="right")
        self._check_files(numbers)
        read = [
            None if part is None else np.empty((len(chosen), *part.shape[1:]), part.dtype)
            for part in self._shards[0][2:]
        ]
        for row, (number, index) in enumerate(zip(numbers.tolist(), chosen.tolist(), strict=True)):
            place = self._place(number, index)
            for into, part in zip(read, self._shards[number][2:], strict=True):
                if into is not None and part is not None:
                    into[row] = part[place]
        hr, lr, skin, landmarks, classes = (None if part is None else torch.from_numpy(part) for part in read)
        assert hr is not None and lr is not None and skin is not None
        if skin.numel() and skin.max() > 1:
            self._raise_damaged(numbers[int(skin.flatten(1).amax(1).argmax())])
        return Batch(hr, lr, skin, torch.from_numpy(chosen), landmarks, classes)

    @staticmethod
    def collate(samples: Batch | list[Batch]) -> Batch:
        """`collate_fn` of a DataLoader: batches are whole already, single samples are stacked."""
        if isinstance(samples, Batch):
            return samples
        columns = zip(*samples, strict=True)
        return Batch(*(None if column[0] is None else torch.stack(column) for column in columns))  # type: ignore[arg-type]

    def ids(self, indices: Sequence[int]) -> list[str]:
        """Ids of samples, read from the files: they are not kept."""
        named = []
        for index in indices:
            number = int(np.searchsorted(self._ends, index, side="right"))
            with Shard(self.paths[number]) as shard:
                named.append(shard.ids[self._place(number, int(index))])
        return named

    def _place(self, number: int, index: int) -> int:
        """Where a sample lies in the shard `number`, counted from its end: negative, but in a view."""
        from_end, chosen = index - int(self._ends[number]), self._chosen[number]
        return from_end if chosen is None else int(chosen[from_end])

    def __getstate__(self) -> dict[str, object]:
        kept = ("split", "scale", "lr_size", "paths", "beside", "where")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open()

    def _mapped_at(self, path: Path) -> _Mapped:
        """FileNotFoundError, ShardError."""
        path.stat()
        with Shard(path) as shard:
            return self._mapped(shard)

    def _mapped(self, shard: Shard) -> _Mapped:
        # Plain views: numpy.memmap pays for its subclass at every indexing.
        images = (shard.images(schema.HR_SIZE), shard.images(self.lr_size))
        hr, lr, skin = map(np.asarray, (*images, shard.skin(self.lr_size)))
        beside = [self._beside(shard, what) for what in get_args(Beside)]
        return _Mapped(shard.path, shard.path.stat().st_size, hr, lr, skin, *beside)

    def _beside(self, shard: Shard, what: Beside) -> np.ndarray | None:
        if what not in self.beside:
            return None
        if what == "landmarks":
            return np.asarray(shard["landmarks"])
        if "classes/128" not in shard:
            raise DataError(
                f"{shard.path}: holds no classes, which are asked for here; build the shards with: fishprep build --keep-classes"
            )
        return np.asarray(shard["classes/128"])

    def _check_files(self, numbers: np.ndarray) -> None:
        """Reading a mapped page beyond the end of a file kills the process without a word: look first."""
        for number in np.unique(numbers):
            shard = self._shards[number]
            try:
                size = os.stat(shard.path).st_size  # noqa: PTH116 (many times a second)
            except OSError:
                continue  # removed or renamed: the mapping outlives its name
            if size < shard.size:
                self._raise_damaged(number)

    def _raise_damaged(self, number: int) -> None:
        path = self._shards[number].path
        raise ShardError(f"{path}: changed or damaged since it was opened; look with: fishprep verify {path.parent}")


def _notes(versions: Sequence[dict[str, str]]) -> Iterator[str]:
    """What shards of one recipe, with these recorded versions, do not say or do not have in common."""
    silent = sum(not are_recorded(each) for each in versions)
    if silent:
        yield (
            f"{silent:,} of {counted(len(versions), 'shard')} from before versions of algorithms were recorded: the first "
            "version of each is assumed"
        )
    differing = {change for each in versions[1:] for change in differences(versions[0], each)}
    if differing:
        yield f"shards of one recipe, but made by other algorithms: {'; '.join(sorted(differing))}"
