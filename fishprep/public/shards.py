"""`fishprep.open_shards`: the faces of shards as one sequence. `fishprep.inspect`: what a shard says of itself."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import overload

import numpy as np

from fishprep.common.errors import ShardError
from fishprep.public.settings import StrPath
from fishprep.shards.reader import Shard, ShardAttributes
from fishprep.shards.schema import HR_SIZE, SPLITS, ShardName, shard_paths
from fishprep.shards.versions import are_recorded
from fishprep.shards.view import chosen_samples
from fishprep.storage.named import located
from fishprep.storage.objects import ObjectStorage


@dataclass(frozen=True, eq=False)
class ShardFace:
    """One face of a shard; its arrays are mapped, read-only, and read when they are looked at."""

    shard: Shard
    index: int

    @property
    def id(self) -> str:
        """Path of its photo in the source, without the suffix; `#k` is added where several faces of a photo were kept."""
        return self.shard.ids[self.index]

    @property
    def split(self) -> str:
        """`train`, `val` or `test`."""
        return self.shard.splits[self.index]

    def image(self, size: int = HR_SIZE) -> np.ndarray:
        """(size, size, 3) uint8 RGB; size: 128, 64, 32, 16, 8."""
        return self.shard.images(size)[self.index]

    def skin(self, size: int = HR_SIZE) -> np.ndarray:
        """(size, size) uint8 in {0, 1}; size: 128, 64, 32, 16, 8."""
        return self.shard.skin(size)[self.index]

    @property
    def classes(self) -> np.ndarray:
        """(128, 128) uint8, the 19 classes in CelebAMask-HQ's order. ShardError where the build did not keep them."""
        return self.shard["classes/128"][self.index]

    @property
    def landmarks(self) -> np.ndarray:
        """(68, 2) float32: x, y in pixels of the 128² face, the centre of a pixel at integers."""
        return self.shard["landmarks"][self.index]

    @property
    def box(self) -> np.ndarray:
        """(4,) float32: x0, y0, x1, y1 of the crop in the upright photo; it stands there turned by `angle` about its middle."""
        return self.shard["box"][self.index]

    @property
    def angle(self) -> float:
        """Degrees by which the crop stands turned clockwise in the photo; 0 without `--upright`."""
        return float(self.shard.angles[self.index])


class Shards(Sequence[ShardFace]):
    """The faces of some shards, in their order, as one sequence: `len`, an index or a slice, iteration.

    `shards` are the shards themselves, for who wants whole arrays: `shard.images(16)` is (N, 16, 16, 3).
    """

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = tuple(shards)
        self._ends = list(accumulate(len(shard) for shard in self.shards))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> ShardFace: ...
    @overload
    def __getitem__(self, index: slice) -> list[ShardFace]: ...

    def __getitem__(self, index: int | slice) -> ShardFace | list[ShardFace]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"face {index} of {len(self)}")
        place = index % len(self)
        number = bisect_right(self._ends, place)
        shard = self.shards[number]
        return ShardFace(shard, place - (self._ends[number] - len(shard)))

    @property
    def ids(self) -> list[str]:
        """Of all faces, in their order."""
        return [name for shard in self.shards for name in shard.ids]

    @property
    def recipes(self) -> set[str]:
        """The recipes of the shards; those of one recipe can be trained on together."""
        return {shard.attributes.recipe for shard in self.shards}

    def close(self) -> None:
        """Drop the mappings; arrays handed out before stay valid."""
        for shard in self.shards:
            shard.close()

    def __enter__(self) -> "Shards":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_shards(source: StrPath, *, split: str | None = None) -> Shards:
    """The faces of all shards in a folder, or of one shard file; with `split` (train, val, test) those of it alone.

    Files are mapped, not read. Raises ShardError where there is no such shard, or one is truncated, damaged or of a format that
    cannot be read.
    """
    path = located(source)
    if not isinstance(path, Path):
        raise ShardError(
            f"{path}: faces are opened from files of this machine; copy the shards, or train from the bucket as it is"
        )
    if split is not None and split not in SPLITS:
        raise ShardError(f"{path}: no split is called {split!r}: there are {', '.join(SPLITS)}")
    if path.is_file():
        shards = [Shard(path)]
        if split not in (None, shards[0].attributes.split):
            raise ShardError(f"{path}: a shard of the split {shards[0].attributes.split!r}, not {split!r}")
        return Shards(shards)
    found = shard_paths(path)
    wanted = [each for each in found if split in (None, _split_of(each))]
    if not wanted:
        there = ", ".join(sorted({_split_of(each) for each in found}))
        raise ShardError(
            f"{path}: no shards of the split {split!r} in it; it has {there}"
            if there
            else f"{path}: no shards (SPLIT-NNNNN.h5) in it"
        )
    return Shards([Shard(each) for each in wanted])


@dataclass(frozen=True)
class ShardFacts:
    """What a shard says of itself, and what was looked up in it.

    datasets: dtype and shape by name. chosen: how many samples a condition chose, None without one; of these are first_ids, up to three,
    and skin_share, of the pixels of the 8² skin maps (NaN of none). algorithms_recorded: whether it names the
    versions of the algorithms that made it; the first of each are assumed where not.
    """

    attributes: ShardAttributes
    datasets: dict[str, tuple[str, tuple[int, ...]]]
    first_ids: tuple[str, ...]
    skin_share: float
    algorithms_recorded: bool
    chosen: int | None = None


def inspect(file: StrPath, where: str | None = None) -> ShardFacts:
    """What the shard in `file`, or in a bucket (`s3://bucket/prefix/train-00000.h5`), says of itself; ShardError where it is none.

    where: a condition on the rows that a build puts beside the shard (`blur > 40`); what is looked up is then of the samples that it
    chooses. ConfigurationError where it does not fit them, ShardError where they are not there.
    """
    with _one(file) as shard:
        chosen = np.arange(len(shard)) if where is None else _chosen(file, shard, where)
        skin = shard.skin(8)[chosen]
        return ShardFacts(
            attributes=shard.attributes,
            datasets={name: (str(array.dtype), tuple(array.shape)) for name, array in shard.arrays().items()},
            first_ids=tuple(shard.ids[index] for index in chosen[:3].tolist()),
            skin_share=float(skin.mean()) if len(chosen) else float("nan"),
            algorithms_recorded=are_recorded(shard.attributes.versions),
            chosen=None if where is None else len(chosen),
        )


def _chosen(file: StrPath, shard: Shard, where: str) -> np.ndarray:
    place = located(file)
    if isinstance(place, Path):
        return chosen_samples(place, len(shard), where)
    name = Path(place.url.rpartition("/")[2])
    with _object(name.with_suffix(".parquet").name, place) as rows:
        return chosen_samples(name, len(shard), where, rows)


@contextmanager
def _one(file: StrPath) -> Iterator[Shard]:
    """A shard, open, wherever it is."""
    place = located(file)
    if isinstance(place, Path):
        with Shard(place) as shard:
            yield shard
        return
    with _object(place.url.rpartition("/")[2], place) as path, Shard(path, place.url) as shard:
        yield shard


@contextmanager
def _object(name: str, place: ObjectStorage) -> Iterator[Path]:
    """A file beside the object that `place` means, on this machine."""
    try:
        with ObjectStorage(place.url.rpartition("/")[0]).local(name) as path:
            yield path
    except OSError as error:
        raise ShardError(f"{place}: {name} cannot be read: {error.strerror}") from error


def _split_of(path: Path) -> str:
    name = ShardName.parse(path)
    assert name is not None  # `shard_paths` gives no others
    return name.split
