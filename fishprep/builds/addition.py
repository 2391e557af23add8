"""A source as it lists its photos now, beside what a build has of it: what is new, what is gone, what is another thing now."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fishprep.builds.folder import BuildFolder
from fishprep.builds.inputs import contents_read
from fishprep.builds.manifest import PlannedPhoto
from fishprep.common.errors import ConfigurationError
from fishprep.common.status import Status
from fishprep.common.together import THREADS, together
from fishprep.common.words import counted
from fishprep.decoding.decode import Limits
from fishprep.faces.fingerprint import annotation, content
from fishprep.faces.photo import Photo
from fishprep.places.base import UNKNOWN


@dataclass(frozen=True)
class Addition:
    """new: photos that the build has not, with the source's own split. known: those that it has, as they are called there, and unchanged.

    gone, changed: paths of photos that the build has and the source has no longer, or with other bytes; redescribed: of which the
    source says something else (points, licence, identity). already: how many photos of another source stand in the build, byte for
    byte, under the same name.
    """

    new: tuple[Photo, ...]
    known: tuple[Photo, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    redescribed: tuple[str, ...]
    already: int


@dataclass(frozen=True)
class Listed:
    """What a source lists now: photos with stamps. mine: the lines of the plan that came from it, by their paths; others: all others.

    where: the source, for messages. is_own: it is that of the build, of which no photo needs another word before its name.
    """

    photos: Sequence[Photo]
    mine: Mapping[str, PlannedPhoto]
    others: Sequence[PlannedPhoto]
    where: str
    is_own: bool


def addition(folder: BuildFolder, listed: Listed, limits: Limits) -> Addition:
    """What is new and what is not. Photos are read where only that tells whether they are those that were built.

    Raises ConfigurationError where a new photo has the name of another one of the build.
    """
    known = [(photo, listed.mine[photo.relative]) for photo in listed.photos if photo.relative in listed.mine]
    changed = _changed(folder, known, limits)
    here = {photo.relative for photo, _ in known if photo.problem is None or photo.problem.status != Status.MISSING}
    new, clashing = _named_apart([photo for photo in listed.photos if photo.relative not in listed.mine], listed)
    _refuse_others(folder, clashing, listed.where, limits)
    return Addition(
        new=tuple(new),
        known=tuple(
            replace(photo, id=line.id, split=line.split) for photo, line in known if photo.relative not in changed
        ),
        gone=tuple(path for path, line in listed.mine.items() if path not in here and line.size is not None),
        changed=tuple(photo.relative for photo, _ in known if photo.relative in changed & here),
        redescribed=tuple(
            photo.relative
            for photo, line in known
            if photo.relative in here - changed and annotation(photo) != line.annotation
        ),
        already=len(clashing),
    )


Twin = tuple[Photo, PlannedPhoto]


def _changed(folder: BuildFolder, known: Sequence[Twin], limits: Limits) -> set[str]:
    """Paths of photos whose bytes are not those of the plan."""
    by_size = {photo.relative for photo, line in known if line.size not in (None, _stamp_size(photo))}
    doubtful = [pair for pair in known if pair[0].relative not in by_size and _is_doubtful(*pair)]
    return by_size | {photo.relative for photo, same in _compared(folder, doubtful, limits) if same is False}


def _stamp_size(photo: Photo) -> int | None:
    return (photo.stamp or UNKNOWN).size


def _is_doubtful(photo: Photo, line: PlannedPhoto) -> bool:
    """Whether size and time do not tell that a photo is the one of the plan."""
    if photo.problem is not None:
        return False
    return line.stamp is None or (photo.stamp or UNKNOWN).differs(line.stamp)


def _compared(folder: BuildFolder, pairs: Sequence[Twin], limits: Limits) -> Iterator[tuple[Photo, bool | None]]:
    """Whether each photo has the bytes that the build has read; None where it has read none."""
    wanted = {line.id for _, line in pairs if line.sha256 is None}
    read = contents_read(folder, wanted, {Status.CHANGED}) if wanted else {}
    built = [(photo, line.sha256 or read.get(line.id)) for photo, line in pairs]
    hashes = together(lambda pair: content(pair[0], limits) if pair[1] else None, built, lambda number: None, THREADS)
    for (photo, before), now in zip(built, hashes, strict=True):
        yield photo, (now == before if before else None)


def _named_apart(photos: Iterable[Photo], listed: Listed) -> tuple[list[Photo], list[Twin]]:
    """New photos, each with an id that nobody has; and those whose name another photo of the build has, with its line."""
    paths = {line.path: line for line in listed.others}
    ids = {line.id: line for line in (*listed.others, *listed.mine.values())}
    new: list[Photo] = []
    clashing: list[Twin] = []
    taken: set[str] = set(ids)
    for photo in photos:
        if listed.is_own and photo.id in taken and photo.relative not in taken:
            photo = replace(photo, id=photo.relative)  # `a.png` where `a.jpg` was called `a`
        other = paths.get(photo.relative) or ids.get(photo.id)
        if other is not None:
            clashing.append((photo, other))
            continue
        taken.add(photo.id)
        new.append(photo)
    return new, clashing


def _refuse_others(folder: BuildFolder, clashing: Sequence[Twin], where: str, limits: Limits) -> None:
    """Photos that are called as one of the build, and are not the same."""
    others = [photo for photo, same in _compared(folder, clashing, limits) if not same]
    if others:
        raise ConfigurationError(
            f"{where}: {counted(len(others), 'photo')} called as other photos of {folder}, the first {others[0].relative!r}: "
            "give --prefix WORD, which goes before the names of all photos of this source"
        )


def by_path(lines: Iterable[PlannedPhoto], but: Collection[str] = ()) -> dict[str, PlannedPhoto]:
    """Lines of a plan by the paths of their photos, without those whose ids are in `but`."""
    return {line.path: line for line in lines if line.id not in but}
