"""The photos of a build as they are now, against those of its plan: nothing is read that their sizes and times can tell."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from fishprep.builds.expected import Specs, plan_of, planned_specs, specs_of_extensions, specs_of_retries
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto
from fishprep.common.status import Status
from fishprep.common.together import THREADS, together
from fishprep.decoding.decode import Limits
from fishprep.faces.fingerprint import annotation, content
from fishprep.faces.listed import listed_text
from fishprep.faces.photo import Photo
from fishprep.places.base import UNKNOWN
from fishprep.places.records import Root

TellNumber = Callable[[int], None]
"""Gets the number of photos looked at so far."""


def plan_lines(photos: Iterable[Photo], tell: TellNumber, root: Root | None = None) -> Iterator[PlannedPhoto]:
    """The plan's line of each photo, in order. No photo is opened. root: where the source is, for lines with all that a plan says."""
    return together(lambda photo: _line(photo, root), photos, tell, THREADS)


def _line(photo: Photo, root: Root | None) -> PlannedPhoto:
    stamp = UNKNOWN if photo.problem is not None else photo.stamp or photo.place.stamp()
    rest = listed_text(photo, root) if root is not None else ""
    return PlannedPhoto(photo.id, photo.relative, photo.split, None, annotation(photo), stamp.size, stamp.version, rest)


def hashed(
    photos: Iterable[Photo], lines: Iterable[PlannedPhoto], limits: Limits, tell: TellNumber
) -> Iterator[PlannedPhoto]:
    """Lines with the SHA-256 of the photos' bytes, as builds were planned before sizes and times were enough."""
    contents = together(lambda photo: content(photo, limits), photos, tell, THREADS)
    for line, sha256 in zip(lines, contents, strict=True):
        yield replace(line, sha256=sha256, size=None, version="")


def touched(photos: Sequence[Photo], before: Sequence[PlannedPhoto], now: Sequence[PlannedPhoto]) -> list[Photo]:
    """Photos of the same size as planned and another time: copied, perhaps, or written anew. now: of the photos, in order."""
    planned = {was.id: was.version for was in before if was.sha256 is None}
    return [photo for photo, is_ in zip(photos, now, strict=True) if planned.get(photo.id, is_.version) != is_.version]


def rewritten(folder: BuildFolder, photos: Sequence[Photo], limits: Limits, tell: TellNumber) -> list[str]:
    """Ids of those of the photos that are not what the build, or a retry of it, has made its rows of; what has no rows yet may be
    anything."""
    known = contents_read(folder, {photo.id for photo in photos}, set())
    made = [photo for photo in photos if photo.id in known]
    contents = together(lambda photo: content(photo, limits), made, tell, THREADS)
    return [photo.id for photo, sha256 in zip(made, contents, strict=True) if sha256 != known[photo.id]]


def contents_read(folder: BuildFolder, wanted: set[str], but: set[Status]) -> dict[str, str]:
    """Photo → SHA-256 of the bytes that the build, its extensions and its retries have read, of those of the `wanted` that they could read.

    but: statuses of the build's own rows that say that these were not the bytes that were meant. Rows of the build may be lost where
    those of a retry stand.
    """
    own = _contents_of(folder, planned_specs(folder) | specs_of_extensions(folder), wanted, but)
    return own | _contents_of(folder, specs_of_retries(folder, plan_of(folder)), wanted, {Status.CHANGED})


def _contents_of(folder: BuildFolder, specs: Specs, wanted: set[str], but: set[Status]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, lines in specs.items():
        if any(line.id in wanted for line in lines) and folder.has_rows(name):
            rows = folder.rows(name, ["photo", "sha256", "status"]).to_pylist()
            found |= {
                row["photo"]: row["sha256"]
                for row in rows
                if row["photo"] in wanted and row["sha256"] and row["status"] not in but
            }
    return found


def changes_of(before: Sequence[PlannedPhoto], now: Sequence[PlannedPhoto], rewritten: Iterable[str] = ()) -> list[str]:
    """What is another thing now than in the plan, one line for each kind. rewritten: photos whose bytes are known to be others."""
    both, added, gone = _matched(before, now)
    changed = {is_.id for was, is_ in both if (is_.sha256, is_.size) != (was.sha256, was.size)} | set(rewritten)
    kinds = {
        "photos added": added,
        "photos gone": gone,
        "photos changed": [is_.id for _, is_ in both if is_.id in changed],
        "photos in another split": [is_.id for was, is_ in both if is_.split != was.split],
        "photos at another path": [is_.id for was, is_ in both if is_.path != was.path],
        "photos of which the source says something else (points, licence, identity), though their own bytes are the same": [
            is_.id for was, is_ in both if is_.annotation != was.annotation and is_.id not in changed
        ],
    }
    return [told(kind, names) for kind, names in kinds.items() if names]


def _matched(
    before: Sequence[PlannedPhoto], now: Sequence[PlannedPhoto]
) -> tuple[Sequence[tuple[PlannedPhoto, PlannedPhoto]], list[str], list[str]]:
    """Lines of the same photo, ids of those that came, and of those that went."""
    pairs = list(zip(before, now, strict=False))
    if len(before) == len(now) and all(was.id == is_.id for was, is_ in pairs):  # as nearly always
        return pairs, [], []
    old, new = ({line.id: line for line in lines} for lines in (before, now))
    both = [(old[name], new[name]) for name in new if name in old]
    return both, [name for name in new if name not in old], [name for name in old if name not in new]


def told(kind: str, names: Sequence[str], shown: int = 3) -> str:
    """How many, and the first of them."""
    return f"{kind}: {len(names)} ({', '.join(names[:shown])}{', ...' if len(names) > shown else ''})"
