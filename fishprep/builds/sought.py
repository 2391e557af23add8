"""The photos that a retry means: those of the recorded plan, wherever the source lists them now."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from fishprep.builds.expected import plan_of
from fishprep.builds.folder import BuildFolder
from fishprep.builds.inputs import contents_read
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.plan import as_planned
from fishprep.builds.request import RetryRequest
from fishprep.common.errors import BuildError
from fishprep.common.status import Status
from fishprep.common.words import counted
from fishprep.faces.fingerprint import annotation
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.places.base import Stamp


def find_photos(request: RetryRequest, wanted: Collection[str]) -> list[Photo]:
    """The photos that the plan means, under its names and in its splits, in its order, wherever the source lists them now.

    Their bytes must be those of the plan where it knows them. What the source says of them may have been mended since.
    """
    found, lost = matched(request, wanted)
    if lost:
        if any(photo.relative.startswith(f"{lost[0].path}/") for photo in request.photos):
            raise BuildError(
                f"{request.build}: {lost[0].id!r} is a linked folder: build anew with --follow-links to take what is in it"
            )
        gone = counted(len(lost), "photo")
        unopened = "".join(f"; {reason}" for reason in request.unopened)
        raise BuildError(f"{request.build}: not in the source any more: {gone}, the first {lost[0].id!r}{unopened}")
    return found


def matched(request: RetryRequest, wanted: Collection[str]) -> tuple[list[Photo], list[PlannedPhoto]]:
    """Photos by the recorded paths, and the lines of the plan whose files the source does not list."""
    here = {photo.relative: photo for photo in request.photos}
    wanted = set(wanted)
    lines = [line for line in plan_of(request.build).values() if line.id in wanted]
    known = [line for line in lines if line.path in here]
    contents = _contents(request.build, known)
    photos = as_planned((here[line.path] for line in known), known)
    found = [
        replace(photo, planned=_expected(photo, line, contents.get(line.id)))
        for photo, line in zip(photos, known, strict=True)
    ]
    return found, [line for line in lines if line.path not in here]


def _contents(folder: BuildFolder, lines: Collection[PlannedPhoto]) -> dict[str, str]:
    """Photo → SHA-256 of its bytes as they were read, where the plan does not know it."""
    unknown = {line.id for line in lines if line.sha256 is None}
    return contents_read(folder, unknown, {Status.CHANGED}) if unknown else {}


def _expected(photo: Photo, line: PlannedPhoto, content: str | None) -> Fingerprint:
    """content: what the build has read. Of bytes that nobody has read the size must be that of the plan."""
    known = line.sha256 or content
    size = None if known or line.size is None else Stamp(line.size)
    return Fingerprint(known, annotation(photo), size)


def annotations(folder: BuildFolder, photos: Iterable[Photo]) -> dict[str, str]:
    """What the source says now, by its hash, of those photos of which it said something else when the build was planned."""
    plan = plan_of(folder)
    return {photo.id: now for photo in photos if (now := annotation(photo)) != plan[photo.id].annotation}
