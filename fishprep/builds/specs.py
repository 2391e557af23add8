"""The specs of a build, each made when it is asked for: a shard's name, where its stored plan says what its photos are."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, overload

from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.plan import ShardSpec, as_planned
from fishprep.builds.stored import StoredPlan
from fishprep.common.errors import BuildError
from fishprep.faces.photo import Photo
from fishprep.shards.schema import SPLITS, ShardName

LARGE = 1.25
"""Times the median of sizes, from which on a size says that work takes long."""


@dataclass(frozen=True)
class NamedSpec:
    """A shard by its name: whoever works on it reads its photos from the plan, in the row group that has its number.

    told: the digest of that group. chosen: of a trial, its parts. blamed: parts with a problem, and the reason of each.
    """

    name: ShardName
    plan: StoredPlan
    group: int
    told: str
    chosen: tuple[str, ...] | None = None
    blamed: tuple[tuple[str, str], ...] = ()

    def loaded(self) -> ShardSpec:
        """With its photos. BuildError where the plan cannot be read, or is another one."""
        spec = ShardSpec(self.name, self.plan.photos(self.group, self.told))
        if self.chosen is not None:
            return spec.trial(self.chosen)
        return spec.without(dict(self.blamed)) if self.blamed else spec

    @property
    def parts(self) -> tuple[str, ...]:
        """As `ShardSpec.parts`, asked for where a worker was lost; none where the plan is not to be read now."""
        try:
            return self.loaded().parts
        except BuildError:  # the loss is nobody's then, and the shard is tried again
            return ()

    def trial(self, parts: Sequence[str]) -> "NamedSpec":
        """As `ShardSpec.trial`."""
        return replace(self, chosen=tuple(parts))

    def without(self, blamed: Mapping[str, str]) -> "NamedSpec":
        """As `ShardSpec.without`."""
        return replace(self, blamed=tuple(blamed.items()))


AnySpec = ShardSpec | NamedSpec


@dataclass(frozen=True)
class Stretch:
    """A shard, its number among all, and where its photos begin and end."""

    name: ShardName
    number: int
    start: int
    stop: int


def runs_of(
    counts: Mapping[str, int], shard_size: int, first_numbers: Mapping[str, int] | None = None
) -> list[Stretch]:
    """The shards of photos that stand one split after another; counts: how many each split has. The rule of `plan.numbered`.

    first_numbers: of the shards of each split; None for 0.
    """
    numbers = first_numbers or {}
    runs: list[Stretch] = []
    start = 0
    for split in SPLITS:
        stop = start + counts.get(split, 0)
        for number, first in enumerate(range(start, stop, shard_size), numbers.get(split, 0)):
            runs.append(Stretch(ShardName(split, number), len(runs), first, min(first + shard_size, stop)))
        start = stop
    return runs


def bytes_of(lines: Iterable[PlannedPhoto]) -> int:
    """Of photos, as far as they are known."""
    return sum(line.size or 0 for line in lines)


def large_first(sizes: Sequence[int]) -> list[int]:
    """Places of `sizes` in the order in which their work is begun: what is far larger than most, the largest first, as all would wait
    for it at the end; then the others as they come."""
    most = LARGE * statistics.median(sizes) if sizes else 0
    return sorted(range(len(sizes)), key=lambda place: sizes[place] if sizes[place] > most else 0, reverse=True)


class SpecMaker(Protocol):
    """What knows the photos of runs."""

    def spec(self, run: Stretch) -> AnySpec:
        """The spec of a run."""

    def ids(self, runs: Iterable[Stretch]) -> Iterator[list[str]]:
        """The ids of the photos of each run."""

    def size(self, run: Stretch) -> int:
        """The bytes of the photos of a run, as far as they are known."""


@dataclass(frozen=True)
class NamedSpecs:
    """The stored plan does, and is what the source says now. told: the digest of each shard's lines; sizes: their bytes."""

    plan: StoredPlan
    told: Sequence[str]
    sizes: Sequence[int]

    def spec(self, run: Stretch) -> AnySpec:
        return NamedSpec(run.name, self.plan, run.number, self.told[run.number])

    def ids(self, runs: Iterable[Stretch]) -> Iterator[list[str]]:
        return self.plan.ids(run.number for run in runs)

    def size(self, run: Stretch) -> int:
        return self.sizes[run.number]


@dataclass(frozen=True)
class HeldSpecs:
    """Photos that are held here, with the lines of the plan, one for each: the plan is of an older build, or of other times."""

    photos: Sequence[Photo]
    lines: Sequence[PlannedPhoto]

    def spec(self, run: Stretch) -> AnySpec:
        some = slice(run.start, run.stop)
        return ShardSpec(run.name, tuple(as_planned(self.photos[some], self.lines[some])))

    def ids(self, runs: Iterable[Stretch]) -> Iterator[list[str]]:
        return ([line.id for line in self.lines[run.start : run.stop]] for run in runs)

    def size(self, run: Stretch) -> int:
        return bytes_of(self.lines[run.start : run.stop])


@dataclass(frozen=True)
class PlannedSpecs(Sequence[AnySpec]):
    """Specs of `runs`, by those who know their photos."""

    members: SpecMaker
    runs: Sequence[Stretch]

    @property
    def names(self) -> list[ShardName]:
        """Of all specs, in order."""
        return [run.name for run in self.runs]

    @property
    def photo_count(self) -> int:
        """Of all specs together."""
        return sum(run.stop - run.start for run in self.runs)

    def ids(self) -> Iterator[list[str]]:
        """The ids of the photos of each spec, in order."""
        return self.members.ids(self.runs)

    def only(self, wanted: Sequence[bool]) -> "PlannedSpecs":
        """Those for which `wanted` says so."""
        return replace(self, runs=[run for run, is_wanted in zip(self.runs, wanted, strict=True) if is_wanted])

    def large_first(self) -> "PlannedSpecs":
        """By the bytes of their photos, which tell roughly how long each takes."""
        order = large_first([self.members.size(run) for run in self.runs])
        return replace(self, runs=[self.runs[place] for place in order])

    def __len__(self) -> int:
        return len(self.runs)

    @overload
    def __getitem__(self, index: int) -> AnySpec: ...

    @overload
    def __getitem__(self, index: slice) -> "PlannedSpecs": ...

    def __getitem__(self, index: int | slice) -> "AnySpec | PlannedSpecs":
        if isinstance(index, slice):
            return replace(self, runs=self.runs[index])
        return self.members.spec(self.runs[index])
