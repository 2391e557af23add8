"""A split drawn by seed: `--split 0.9,0.05,0.05`, with nobody's photos and no near-duplicates in two splits."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fishprep.builds.alike import same_pictures
from fishprep.builds.shares import Shares
from fishprep.common.errors import ConfigurationError
from fishprep.common.progress import TellCount
from fishprep.common.words import counted
from fishprep.decoding.decode import Limits
from fishprep.faces.photo import Photo


@dataclass(frozen=True)
class Drawn:
    """Photos with their splits, and what to tell of how that was done."""

    photos: tuple[Photo, ...]
    notes: tuple[str, ...]


def drawn_split(
    photos: Sequence[Photo],
    shares: Shares,
    seed: int,
    limits: Limits,
    tell: TellCount,
    seconds: float = 60,
    workers: int = 1,
) -> Drawn:
    """Draw val and test with `seed`; the rest is train.

    What belongs together (equal files, near-duplicates, photos of one identity) is drawn together, in an order that hangs on the
    seed and the ids alone: a photo more or less moves few others. ConfigurationError where the source has splits of its own.
    """
    if own := sorted({photo.split for photo in photos} - {"train", ""}):
        raise ConfigurationError(
            f"--split {shares}: the source has a split of its own ({', '.join(own)}), which drawing would mix with training; "
            "use --split official, or a folder without it"
        )
    same = same_pictures(photos, limits, tell, seconds, workers)
    groups = _groups(photos, same.pairs)
    free = shares.counts(sum(photo.problem is None for photo in photos))
    splits: dict[str, str] = {}
    for group in sorted(groups, key=lambda group: hashlib.sha256(f"{seed}:{group[0].id}".encode()).digest()):
        openable = any(photo.problem is None for photo in group)
        split = next((name for name in ("test", "val") if openable and free[name] >= len(group)), "train")
        if split != "train":
            free[split] -= len(group)
        splits |= {photo.id: split for photo in group}
    together = sum(len(group) for group in groups if len(group) > 1)
    notes = [
        f"split {shares} drawn with seed {seed}: {counted(together, 'photo')} that are alike or of one person stay together"
    ]
    if not any(photo.identity for photo in photos):
        notes.append("identities are not known: the same person may be in two splits")
    if not same.complete:
        notes.append("so many photos look alike that the search for near-duplicates ended early")
    notes += [
        f"{name} is {counted(left, 'photo')} short: what belongs together did not fit"
        for name, left in free.items()
        if left
    ]
    return Drawn(tuple(replace(photo, split=splits[photo.id]) for photo in photos), tuple(notes))


def _groups(photos: Sequence[Photo], pairs: Sequence[tuple[int, int]]) -> list[list[Photo]]:
    """Photos that belong together, each group and its members in the order of the photos."""
    leader = list(range(len(photos)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    people: dict[str, int] = {}
    of_people = [
        (people.setdefault(photo.identity, number), number) for number, photo in enumerate(photos) if photo.identity
    ]
    for one, other in (*pairs, *of_people):
        one, other = sorted((find(one), find(other)))
        leader[other] = one
    groups: dict[int, list[Photo]] = defaultdict(list)
    for number, photo in enumerate(photos):
        groups[find(number)].append(photo)
    return list(groups.values())
