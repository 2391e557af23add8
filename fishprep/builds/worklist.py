"""The photos of a retry as a plan of their own, from which its workers read theirs: it stands for as long as they work."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.plan import ShardSpec
from fishprep.builds.specs import AnySpec, NamedSpec
from fishprep.builds.stored import UNCHECKED, StoredPlan, digest
from fishprep.faces.fingerprint import annotation
from fishprep.faces.listed import listed_text
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.places.base import Stamp
from fishprep.places.records import Root

_ANYWHERE = Root("")


@contextmanager
def by_names(folder: BuildFolder, name: str, specs: Sequence[ShardSpec]) -> Iterator[Sequence[AnySpec]]:
    """The specs by names in a list that is stored as `name` and removed when the block ends; as they are where nothing is to be
    done, or a photo lies where no record leads to."""
    groups = [tuple(map(_line, spec.photos)) for spec in specs]
    if not all(line.listed for lines in groups for line in lines) or not groups:
        yield specs
        return
    folder.write_plan(groups, name)
    try:
        plan = StoredPlan(folder, _ANYWHERE, name)
        yield [
            NamedSpec(spec.name, plan, number, digest(lines))
            for number, (spec, lines) in enumerate(zip(specs, groups, strict=True))
        ]
    finally:
        folder.storage.delete(name)


def _line(photo: Photo) -> PlannedPhoto:
    planned = photo.planned or Fingerprint(None, annotation(photo))
    stamp = planned.stamp or Stamp(None, UNCHECKED)
    return PlannedPhoto(
        photo.id,
        photo.relative,
        photo.split,
        planned.sha256,
        planned.annotation,
        stamp.size,
        stamp.version,
        listed_text(photo, _ANYWHERE),
    )
