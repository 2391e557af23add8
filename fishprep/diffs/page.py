"""What two builds differ in → one HTML file."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np
from markupsafe import Markup

from fishprep.builds.folder import BuildFolder
from fishprep.common.names import printable
from fishprep.common.pages import page_environment
from fishprep.diffs.faces import FaceDiffs
from fishprep.diffs.records import BuildRecords, RecordDiff
from fishprep.reports.columns import SamplePlace
from fishprep.reports.faces import FacePicture, draw_faces

SHOWN, LISTED = 12, 100


@dataclass(frozen=True)
class Spread:
    """Of a measure, over the faces that are not equal: its name, what it is in words, and its figures as text."""

    measure: str
    title: str
    median: str
    far: str
    most: str


@dataclass(frozen=True)
class FacePair:
    """A face of both builds; what it differs in, in words."""

    name: str
    said: str
    before: FacePicture
    after: FacePicture


@dataclass(frozen=True)
class PairSheet:
    """The faces that differ most by one measure."""

    title: str
    pairs: tuple[FacePair, ...]


def spreads(found: FaceDiffs) -> tuple[Spread, ...]:
    """The figures of the four measures over the faces that are not equal; none where all are."""
    if found.equal.all():
        return ()
    return tuple(_spread(found, *each) for each in MEASURES)


MEASURES = (
    ("shift", "crop, moved by (share of its side)", "{:.2%}", False),
    ("points", "68 points, apart by (share of the side)", "{:.2%}", False),
    ("iou", "skin map, intersection over union", "{:.4f}", True),
    ("psnr", "image, PSNR", "{:.2f} dB", True),
)
"""Measure, title, how a figure is written, whether less is further apart."""


def _spread(found: FaceDiffs, measure: str, title: str, form: str, less: bool) -> Spread:
    values = getattr(found, measure)[~found.equal]
    at = np.quantile(values, [0.5, 0.05 if less else 0.95, 0.0 if less else 1.0], method="nearest")
    return Spread(measure, title, *(form.format(value) for value in at.tolist()))


def render_diff(
    folders: tuple[BuildFolder, BuildFolder],
    records: tuple[BuildRecords, BuildRecords],
    record_diff: RecordDiff,
    found: FaceDiffs,
) -> str:
    """The page as text. Whatever comes from outside is escaped; nothing in it is fetched from anywhere."""
    environment = page_environment("fishprep.diffs")
    environment.filters |= {"line": printable, "count": "{:,}".format}
    page = environment.get_template("page.html.j2").render(
        names=[str(folder) for folder in folders],
        photos=[len(each.photos) for each in records],
        diff=record_diff,
        moved=record_diff.moved[:LISTED],
        listed=LISTED,
        faces=found,
        equal=int(found.equal.sum()),
        other_photos=int((~found.same_photo).sum()),
        spreads=spreads(found),
        sheets=list(_sheets(folders, records, found)),
        style=Markup(resources.files("fishprep.reports").joinpath("page.css").read_text(encoding="utf-8")),
    )
    return page.lstrip().encode("utf-8", "backslashreplace").decode()


def _sheets(
    folders: tuple[BuildFolder, BuildFolder], records: tuple[BuildRecords, BuildRecords], found: FaceDiffs
) -> Iterator[PairSheet]:
    """The faces that differ most, by each measure by which any does."""
    for measure, title, form, _ in MEASURES:
        worst = found.worst(measure, SHOWN)
        values = getattr(found, measure)
        worst = worst[values[worst] != {"iou": 1.0, "psnr": np.inf}.get(measure, 0.0)]
        if not len(worst):
            continue
        drawn = [_drawn(folder, each, found, worst) for folder, each in zip(folders, records, strict=True)]
        pairs = [
            FacePair(found.ids[number], form.format(values[number]), *(pictures[number] for pictures in drawn))
            for number in worst.tolist()
        ]
        yield PairSheet(title, tuple(pairs))


def _drawn(folder: BuildFolder, records: BuildRecords, found: FaceDiffs, numbers: np.ndarray) -> dict[int, FacePicture]:
    places = {number: records.faces[found.ids[number]] for number in numbers.tolist()}
    return draw_faces(folder, {number: SamplePlace(place.shard, place.index) for number, place in places.items()})
