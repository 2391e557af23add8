"""A build folder → everything that its report shows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ROW_SCHEMA, Totals, totals_of
from fishprep.builds.names import CONFIGURATION, MANIFEST
from fishprep.common.errors import BuildError
from fishprep.common.status import Status
from fishprep.common.where import parse_where
from fishprep.common.words import counted
from fishprep.decoding.decode import Limits
from fishprep.faces.detail import DETAIL_SIZE, fine_detail
from fishprep.reports import provenance
from fishprep.reports.cards import Card, face_card, photo_card
from fishprep.reports.columns import Columns, SamplePlace, read_chosen, read_columns
from fishprep.reports.duplicates import Duplicates, LikePair, find_duplicates
from fishprep.reports.faces import by_shard, draw_faces
from fishprep.reports.histograms import Histogram, histograms
from fishprep.reports.photos import PhotoFolder, Thumbnail
from fishprep.reports.settings import ReportSettings
from fishprep.reports.sheets import MEANING, Sheet, dropped_sheets, kept_sheets, second_try_sheets


@dataclass(frozen=True)
class Count:
    """A row of a bar chart; `share` is that of all that the chart counts."""

    name: str
    count: int
    share: float
    note: str = ""


@dataclass(frozen=True)
class Counts:
    """The bar charts: rows by status, kept faces by split, by what found them, by the terms of their photos."""

    statuses: tuple[Count, ...]
    splits: tuple[Count, ...]
    backends: tuple[Count, ...]
    licences: tuple[Count, ...]


@dataclass(frozen=True)
class Sheets:
    """The contact sheets."""

    kept: list[Sheet]
    second_tries: list[Sheet]
    dropped: list[Sheet]


@dataclass(frozen=True)
class Ran:
    """What ran: as `configuration.json` and `manifest.json` have it."""

    source: str
    kind: str
    recipe: str
    inputs: str
    producer: str
    settings: dict[str, str]
    versions: dict[str, str]
    weights: list[provenance.Weight]
    retries: list[provenance.Retry]
    extensions: list[provenance.Added]
    notes: list[str]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """All that the page shows. kept_share: of the photos, those that gave a face. cards: by number of row. pairs: those of
    `duplicates` that are shown, with the two splits. where: the condition on the rows, as it is recorded; None: all rows. one_reason:
    statuses with several photos, all dropped for the same reason."""

    where: str | None
    totals: Totals
    kept_share: float
    counts: Counts
    sheets: Sheets
    histograms: list[Histogram]
    duplicates: Duplicates
    pairs: list[tuple[LikePair, str, str]]
    cards: dict[int, Card]
    one_reason: frozenset[str]
    ran: Ran


def gather(folder: BuildFolder, settings: ReportSettings) -> Content:
    """Read what the report of a finished build needs. BuildError and ShardError as `write_report` says."""
    ran, totals, photos = _recorded(folder)
    where = None if settings.where is None else parse_where(settings.where, ROW_SCHEMA)
    columns = read_columns(folder, where)
    sheets = Sheets(
        kept_sheets(columns, settings), second_try_sheets(columns, settings), dropped_sheets(columns, settings)
    )
    measured = histograms(columns, settings.extremes)
    found = find_duplicates(columns, ShardDetails(folder, columns))
    pairs = found.pairs[: settings.pairs]
    rows = read_chosen(folder, _numbers(sheets, measured, pairs), where)
    return Content(
        where=None if where is None else where.text,
        totals=totals if where is None else _totals_among(columns, totals),
        kept_share=_kept_share(columns),
        counts=_counts(columns, sheets.kept),
        sheets=sheets,
        histograms=measured,
        duplicates=found,
        pairs=[(pair, columns.split[pair.one], columns.split[pair.other]) for pair in pairs],
        cards=_cards(folder, rows, photos),
        one_reason=frozenset(
            sheet.status
            for sheet in sheets.dropped
            if len(sheet.rows) > 1 and len({rows[number]["reason"] for number in sheet.rows}) == 1
        ),
        ran=ran,
    )


@dataclass(frozen=True, eq=False)
class ShardDetails:
    """Fine detail of the faces of rows, read from their shards."""

    folder: BuildFolder
    columns: Columns

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """As `duplicates.ReadDetails`."""
        places = {i: self.columns.place(number) for i, number in enumerate(numbers.tolist())}
        faces = np.zeros(
            (len(numbers), DETAIL_SIZE, DETAIL_SIZE, 3), np.uint8
        )  # of one that is out of reach: like none
        for shard, keys in by_shard(self.folder, places):
            faces[keys] = shard.gather(f"image/{DETAIL_SIZE}", [places[key].index for key in keys])
        return fine_detail(faces)


def _numbers(sheets: Sheets, measured: list[Histogram], pairs: Iterable[LikePair]) -> Iterator[int]:
    """Numbers of all rows that are shown somewhere."""
    for sheet in (*sheets.kept, *sheets.second_tries, *sheets.dropped):
        yield from sheet.rows
    for histogram in measured:
        yield from (*histogram.smallest, *histogram.largest)
    for pair in pairs:
        yield from (pair.one, pair.other)


def _cards(folder: BuildFolder, rows: dict[int, dict[str, Any]], photos: PhotoFolder) -> dict[int, Card]:
    places = {
        number: SamplePlace(row["shard"] or "", -1 if row["index"] is None else row["index"])
        for number, row in rows.items()
        if row["status"] == Status.OK
    }
    faces = draw_faces(folder, places)
    away = Thumbnail(problem="its shard is elsewhere")
    return {
        number: face_card(row, faces[number])
        if number in faces
        else photo_card(row, away if number in places else photos.thumbnail(row))
        for number, row in rows.items()
    }


def _totals_among(columns: Columns, whole: Totals) -> Totals:
    """Of the rows that were chosen; `bytes` stay those of all shards."""
    kept, everything = columns.kept, np.ones(len(columns), bool)
    photos, faces = len(np.unique(columns.photo)), int(np.count_nonzero(kept))
    return replace(
        whole,
        photos=photos,
        samples=faces,
        dropped=len(columns) - faces,
        by_split=dict(sorted(columns.split.counts(kept).items())),
        by_status=columns.status.counts(everything),
        by_backend=columns.backend.counts(kept),
        without_sample=photos - len(np.unique(columns.photo[kept])),
    )


def _kept_share(columns: Columns) -> float:
    return len(np.unique(columns.photo[columns.kept])) / len(np.unique(columns.photo))


def _counts(columns: Columns, kept: list[Sheet]) -> Counts:
    everything = np.ones(len(columns), bool)
    return Counts(
        statuses=_shares(columns.status.counts(everything), MEANING),
        splits=_shares({sheet.title: sheet.total for sheet in kept}),
        backends=_shares(columns.backend.counts(columns.kept)),
        licences=_shares(provenance.licences(columns)),
    )


def _shares(counts: dict[str, int], notes: Mapping[Any, str] = MappingProxyType({})) -> tuple[Count, ...]:
    total = sum(counts.values())
    return tuple(Count(name, count, count / total, notes.get(name, "")) for name, count in counts.items())


def _recorded(folder: BuildFolder) -> tuple[Ran, Totals, PhotoFolder]:
    """What `manifest.json` and `configuration.json` say; they may have been edited by hand."""
    facts, start = folder.manifest(), folder.start()
    try:
        limits = BuildConfiguration.recorded(start["configuration"]).limits
        return _ran(facts, start), totals_of(facts), _photos(facts, start, limits)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BuildError(
            f"{folder}: {CONFIGURATION} or {MANIFEST} is not as a build writes it ({error!r}); "
            f"`fishprep verify --repair {folder}` makes the latter anew"
        ) from error


def _photos(facts: dict[str, Any], start: dict[str, Any], limits: Limits) -> PhotoFolder:
    extended = facts.get("extensions", [])
    further = {(Path(record["source"]["root"]), str(record["prefix"])): None for record in extended}
    return PhotoFolder(Path(start["source"]["root"]), limits, tuple(further))


def _left_out(recorded: list[str] | int) -> tuple[str, ...]:
    """Builds from before reasons were stored have the number of photos in no split."""
    if isinstance(recorded, int):
        return (f"{counted(recorded, 'photo')} in no split",) if recorded else ()
    return tuple(recorded)


def _ran(facts: dict[str, Any], start: dict[str, Any]) -> Ran:
    return Ran(
        source=start["source"]["root"],
        kind=facts["configuration"]["source"],
        recipe=facts["recipe"],
        inputs=facts["inputs"],
        producer=facts["producer"],
        settings=provenance.settings(facts),
        versions=facts["versions"],
        weights=provenance.weights(facts),
        retries=provenance.retries(facts),
        extensions=provenance.extensions(facts),
        notes=facts["notes"],
        left_out=_left_out(facts["left_out"]),
    )
