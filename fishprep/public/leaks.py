"""`fishprep.leaks`: what stands in two splits of a set, or in two sets."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.builds.folder import BuildFolder
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import write_text
from fishprep.common.progress import TellCount
from fishprep.overlaps.corrected import corrected_split
from fishprep.overlaps.find import LeakKind, Leaks, find_leaks, leaked_rows
from fishprep.overlaps.page import place_name, render_leaks
from fishprep.public.settings import StrPath
from fishprep.recognition.weights import SAME_PERSON
from fishprep.storage.named import located


@dataclass(frozen=True)
class LeakEnd:
    """One of the two photos of a leak. set: the number of the set as it was given, from 0 on."""

    set: int
    split: str
    photo: str
    path: str
    identity: str | None


@dataclass(frozen=True)
class Leak:
    """kind: `file` (equal bytes), `picture` (one photo, two files), `mirrored` (so, mirrored), `person` (two photos of one whom the source
    names; of each person the first photo of each place), `alike` (perhaps of one person, by vectors of identity).
    measure: correlation of the fine detail, distance of the vectors, None for files and people."""

    kind: LeakKind
    one: LeakEnd
    other: LeakEnd
    measure: float | None


@dataclass(frozen=True)
class LeaksResult:
    """leaks: all, files first. counts: of each kind, by the two places (`train ↔ test`). faces: that were searched. people: who stand in
    several places, None where no photo has a name. complete: False where so many looked alike that the search ended early.
    page, split: what was written; left_out: photos that the corrected split leaves out, by their splits."""

    sets: tuple[str, ...]
    leaks: tuple[Leak, ...]
    counts: dict[str, dict[LeakKind, int]]
    faces: int
    people: int | None
    complete: bool
    page: Path | None
    split: Path | None
    left_out: dict[str, int]


def leaks(
    *sets: StrPath,
    identity: bool = False,
    max_distance: float = SAME_PERSON,
    html: StrPath | None = None,
    write_split: StrPath | None = None,
    progress: TellCount = lambda done, total: None,
    vectors: TellCount = lambda done, total: None,
) -> LeaksResult:
    """Find photos, their copies in disguise and people that stand in two splits of the finished build in `sets`, or in two of several.

    identity: look also for people whom the source does not name, by vectors of identity within `max_distance`; those of a build in a
    folder are kept beside its shards, and computed once. html: where to write a page with the pairs side by side. write_split: where
    to write a split of the first set without them, for `BuildSettings.split`: what is measured on stays, what is one with it goes from
    what is trained on. progress: gets likely pairs done, and all; vectors: faces whose vectors are known, and all.

    The sets, folders or buckets, are else only read. Raises ConfigurationError where one is given twice, BuildError where one is not
    finished, damaged, or a file cannot be written, ShardError where a shard cannot be read, WeightsError and EmbeddingError where
    vectors cannot be computed.
    """
    folders = [BuildFolder.at(located(each)) for each in sets]
    names = [_name(each) for each in sets]
    if not folders or len(set(names)) < len(names):
        raise ConfigurationError(f"{', '.join(map(str, folders)) or 'no set'}: give one set, or several different ones")
    found = find_leaks(folders, progress, max_distance if identity else None, vectors)
    page = None if html is None else _written(html, render_leaks(found))
    text, left_out = ("", {}) if write_split is None else corrected_split(found)
    split = None if write_split is None else _written(write_split, text)
    return LeaksResult(
        sets=tuple(map(str, folders)),
        leaks=tuple(_told(found)),
        counts={
            f"{place_name(found, one)} ↔ {place_name(found, other)}": kinds
            for (one, other), kinds in found.counts().items()
        },
        faces=len(found.table),
        people=found.people,
        complete=found.complete,
        page=page,
        split=split,
        left_out=left_out,
    )


def _told(found: Leaks) -> list[Leak]:
    rows = leaked_rows(found, found.pairs)

    def end(number: int) -> LeakEnd:
        row, place = rows[number], found.place(number)
        identity = row["identity"]
        return LeakEnd(
            place.set, place.split, str(row["photo"]), str(row["path"]), None if identity is None else str(identity)
        )

    return [Leak(pair.kind, end(pair.one), end(pair.other), pair.measure) for pair in found.pairs]


def _name(each: StrPath) -> str:
    place = located(each)
    return str(place.resolve()) if isinstance(place, Path) else str(place)


def _written(file: StrPath, text: str) -> Path:
    path = Path(file)
    try:
        write_text(path, text)
    except OSError as error:
        raise BuildError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path
