"""Sets → the pairs of faces that stand in two places, each pair once, by the strongest of what was found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fishprep.builds.folder import BuildFolder
from fishprep.common.progress import TellCount
from fishprep.overlaps.groups import across_places, first_of_each
from fishprep.overlaps.pictures import same_photos
from fishprep.overlaps.table import FaceTable, SplitPlace, face_table
from fishprep.reports.columns import read_chosen

if TYPE_CHECKING:
    from fishprep.overlaps.people import LikePerson

LeakKind = Literal["file", "picture", "mirrored", "person", "alike"]
"""Equal files; one photo in two disguises; one photo, mirrored; two photos of a person whom the source names; perhaps of one, by vectors of
identity."""

KINDS: tuple[LeakKind, ...] = ("file", "picture", "mirrored", "person", "alike")


@dataclass(frozen=True)
class LeakPair:
    """Two faces in two places, by their numbers: that of the earlier set first, then of train, val, test. measure: the correlation of
    their fine detail, of `alike` the distance of their vectors; None for files and people, where the first of each place stands for all."""

    kind: LeakKind
    one: int
    other: int
    measure: float | None = None


@dataclass(frozen=True, eq=False)
class Leaks:
    """All that was found. pairs: in the order of `KINDS`, then of the places, then the surest first. groups: numbers of all faces of each
    file and person in several places. people: how many persons; None where no face has a name. complete: False where so many
    looked alike that the search ended early. distance: within which vectors were called one person's; None where that was not asked."""

    table: FaceTable
    pairs: tuple[LeakPair, ...]
    groups: tuple[np.ndarray, ...]
    people: int | None
    complete: bool
    distance: float | None = None

    def place(self, number: int) -> SplitPlace:
        """Where a face stands."""
        return self.table.places[self.table.place[number]]

    def counts(self) -> dict[tuple[SplitPlace, SplitPlace], dict[LeakKind, int]]:
        """How many pairs of each kind stand in which two places."""
        found: dict[tuple[SplitPlace, SplitPlace], dict[LeakKind, int]] = {}
        for pair in self.pairs:
            kinds = found.setdefault((self.place(pair.one), self.place(pair.other)), {})
            kinds[pair.kind] = kinds.get(pair.kind, 0) + 1
        return dict(sorted(found.items(), key=lambda item: (_rank(item[0][0]), _rank(item[0][1]))))


def find_leaks(
    folders: Sequence[BuildFolder],
    tell: TellCount,
    distance: float | None = None,
    tell_vectors: TellCount = lambda done, total: None,
) -> Leaks:
    """Search the kept faces of finished builds. distance: within which two vectors of identity are one person's; None: not asked.

    tell: gets pairs of faces that were laid over each other, and all; tell_vectors: faces whose vectors are known, and all.

    Memory is linear in the faces, 2 KB each. So is time, but for pairs with near hashes, which grow with the square of the faces: a million
    of 200,000 faces. BuildError where a build is not finished or damaged, ShardError where a shard cannot be read; with a `distance`,
    what `like_people` raises.
    """
    table = face_table(folders)
    files = list(across_places(table.content, table.place))
    people = list(across_places(table.identity, table.place))
    photos, complete = same_photos(table, tell)
    pairs = [
        *_of_groups("file", files, table),
        *(LeakPair("mirrored" if it.mirrored else "picture", it.one, it.other, it.correlation) for it in photos),
    ]
    told = {frozenset((pair.one, pair.other)) for pair in pairs}
    pairs += [pair for pair in _of_groups("person", people, table) if {pair.one, pair.other} not in told]
    alike, all_alike = ([], True) if distance is None else _alike(table, distance, tell_vectors)
    told |= {frozenset((pair.one, pair.other)) for pair in pairs}
    pairs += [
        LeakPair("alike", it.one, it.other, it.distance)
        for it in alike
        if {it.one, it.other} not in told
        and (table.identity[it.one] != table.identity[it.other] or not table.identity[it.one])
    ]
    named = bool((table.identity != 0).any())
    return Leaks(
        table=table,
        pairs=tuple(sorted((_turned(table, pair) for pair in pairs), key=lambda pair: _order(table, pair))),
        groups=(*files, *people),
        people=len(people) if named else None,
        complete=complete and all_alike,
        distance=distance,
    )


def leaked_rows(leaks: Leaks, pairs: Sequence[LeakPair]) -> dict[int, dict[str, object]]:
    """The rows of the faces of some pairs, by number."""
    numbers = np.unique(np.array([number for pair in pairs for number in (pair.one, pair.other)], np.int64))
    found: dict[int, dict[str, object]] = {}
    for index, folder in enumerate(leaks.table.folders):
        own = numbers[leaks.table.set[numbers] == index]
        rows = read_chosen(folder, leaks.table.row[own].tolist())
        found |= {int(number): rows[int(leaks.table.row[number])] for number in own}
    return found


def _of_groups(kind: LeakKind, groups: Sequence[np.ndarray], table: FaceTable) -> Iterator[LeakPair]:
    for numbers in groups:
        yield from (LeakPair(kind, one, other) for one, other in first_of_each(numbers, table.place))


def _rank(place: SplitPlace) -> tuple[int, int]:
    return place.set, ("train", "val", "test").index(place.split)


def _alike(table: FaceTable, distance: float, tell: TellCount) -> tuple["list[LikePerson]", bool]:
    from fishprep.overlaps.people import like_people  # loads torch, which nothing else here needs

    return like_people(table, distance, tell)


def _turned(table: FaceTable, pair: LeakPair) -> LeakPair:
    one, other = sorted((pair.one, pair.other), key=lambda number: _rank(table.places[table.place[number]]))
    return replace(pair, one=one, other=other)


def _order(table: FaceTable, pair: LeakPair) -> tuple[object, ...]:
    places = [_rank(table.places[table.place[number]]) for number in (pair.one, pair.other)]
    measure = pair.measure or 0.0
    return KINDS.index(pair.kind), *places, measure if pair.kind == "alike" else -measure, pair.one, pair.other
