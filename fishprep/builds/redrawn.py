"""The split that a build has drawn already: the same photos need not be looked at once more when it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.drawn import Drawn
from fishprep.builds.folder import BuildFolder
from fishprep.builds.shares import Shares
from fishprep.common.errors import BuildError
from fishprep.faces.photo import Photo
from fishprep.places.base import UNKNOWN, Stamp


@dataclass(frozen=True)
class DrawnBefore:
    """What a build drew: by paths, the stamp and the split of each photo; and what was told of the source and of the draw."""

    photos: dict[str, tuple[Stamp, str]]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, folder: BuildFolder, configuration: BuildConfiguration) -> "DrawnBefore | None":
        """The draw of the build in a folder, where it was one by the same shares, seed and limits; else None."""
        try:
            if not folder.is_started() or not folder.is_planned():
                return None
            start = folder.start()
            before = BuildConfiguration.recorded(start["configuration"])
            if _rule(before) != _rule(configuration):
                return None
            photos = {
                line.path: (line.stamp or UNKNOWN, line.split) for line in folder.plan() if line.stamp is not None
            }
            return cls(photos, tuple(start.get("notes", ())))
        except (BuildError, OSError):  # which is said when the build goes on
            return None

    def again(self, photos: Sequence[Photo], notes: Sequence[str]) -> Drawn | None:
        """The split of photos that are all as they were, and no other; `notes` are told anyway. None where one is another."""
        known = [self.photos.get(photo.relative) for photo in photos]
        if len(self.photos) != len(photos):
            return None
        splits = [line[1] for photo, line in zip(photos, known, strict=True) if line and line[0] == _stamp(photo)]
        if len(splits) != len(photos):
            return None
        drawn = tuple(replace(photo, split=split) for photo, split in zip(photos, splits, strict=True))
        return Drawn(drawn, tuple(note for note in self.notes if note not in notes))


def _stamp(photo: Photo) -> Stamp:
    return UNKNOWN if photo.problem is not None else photo.stamp or UNKNOWN


def _rule(configuration: BuildConfiguration) -> tuple[object, ...]:
    return str(Shares.of(configuration.split)), configuration.seed, configuration.limits
