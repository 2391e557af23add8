"""The kept faces of some sets as one table, and their pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fishprep.builds.folder import BuildFolder
from fishprep.reports.columns import Columns, SamplePlace, read_columns
from fishprep.reports.faces import by_shard


@dataclass(frozen=True, order=True)
class SplitPlace:
    """A split of the set with this number."""

    set: int
    split: str


@dataclass(frozen=True, eq=False)
class FaceTable:
    """The N kept faces of some sets, one set after another, each in the order of its rows.

    places: what `place` (N,) int32 counts. set, row: (N,) int64, the number of the set, and of the row in it. fingerprint, content,
    identity, photo: (N,) uint64 as in `Columns`; names of people are only the same in sets whose sources are of one kind.
    """

    folders: tuple[BuildFolder, ...]
    columns: tuple[Columns, ...]
    places: tuple[SplitPlace, ...]
    place: np.ndarray
    set: np.ndarray
    row: np.ndarray
    fingerprint: np.ndarray
    content: np.ndarray
    identity: np.ndarray
    photo: np.ndarray

    def __len__(self) -> int:
        return len(self.place)

    def sample(self, number: int) -> SamplePlace:
        """Where a face lies in its set."""
        return self.columns[self.set[number]].place(int(self.row[number]))

    def pictures(self, numbers: np.ndarray, size: int) -> Iterator[tuple[list[int], np.ndarray]]:
        """The faces `numbers` (M,) at size², a shard at a time: their places in `numbers`, and the pictures (K, size, size, 3) uint8.

        ShardError where a shard cannot be read, BuildError where a row names what is not there.
        """
        for number, folder in enumerate(self.folders):
            own = np.flatnonzero(self.set[numbers] == number).tolist()
            for shard, keys in by_shard(folder, {key: self.sample(int(numbers[key])) for key in own}):
                yield keys, shard.gather(f"image/{size}", [self.sample(int(numbers[key])).index for key in keys])


def face_table(folders: Sequence[BuildFolder]) -> FaceTable:
    """Read the rows of finished builds. BuildError where one is not finished or damaged."""
    kinds = [folder.manifest()["configuration"].get("source") for folder in folders]
    columns = tuple(read_columns(folder) for folder in folders)
    kept = [np.flatnonzero(each.kept) for each in columns]
    places: dict[SplitPlace, int] = {}
    codes = []
    for number, (each, rows) in enumerate(zip(columns, kept, strict=True)):
        own = [places.setdefault(SplitPlace(number, name), len(places)) for name in each.split.names]
        codes.append(np.array(own, np.int32)[each.split.codes[rows]])
    return FaceTable(
        folders=tuple(folders),
        columns=columns,
        places=tuple(places),
        place=np.concatenate(codes),
        set=np.repeat(np.arange(len(columns)), [len(rows) for rows in kept]),
        row=np.concatenate(kept),
        fingerprint=_joined(columns, kept, "fingerprint"),
        content=_joined(columns, kept, "content"),
        identity=np.concatenate(
            [
                _apart(each.identity[rows], kinds.index(kind))
                for each, rows, kind in zip(columns, kept, kinds, strict=True)
            ]
        ),
        photo=np.concatenate(
            [_apart(each.photo[rows], number) for number, (each, rows) in enumerate(zip(columns, kept, strict=True))]
        ),
    )


def _joined(columns: Sequence[Columns], kept: Sequence[np.ndarray], name: str) -> np.ndarray:
    return np.concatenate([getattr(each, name)[rows] for each, rows in zip(columns, kept, strict=True)])


def _apart(keys: np.ndarray, number: int) -> np.ndarray:
    """Keys of one kind of names, made others than those of another kind; 0 stays 0."""
    return np.where(keys == 0, np.uint64(0), keys ^ np.uint64(number << 40 | number))
