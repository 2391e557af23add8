"""What a build will do: photos with their splits, divided into specs. Nothing is written here."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.drawn import Drawn, drawn_split
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.shares import Shares
from fishprep.builds.splits import assign
from fishprep.common.errors import SourceError
from fishprep.common.progress import TellCount
from fishprep.common.status import Problem, Status
from fishprep.common.together import THREADS, together
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.landmarks import reads_points
from fishprep.shards.schema import SPLITS, ShardName
from fishprep.sources import LeftOut, Source
from fishprep.sources.layout import ALL_TRAIN

P = TypeVar("P", Photo, PlannedPhoto)

Redraw = Callable[[Sequence[Photo], Sequence[str]], Drawn | None]


@dataclass(frozen=True)
class ShardSpec:
    """The unit of work: which photos go into which shard. Everything else about a shard follows from the configuration."""

    name: ShardName
    photos: tuple[Photo, ...]
    alone: bool = False
    """One photo after another, for once: slower, to the same bytes."""
    is_trial: bool = False
    """Nothing is written."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The ids of the photos that are opened; see `engines.base.Spec`."""
        return tuple(photo.id for photo in self.photos if photo.problem is None)

    def loaded(self) -> "ShardSpec":
        """Itself: its photos came with it."""
        return self

    def trial(self, parts: Sequence[str]) -> "ShardSpec":
        """Some of the photos, worked on alone, to see whether the process lives."""
        chosen = set(parts)
        photos = tuple(photo for photo in self.photos if photo.id in chosen)
        return replace(self, photos=photos, alone=True, is_trial=True)

    def without(self, blamed: Mapping[str, str]) -> "ShardSpec":
        """The shard with a problem instead of those photos over which processes were lost."""
        photos = (
            replace(photo, problem=Problem(Status.FAILED, blamed[photo.id])) if photo.id in blamed else photo
            for photo in self.photos
        )
        return replace(self, photos=tuple(photos), alone=True)


@dataclass(frozen=True)
class Plan:
    """A source listed and split. `left_out` and `notes` are for the user and for the manifest."""

    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    rule: str
    """What split the photos, as it is recorded: see `splits.Split.rule`."""

    @property
    def by_split(self) -> dict[str, int]:
        """Photos per split, in the order train, val, test."""
        counts = Counter(photo.split for photo in self.photos)
        return {split: counts[split] for split in SPLITS if counts[split]}

    def specs(self, shard_size: int) -> Iterator[ShardSpec]:
        """Specs of at most `shard_size` photos, one split each, numbered from 0 in each split."""
        return divide(self.photos, shard_size)


def make_plan(
    source: Source,
    configuration: BuildConfiguration,
    tell: TellCount = lambda done, total: None,
    workers: int = 1,
    before: Redraw = lambda photos, notes: None,
) -> Plan:
    """List a source and split it; SourceError and ConfigurationError as those raise.

    tell: gets the photos looked at and their number, where a drawn split has near-duplicates to look for; `workers` processes
        look. before: gives the split that was drawn of these photos already, and their source's notes, where it was.
    """
    listing = source.listing()
    stamped = list(listing.photos)
    listing = replace(listing, photos=())  # of millions one list is enough
    look_at_places(stamped)
    photos = tuple(stamped)
    if shares := Shares.of(configuration.split):
        drawn = before(photos, listing.notes) or drawn_split(
            photos, shares, configuration.seed, configuration.limits, tell, configuration.max_seconds, workers
        )
        notes = [note for note in listing.notes if not note.startswith(ALL_TRAIN)]
        photos = by_splits(as_read(drawn.photos, configuration.landmarks))
        return Plan(photos, listing.left_out, (*notes, *drawn.notes), configuration.split)
    split = assign(photos, configuration.split, source.kind, configuration.seed)
    refuse_shared(split.photos)
    unsplit = (LeftOut(len(split.left_out), "photo", split.why),) if split.left_out else ()
    photos = by_splits(as_read(split.photos, configuration.landmarks))
    return Plan(
        photos, (*unsplit, *listing.left_out), (*listing.notes, *split.notes), split.rule or configuration.split
    )


def look_at_places(photos: list[Photo]) -> None:
    """Look at each photo, without reading it; in their places, so that they are held once."""
    for number, photo in enumerate(together(_stamped, photos, lambda number: None, THREADS)):
        photos[number] = photo


def _stamped(photo: Photo) -> Photo:
    return photo if photo.problem is not None else replace(photo, stamp=photo.place.stamp())


def by_splits(photos: Iterable[Photo]) -> tuple[Photo, ...]:
    """One split after another, each in the order of the source: so that those of a shard stand together."""
    return tuple(sorted(photos, key=lambda photo: SPLITS.index(photo.split)))


def as_read(photos: Iterable[Photo], landmarks: str) -> Iterator[Photo]:
    """Photos without their points files, where the backend `landmarks` does not read them: what a file beside a photo says is
    then no input of a build, and may change."""
    for photo in photos:
        yield photo if reads_points(landmarks) or photo.points_file is None else replace(photo, points_file=None)


def refuse_shared(photos: Iterable[Photo]) -> None:
    """SourceError where one file, by two names or links, is in two splits."""
    openable = [photo for photo in photos if photo.problem is None]
    if len({photo.split for photo in openable}) < 2:
        return
    first: dict[Hashable, Photo] = {}
    for photo in openable:
        file = photo.stamp.identity if photo.stamp else None
        if file is None:
            continue
        other = first.setdefault(file, photo)
        if other.split != photo.split:
            raise SourceError(
                f"{other.relative!r} in `{other.split}` and {photo.relative!r} in `{photo.split}` are the same file: "
                "take one of the names away, or put both into one split"
            )


def divide(
    photos: Iterable[Photo], shard_size: int, first: Callable[[str], int] = lambda split: 0
) -> Iterator[ShardSpec]:
    """Photos → specs, numbered in each split from `first(split)`."""
    return (ShardSpec(name, members) for name, members in numbered(photos, shard_size, first))


def numbered(
    photos: Iterable[P], shard_size: int, first: Callable[[str], int] = lambda split: 0
) -> Iterator[tuple[ShardName, tuple[P, ...]]]:
    """The one rule by which photos, or the lines of a plan, come into shards: by split, in their order, `shard_size` each."""
    by_split: dict[str, list[P]] = defaultdict(list)
    for photo in photos:
        by_split[photo.split].append(photo)
    for split in SPLITS:
        members = by_split[split]
        for number, start in enumerate(range(0, len(members), shard_size), first(split)):
            yield ShardName(split, number), tuple(members[start : start + shard_size])


def as_planned(photos: Iterable[Photo], lines: Iterable[PlannedPhoto]) -> list[Photo]:
    """Photos under the names, in the splits and with the contents of the plan's `lines`, one for each, in order."""
    return [
        replace(photo, id=line.id, split=line.split, planned=Fingerprint(line.sha256, line.annotation, line.stamp))
        for photo, line in zip(photos, lines, strict=True)
    ]
