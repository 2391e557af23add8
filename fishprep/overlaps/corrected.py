"""What was found → a split in which nothing stands twice, as a file for `fishprep build --split`."""

import csv
import io
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fishprep.builds.folder import BuildFolder
from fishprep.builds.names import SAMPLES
from fishprep.common.errors import unusable
from fishprep.overlaps.find import Leaks
from fishprep.shards.schema import SPLITS

_BATCH = 4096


def corrected_split(leaks: Leaks) -> tuple[str, dict[str, int]]:
    """The split of the first set, as CSV (path, split), and how many photos of each split are not in it any more.

    Of what is one photo or one person, that stays which is measured on: photos of train go where one of val or test is the same, those of
    val where one of test is; test stays as it is. What another set has goes, whatever its split.
    """
    going = np.unique(leaks.table.photo[leaving(leaks)])
    leaves = np.isin(leaks.table.columns[0].photo, going)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("path", "split"))
    written: set[str] = set()
    left_out: Counter[str] = Counter()
    for (path, split), leaving_now in zip(_photos(leaks.table.folders[0]), leaves.tolist(), strict=True):
        if path in written:  # a row for each face
            continue
        written.add(path)
        if leaving_now:
            left_out[split] += 1
        else:
            lines.writerow((path, split))
    return text.getvalue(), {split: left_out[split] for split in SPLITS if left_out[split]}


def leaving(leaks: Leaks) -> np.ndarray:
    """(M,) int64: faces of the first set that are to go, ascending."""
    table = leaks.table
    groups = _Joined(len(table))
    for pair in leaks.pairs:
        groups.join(pair.one, pair.other)
    for numbers in leaks.groups:
        for number in numbers.tolist():
            groups.join(number, int(numbers[0]))
    members: dict[int, list[int]] = {}
    for number in groups.touched:
        members.setdefault(groups.head(number), []).append(number)
    rank = np.array([len(SPLITS) if place.set else SPLITS.index(place.split) for place in table.places])
    going = []
    for some in members.values():
        ranks = rank[table.place[some]]
        going += [number for number, own in zip(some, ranks.tolist(), strict=True) if own < ranks.max()]
    return np.sort(np.array(going, np.int64))


class _Joined:
    """Numbers that belong together, also by way of others."""

    def __init__(self, count: int) -> None:
        self._above = np.arange(count)
        self.touched: set[int] = set()

    def head(self, number: int) -> int:
        """The same for all that belong together."""
        above = self._above
        while above[number] != number:
            above[number] = above[above[number]]
            number = int(above[number])
        return number

    def join(self, one: int, other: int) -> None:
        """These two belong together."""
        self.touched |= {one, other}
        self._above[self.head(one)] = self.head(other)


def _photos(folder: BuildFolder) -> Iterator[tuple[str, str]]:
    """Path and split of every row, in order."""
    try:
        with folder.samples_to_read() as file:
            for batch in file.iter_batches(_BATCH, columns=["path", "split"]):
                yield from zip(batch.column("path").to_pylist(), batch.column("split").to_pylist(), strict=True)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise unusable(folder.where(SAMPLES), error, f"missing or damaged ({error})") from error
