"""Two builds → what their settings and the fates of their photos differ in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from fishprep.builds.folder import BuildFolder
from fishprep.builds.names import SAMPLES
from fishprep.common.errors import unusable
from fishprep.common.status import Status

_BATCH = 4096
_COLUMNS = ["id", "photo", "split", "status", "sha256", "shard", "index"]


@dataclass(frozen=True)
class SettingChange:
    """A setting, a weight file or a version by its name, before and after; None where it is not recorded."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class PhotoFate:
    """What became of a photo. status: `ok` where a face of it was kept, else why none was. faces: that were kept."""

    split: str
    status: str
    faces: int

    def __str__(self) -> str:
        several = f" ({self.faces} faces)" if self.faces > 1 else ""
        return f"{self.split}, {self.status}{several}"


@dataclass(frozen=True)
class FateChange:
    """A photo of both builds whose fate is another one."""

    photo: str
    before: PhotoFate
    after: PhotoFate


@dataclass(frozen=True)
class FacePlace:
    """Where a face lies: shard (`train-00000`) and index; sha256: of its photo."""

    shard: str
    index: int
    sha256: str


@dataclass(frozen=True)
class BuildRecords:
    """What is compared of one build: settings by name; photos: their fates; faces: id → place, in the order of the rows."""

    settings: Mapping[str, Any]
    photos: Mapping[str, PhotoFate]
    faces: Mapping[str, FacePlace]


@dataclass(frozen=True)
class RecordDiff:
    """settings: that differ. lost, gained: photos of the first build alone, and of the second. moved: photos of another fate.
    both: ids of the faces in both builds."""

    settings: tuple[SettingChange, ...]
    lost: tuple[str, ...]
    gained: tuple[str, ...]
    moved: tuple[FateChange, ...]
    both: tuple[str, ...]

    @property
    def by_change(self) -> dict[str, int]:
        """How many photos went from which split and status to which, the most frequent first."""
        counts: dict[str, int] = {}
        for change in self.moved:
            said = f"{change.before} → {change.after}"
            counts[said] = counts.get(said, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def read_records(folder: BuildFolder) -> BuildRecords:
    """The records of a finished build. BuildError where it is not finished or damaged.

    Memory grows with the number of photos, 0.7 KB each.
    """
    manifest = folder.manifest()
    settings = dict(_flat("", manifest["configuration"])) | dict(_flat("versions", manifest.get("versions", {})))
    photos: dict[str, PhotoFate] = {}
    faces: dict[str, FacePlace] = {}
    for name, photo, split, status, sha256, shard, index in _rows(folder):
        kept = status == Status.OK
        before = photos.get(photo)
        count = (before.faces if before else 0) + kept
        if before is None or kept:
            photos[photo] = PhotoFate(split, status, count)
        if kept:
            faces[name] = FacePlace(shard, index, sha256)
    return BuildRecords(settings, photos, faces)


def compare_records(one: BuildRecords, other: BuildRecords) -> RecordDiff:
    """What differs, in the order of the first build's rows, then of the second's."""
    names = [*one.settings, *(name for name in other.settings if name not in one.settings)]
    pairs = ((name, one.settings.get(name), other.settings.get(name)) for name in names)
    return RecordDiff(
        settings=tuple(SettingChange(*pair) for pair in pairs if pair[1] != pair[2]),
        lost=tuple(photo for photo in one.photos if photo not in other.photos),
        gained=tuple(photo for photo in other.photos if photo not in one.photos),
        moved=tuple(
            FateChange(photo, fate, other.photos[photo])
            for photo, fate in one.photos.items()
            if other.photos.get(photo, fate) != fate
        ),
        both=tuple(name for name in one.faces if name in other.faces),
    )


def _rows(folder: BuildFolder) -> Iterator[tuple[Any, ...]]:
    try:
        with folder.samples_to_read() as file:
            for batch in file.iter_batches(_BATCH, columns=_COLUMNS):
                yield from zip(*(batch.column(name).to_pylist() for name in _COLUMNS), strict=True)
    except (OSError, KeyError, pa.ArrowException) as error:
        said = f"missing or damaged ({error}); `fishprep verify --repair` makes it anew"
        raise unusable(folder.where(SAMPLES), error, said) from error


def _flat(ahead: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        whole = f"{ahead}.{name}" if ahead else name
        if isinstance(value, Mapping):
            yield from _flat(whole, value)
        else:
            yield whole, value
