"""The specs of a build, each made when it is asked for: of millions of photos one list is enough."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.plan import ShardSpec, as_planned
from fishprep.faces.photo import Photo
from fishprep.shards.schema import SPLITS, ShardName


@dataclass(frozen=True)
class _Run:
    """A shard, and where its photos begin and end."""

    name: ShardName
    start: int
    stop: int


class PlannedSpecs(Sequence[ShardSpec]):
    """Specs of `photos` that stand one split after another, as a plan has them, with the `lines` of the plan, one for each."""

    def __init__(self, photos: Sequence[Photo], lines: Sequence[PlannedPhoto], shard_size: int) -> None:
        self._photos, self._lines = photos, lines
        counts, runs, start = Counter(line.split for line in lines), [], 0
        for split in SPLITS:
            stop = start + counts[split]
            for number, first in enumerate(range(start, stop, shard_size)):
                runs.append(_Run(ShardName(split, number), first, min(first + shard_size, stop)))
            start = stop
        self._runs: Sequence[_Run] = runs

    @property
    def names(self) -> list[ShardName]:
        """Of all specs, in order."""
        return [run.name for run in self._runs]

    @property
    def photo_count(self) -> int:
        """Of all specs together."""
        return sum(run.stop - run.start for run in self._runs)

    def ids(self, number: int) -> list[str]:
        """The ids of the photos of a spec."""
        run = self._runs[number]
        return [line.id for line in self._lines[run.start : run.stop]]

    def only(self, wanted: Sequence[bool]) -> "PlannedSpecs":
        """Those for which `wanted` says so."""
        return self._with([run for run, is_wanted in zip(self._runs, wanted, strict=True) if is_wanted])

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> ShardSpec: ...

    @overload
    def __getitem__(self, index: slice) -> "PlannedSpecs": ...

    def __getitem__(self, index: int | slice) -> "ShardSpec | PlannedSpecs":
        if isinstance(index, slice):
            return self._with(self._runs[index])
        run = self._runs[index]
        photos = as_planned(self._photos[run.start : run.stop], self._lines[run.start : run.stop])
        return ShardSpec(run.name, tuple(photos))

    def _with(self, runs: Sequence[_Run]) -> "PlannedSpecs":
        some = object.__new__(PlannedSpecs)
        some._photos, some._lines, some._runs = self._photos, self._lines, runs
        return some
