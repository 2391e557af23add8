"""What a build will do: photos with their contents' hashes, divided into specs. Nothing is written here."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from fishprep.configuration import BuildConfiguration, sha256_json
from fishprep.decode import Limits, read_file
from fishprep.errors import DecodeError
from fishprep.files import sha256_file
from fishprep.landmarks.base import Reference
from fishprep.manifest import PlannedPhoto
from fishprep.photo import Photo
from fishprep.shards.schema import SPLITS, ShardName
from fishprep.sources import LeftOut, Source
from fishprep.splits import assign


@dataclass(frozen=True)
class ShardSpec:
    """The unit of work: which photos go into which shard. Everything else about a shard follows from the configuration."""

    name: ShardName
    photos: tuple[Photo, ...]


@dataclass(frozen=True)
class Plan:
    """A source listed and split. `left_out` and `notes` are for the user and for the manifest."""

    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    @property
    def by_split(self) -> dict[str, int]:
        """Photos per split, in the order train, val, test."""
        counts = Counter(photo.split for photo in self.photos)
        return {split: counts[split] for split in SPLITS if counts[split]}

    def specs(self, shard_size: int) -> Iterator[ShardSpec]:
        """Specs of at most `shard_size` photos, one split each, numbered from 0 in each split."""
        return divide(self.photos, shard_size)


def make_plan(source: Source, configuration: BuildConfiguration) -> Plan:
    """List a source and split it; SourceError and ConfigurationError as those raise."""
    listing = source.listing()
    split = assign(listing.photos, configuration.split, source.kind, configuration.seed)
    unsplit = (LeftOut(len(split.left_out), "photo", split.why),) if split.left_out else ()
    return Plan(split.photos, (*unsplit, *listing.left_out), (*listing.notes, *split.notes))


def divide(
    photos: Iterable[Photo], shard_size: int, first: Callable[[str], int] = lambda split: 0
) -> Iterator[ShardSpec]:
    """Photos → specs, numbered in each split from `first(split)`."""
    by_split: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        by_split[photo.split].append(photo)
    for split in SPLITS:
        members = by_split[split]
        for number, start in enumerate(range(0, len(members), shard_size), first(split)):
            yield ShardSpec(ShardName(split, number), tuple(members[start : start + shard_size]))


def fingerprints(photos: Iterable[Photo], limits: Limits, tell: Callable[[int], None]) -> Iterator[PlannedPhoto]:
    """The plan's line of each photo, with the SHA-256 of its bytes; empty for one that cannot be read or is over the limits.

    `tell` gets the number of photos hashed so far. Files are read by a few threads; the order is that of `photos`.
    """
    waiting = iter(photos)
    done = 0
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) * 2)) as pool:
        while some := list(islice(waiting, 512)):
            yield from pool.map(lambda photo: _line(photo, limits), some)
            done += len(some)
            tell(done)


def _line(photo: Photo, limits: Limits) -> PlannedPhoto:
    return PlannedPhoto(photo.id, photo.relative, photo.split, _content(photo.path, limits, photo), _annotation(photo))


def _content(path: Path, limits: Limits, photo: Photo) -> str:
    if photo.problem is not None:
        return ""
    try:
        return hashlib.sha256(read_file(path, limits)).hexdigest()
    except DecodeError:
        return ""


def _annotation(photo: Photo) -> str:
    """SHA-256 over everything but the pixels that decides the fate of a photo; empty where there is nothing."""
    reference = photo.reference
    facts = {
        "points": _numbers(reference, "points"),
        "five": _numbers(reference, "five"),
        "eyes": _numbers(reference, "eyes"),
        "box": reference.box,
        "file": _points_content(photo.points_file) if photo.points_file else None,
        "problem": str(photo.problem.status) if photo.problem else None,
        "licence": photo.licence or None,
        "identity": photo.identity,
    }
    return sha256_json(facts) if any(value is not None for value in facts.values()) else ""


def _points_content(path: Path) -> str:
    try:
        status = path.stat()
        return _cached_sha256(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=2)
def _cached_sha256(path: Path, modified: int, size: int) -> str:
    """One file may hold the points of thousands of photos."""
    return sha256_file(path)


def _numbers(reference: Reference, name: str) -> list[float] | None:
    values = getattr(reference, name)
    return None if values is None else values.ravel().tolist()
