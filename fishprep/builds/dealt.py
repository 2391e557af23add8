"""The splits of photos that come to a build later: everybody keeps his, and who belongs with somebody goes where that one is."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fishprep.builds.alike import same_pictures
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.shares import Shares
from fishprep.builds.splits import Placed, file_split, is_file_rule
from fishprep.common.errors import ConfigurationError
from fishprep.common.lists import Named
from fishprep.common.progress import TellCount
from fishprep.common.words import counted
from fishprep.faces.photo import Photo
from fishprep.shards.schema import SPLITS
from fishprep.sources import LeftOut

TORN = ""
"""The split of a photo that belongs with photos of two splits, and so can be in none."""


@dataclass(frozen=True)
class Dealt:
    """New photos with their splits, those that are in none, and what to tell of how that was done."""

    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Company:
    """Whom new photos may belong with: photos of the build that can be looked at, with their splits, and what is known of all.

    splits_of_people: of each identity the splits that it is in; splits_of_contents: of the first 16 digits of the SHA-256 of each photo.
    unseen: how many photos of the build cannot be looked at.
    """

    photos: Sequence[Photo]
    splits_of_people: dict[str, set[str]]
    splits_of_contents: dict[str, set[str]]
    unseen: int


def deal_by_source(new: Sequence[Photo]) -> Dealt:
    """`--split official`: as the source says."""
    kept = tuple(photo for photo in new if photo.split)
    out = len(new) - len(kept)
    return Dealt(kept, (LeftOut(out, "photo", "that the source puts in no split"),) if out else ())


def deal_by_file(new: Sequence[Photo], lines: Iterable[PlannedPhoto], path: Path) -> Dealt:
    """As a file says, which may name photos of the build too: these keep their splits, whatever it says now."""
    split = file_split(new, path, [Placed(Named(line.path, line.id), line.split) for line in lines])
    out = len(split.left_out)
    return Dealt(split.photos, (LeftOut(out, "photo", split.why),) if out else (), split.notes)


def deal_by_draw(
    new: Sequence[Photo], company: Company, configuration: BuildConfiguration, tell: TellCount, workers: int
) -> Dealt:
    """By the seed and the id of each photo, one after another in their order; who belongs with one of the build, or with one before
    him, goes where that one is. So photos that come in two halves, one after the other, are dealt as if they had come at once.

    ConfigurationError where the source has splits of its own.
    """
    shares = Shares.of(configuration.split)
    assert shares is not None
    if own := sorted({photo.split for photo in new} - {"train", ""}):
        raise ConfigurationError(
            f"the build's split was drawn (--split {shares}), and the new photos have one of their own ({', '.join(own)}): "
            "build them into a folder of their own"
        )
    known = len(company.photos)
    same = same_pictures([*company.photos, *new], configuration.limits, tell, configuration.max_seconds, workers, known)
    before: dict[int, list[int]] = defaultdict(list)
    for one, other in same.pairs:
        before[max(one, other)].append(min(one, other))
    splits = [photo.split for photo in company.photos]
    people = {name: set(found) for name, found in company.splits_of_people.items()}
    followed = 0
    for number, photo in enumerate(new, known):
        found = {splits[other] for other in before[number]} | people.get(photo.identity or "", set())
        found |= company.splits_of_contents.get((same.contents[number] or b"").hex(), set())
        followed += len(found) == 1 and TORN not in found
        splits.append(_split(photo, found, shares, configuration.seed))
        if photo.identity and splits[-1] != TORN:
            people.setdefault(photo.identity, set()).add(splits[-1])
    photos = tuple(replace(photo, split=split) for photo, split in zip(new, splits[known:], strict=True))
    torn = sum(photo.split == TORN for photo in photos)
    why = "that belong with photos of two splits, or with one that does"
    return Dealt(
        tuple(photo for photo in photos if photo.split != TORN),
        (LeftOut(torn, "photo", why),) if torn else (),
        tuple(_notes(followed, same.complete, company.unseen, any(photo.identity for photo in new))),
    )


def _split(photo: Photo, found: set[str], shares: Shares, seed: int) -> str:
    if len(found) == 1:
        return next(iter(found))
    if found:
        return TORN
    if photo.problem is not None:
        return "train"
    digest = hashlib.sha256(f"{seed}:{photo.id}".encode()).digest()  # the number that a first draw sorts by
    place = int.from_bytes(digest[:8]) / 2**64
    return "test" if place < shares.test else "val" if place < shares.test + shares.val else "train"


def _notes(followed: int, complete: bool, unseen: int, has_identities: bool) -> Iterator[str]:
    where = f"{counted(followed, 'photo')} went where one is that is alike or of the same person"
    yield f"dealt by the shares and the seed of the build: {where}"
    if not has_identities:
        yield "identities are not known: the same person may be in two splits"
    if not complete:
        yield "so many photos look alike that the search for near-duplicates ended early"
    if unseen:
        yield (
            f"{counted(unseen, 'photo')} of the build not to be seen any more: whether a new one looks like one of these is not "
            "known, only whether it is the same file"
        )


def company_of(folder: BuildFolder, photos: Sequence[Photo]) -> Company:
    """The company that a finished build gives; photos: those of it that can be looked at."""
    people: dict[str, set[str]] = defaultdict(set)
    contents: dict[str, set[str]] = defaultdict(set)
    columns = ("photo", "split", "identity", "sha256")
    unseen: set[str] = set()
    seen = {photo.id for photo in photos}
    for batch in folder.samples(list(columns)).to_batches():
        values = (batch.column(name).to_pylist() for name in columns)
        for photo, split, identity, sha256 in zip(*values, strict=True):
            if split in SPLITS and identity:
                people[identity].add(split)
            if split in SPLITS and sha256:
                contents[sha256[:16]].add(split)
            if photo not in seen:
                unseen.add(photo)
    return Company(photos, dict(people), dict(contents), len(unseen))


def refuse_undealt(folder: BuildFolder, configuration: BuildConfiguration, split: Path | None) -> None:
    """ConfigurationError where photos that come later have no place in the split of a build, or `split` is not how it was made."""
    if configuration.split == "dic":
        raise ConfigurationError(
            f"{folder}: split by --split dic, the paper's counts, which are drawn once, from a whole set: build photos that come later "
            "into a folder of their own; shards of equal recipe are trained together"
        )
    if split is not None and not is_file_rule(configuration.split):
        raise ConfigurationError(
            f"--split {split}: {folder} was not split by a file, but by {configuration.split}, and so are new photos"
        )
