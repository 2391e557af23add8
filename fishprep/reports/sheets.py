"""Which rows a report shows, sheet by sheet."""

from dataclasses import dataclass

import numpy as np

from fishprep.common.status import Status
from fishprep.landmarks import second_try
from fishprep.reports.columns import Columns
from fishprep.reports.settings import ReportSettings
from fishprep.shards.schema import SPLITS

MEANING = {
    Status.OK: "kept",
    Status.NO_FACE: "no face was found",
    Status.SEVERAL_FACES: "several faces, where one was asked for",
    Status.TOO_SMALL: "the crop has fewer pixels a side than asked for",
    Status.OUTSIDE: "too large a share of the crop lies outside the photo",
    Status.LANDMARKS_OUTSIDE: "landmarks lie too far outside the photo",
    Status.NOT_SQUARE: "not square, as an aligned face is",
    Status.LANDMARKS_DISAGREE: "landmarks disagree with the data set's own points",
    Status.UNDECODABLE: "not a picture, or a damaged one",
    Status.TOO_LARGE: "more pixels or bytes than the limits allow",
    Status.UNREADABLE: "the file could not be opened",
    Status.LINK_OUTSIDE: "a symbolic link that leaves the source folder",
    Status.MISSING: "named in a list, not on the disk",
    Status.FAILED: "memory, time or a library gave out over it; worth another try",
    Status.BAD_ANNOTATION: "its landmarks file could not be read",
}


@dataclass(frozen=True)
class Sheet:
    """Rows shown together. total: of which these were drawn. status: by which the page filters."""

    title: str
    note: str
    status: str
    rows: tuple[int, ...]
    total: int


def kept_sheets(columns: Columns, settings: ReportSettings) -> list[Sheet]:
    """A sample of the kept faces of each split."""
    present = columns.split.counts(columns.kept)
    order = [split for split in SPLITS if split in present] + sorted(set(present) - set(SPLITS))
    return [
        _sheet(split, "", Status.OK, columns.kept & columns.split.equal(split), settings.faces_per_split, settings.seed)
        for split in order
    ]


def second_try_sheets(columns: Columns, settings: ReportSettings) -> list[Sheet]:
    """Kept faces that the first attempt did not find, by what found them, the rarest last."""
    backends = [name for name in columns.backend.counts(columns.kept) if second_try(name)]
    return [
        _sheet(
            name,
            second_try(name),
            Status.OK,
            columns.kept & columns.backend.equal(name),
            settings.second_tries,
            settings.seed,
        )
        for name in backends
    ]


def dropped_sheets(columns: Columns, settings: ReportSettings) -> list[Sheet]:
    """A sample of the photos of each status but `ok`, the most frequent first."""
    return [
        _sheet(
            status,
            MEANING.get(status, ""),  # type: ignore[call-overload]
            status,
            columns.status.equal(status),
            settings.photos_per_status,
            settings.seed,
        )
        for status in columns.status.counts(~columns.kept)
    ]


def _sheet(title: str, note: str, status: str, mask: np.ndarray, most: int, seed: int) -> Sheet:
    numbers = np.flatnonzero(mask)
    total = len(numbers)
    if total > most:
        numbers = np.sort(np.random.default_rng(seed).choice(numbers, most, replace=False))
    return Sheet(title, note, str(status), tuple(numbers.tolist()), total)
