"""What stands in two places → one HTML file with the pairs side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np
from markupsafe import Markup

from fishprep.common.names import printable
from fishprep.common.pages import page_environment
from fishprep.overlaps.find import KINDS, LeakKind, LeakPair, Leaks, leaked_rows
from fishprep.overlaps.table import SplitPlace
from fishprep.reports.faces import QUALITY
from fishprep.reports.images import data_uri
from fishprep.shards.schema import HR_SIZE

SHOWN = 48
"""Pairs of each kind."""

TITLES: dict[LeakKind, tuple[str, str]] = {
    "file": ("Equal files", "The same bytes in both places, under one name or two."),
    "picture": ("One photo, two files", "Saved anew, cropped, in other light or of another size."),
    "mirrored": ("One photo, mirrored", "The right one is shown as it is stored."),
    "alike": (
        "Perhaps one person",
        "By vectors of identity, the nearest first: it takes some people for others, and must be looked at.",
    ),
    "person": ("One person", "Two photos of a person whom the source names: the first of each place."),
}


@dataclass(frozen=True)
class LeakedFace:
    """A face of a pair: the letter of its set where there are several, split, path of the photo, name of the person, picture."""

    place: str
    path: str
    identity: str
    uri: str


@dataclass(frozen=True)
class LeakSheet:
    """The pairs of a kind: all of them, and those that are shown, with the measure as text."""

    title: str
    note: str
    total: int
    pairs: tuple[tuple[str, LeakedFace, LeakedFace], ...]


def place_name(leaks: Leaks, place: SplitPlace) -> str:
    """`train`; `B train` where there are several sets."""
    return place.split if len(leaks.table.folders) == 1 else f"{letter(place.set)} {place.split}"


def letter(number: int) -> str:
    """What a set is called: A, B, ...; from the 27th on its number."""
    return chr(ord("A") + number) if number < 26 else str(number + 1)


def render_leaks(leaks: Leaks) -> str:
    """The page as text. Whatever comes from outside is escaped; nothing in it is fetched from anywhere."""
    environment = page_environment("fishprep.overlaps")
    environment.filters |= {"line": printable, "count": "{:,}".format}
    table = leaks.table
    counts = leaks.counts()
    kinds = [kind for kind in KINDS if any(kind in each for each in counts.values())]
    page = environment.get_template("page.html.j2").render(
        sets=[(letter(number), str(folder)) for number, folder in enumerate(table.folders)],
        faces=len(table),
        leaks=leaks,
        counts=[
            (place_name(leaks, one), place_name(leaks, other), [each.get(kind, 0) for kind in kinds])
            for (one, other), each in counts.items()
        ],
        titles=[TITLES[kind][0] for kind in kinds],
        sheets=list(_sheets(leaks)),
        style=Markup(resources.files("fishprep.reports").joinpath("page.css").read_text(encoding="utf-8")),
    )
    return page.lstrip().encode("utf-8", "backslashreplace").decode()


def _sheets(leaks: Leaks) -> Iterator[LeakSheet]:
    by_kind = {kind: [pair for pair in leaks.pairs if pair.kind == kind] for kind in KINDS}
    shown = [pair for pairs in by_kind.values() for pair in pairs[:SHOWN]]
    faces = _faces(leaks, shown)
    for kind, pairs in by_kind.items():
        if pairs:
            cards = tuple((_said(pair), faces[pair.one], faces[pair.other]) for pair in pairs[:SHOWN])
            yield LeakSheet(*TITLES[kind], len(pairs), cards)


def _said(pair: LeakPair) -> str:
    if pair.measure is None:
        return ""
    return f"{'distance' if pair.kind == 'alike' else 'correlation'} {pair.measure:.2f}"


def _faces(leaks: Leaks, pairs: list[LeakPair]) -> dict[int, LeakedFace]:
    rows = leaked_rows(leaks, pairs)
    numbers = np.array(sorted(rows), np.int64)
    uris: dict[int, str] = {}
    for keys, pictures in leaks.table.pictures(numbers, HR_SIZE):
        uris |= {int(numbers[key]): data_uri(picture, QUALITY) for key, picture in zip(keys, pictures, strict=True)}
    return {
        number: LeakedFace(
            place_name(leaks, leaks.place(number)), str(row["path"]), str(row["identity"] or ""), uris[number]
        )
        for number, row in rows.items()
    }
