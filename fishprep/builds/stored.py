"""The plan that a build stored, as its workers read it: the photos of one shard, by the number of its row group."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.names import PLAN
from fishprep.common.errors import BuildError
from fishprep.faces.listed import photo_of
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.places.records import Root

UNCHECKED = "*"
"""The version, in the list of a retry, of a photo of whose bytes the plan knew nothing: whatever they are now is taken."""


@dataclass(frozen=True)
class StoredPlan:
    """The plan of the build in `folder`, of photos below `root`, wherever the source is now. name: PLAN, an extension's, or the list
    of a retry."""

    folder: BuildFolder
    root: Root
    name: str = PLAN

    def photos(self, group: int, told: str) -> tuple[Photo, ...]:
        """The photos of a row group. BuildError where the plan cannot be read, or its lines are not those of the digest `told`."""
        lines = self.folder.planned_of(group, self.name)
        if digest(lines) != told:
            raise BuildError(
                f"{self.folder}: its plan is not the one that this build goes by; run the same command again"
            )
        return tuple(
            photo_of(
                line.listed,
                line.id,
                line.path,
                line.split,
                Fingerprint(line.sha256, line.annotation, None if line.version == UNCHECKED else line.stamp),
                self.root,
            )
            for line in lines
        )

    def ids(self, groups: Iterable[int]) -> Iterator[list[str]]:
        """Of the photos of each of some row groups, in order. BuildError where the plan cannot be read."""
        return self.folder.planned_ids(groups, self.name)


def digest(lines: Iterable[PlannedPhoto]) -> str:
    """Of all that lines say."""
    found = hashlib.sha256()
    for line in lines:
        found.update(
            "\0".join(
                (line.id, line.split, line.sha256 or "", line.annotation, str(line.size), line.version, line.listed)
            ).encode()
        )
        found.update(b"\n")
    return found.hexdigest()
