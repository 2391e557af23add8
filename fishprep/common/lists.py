"""Lists that people keep: lines and tables of any editor, and the photos that the names in them mean."""

import csv
import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fishprep.common import names
from fishprep.common.errors import SourceError
from fishprep.common.files import open_regular
from fishprep.common.words import counted
from fishprep.decoding.decode import SUFFIXES

LARGEST = 256 * 2**20
"""Bytes of a list: some ten million names."""

DELIMITERS = (",", ";", "\t", "|")
_PICTURES = SUFFIXES | frozenset(".gif .heic .heif .avif .jp2 .jxl .tga".split())
"""Suffixes that a name in a list may end in, whatever the file on the disk is."""


def read_text(path: Path, largest: int = LARGEST) -> str:
    r"""A text file of any editor: UTF-8 or, with its mark, UTF-16; lines end in `\n`; bytes that are not UTF-8 stay as Python
    keeps them in file names. SourceError where it cannot be read, is larger than `largest` bytes or is no text."""
    try:
        with open_regular(path) as stream:
            data = stream.read(min(largest, os.fstat(stream.fileno()).st_size) + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > largest:
        raise SourceError(f"{path}: larger than {largest:,} bytes, which no such file is")
    try:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = data.decode("utf-16") if wide else data.decode("utf-8", errors="surrogateescape")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not text: {error.reason} at byte {error.start}") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise SourceError(f"{path}, line {line}: not a text file")
    # A mark stands at the start of each part where files were joined, not only at the start of the whole.
    return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a list, stripped, empty ones left out. SourceError as `read_text`."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped


@dataclass(frozen=True)
class Table:
    """A CSV file: the names of its columns, in lower case, as line `line` gives them, and its rows with the numbers of theirs."""

    line: int
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def column(self, name: str) -> int | None:
        """The place of a column, None where there is none."""
        return self.columns.index(name) if name in self.columns else None

    def others(self, known: Sequence[str]) -> list[str]:
        """Columns of other names; the nameless one that pandas puts first is not worth a word."""
        return [name for name in self.columns if name not in known and name and not name.startswith("unnamed:")]


def read_table(path: Path) -> Table | None:
    """A CSV file with any of `DELIMITERS`, told by its first line; None for an empty one.

    SourceError where a row has another number of values than the first line, and as `read_text`.
    """
    lines = [f"{line}\n" for line in read_text(path).split("\n")]
    start = next((number for number, line in enumerate(lines) if line.strip()), None)
    if start is None:
        return None
    delimiter = lines[start][4:-1] if lines[start].lower().startswith("sep=") else ""  # Excel's own way to name it
    if delimiter in DELIMITERS:
        start += 1
    else:
        delimiter = max(DELIMITERS, key=lines[start].count)  # the first of equals
    reader = csv.reader(lines[start:], delimiter=delimiter)
    try:
        found = [(start + reader.line_num, [value.strip() for value in values]) for values in reader]
    except csv.Error as error:
        raise SourceError(f"{path}, line {start + reader.line_num}: {error}") from error
    found = [(number, values) for number, values in found if any(values)]
    if not found:
        return None
    columns = tuple(name.lower() for name in found[0][1])
    rows = tuple((number, tuple(_trimmed(values, len(columns)))) for number, values in found[1:])
    for number, values in rows:
        if len(values) != len(columns):
            raise SourceError(
                f"{path}, line {number}: {counted(len(values), 'value')} for {counted(len(columns), 'column')}"
            )
    return Table(found[0][0], columns, rows)


def _trimmed(values: list[str], count: int) -> list[str]:
    """Without the empty values that a delimiter at the end of a line makes."""
    while len(values) > count and not values[-1]:
        values = values[:-1]
    return values


def spelled(name: str) -> str:
    r"""The one spelling of a path in a list: / between folders, no `.` and no `..` that can be gone back, composed letters.

    >>> spelled(".\\train\\a.jpg"), spelled("train//b/../a.jpg")
    ('train/a.jpg', 'train/a.jpg')
    """
    return posixpath.normpath(unicodedata.normalize("NFC", name.replace("\\", "/")))


def without_suffix(name: str) -> str:
    """A path without the suffix of a picture; one of another kind is a part of the name.

    >>> without_suffix("a/000001.PNG"), without_suffix("john.smith")
    ('a/000001', 'john.smith')
    """
    stem, suffix = posixpath.splitext(name)
    return stem if suffix.lower() in _PICTURES else name


@dataclass(frozen=True)
class Named:
    """A photo as lists may name it: its path in the source as text (`Photo.relative`), and its id where it has one."""

    relative: str
    id: str = ""


@dataclass(frozen=True)
class Fit:
    """What a list names: `names[i]` means photo i (None where nothing does); `unknown` are names that mean no photo."""

    names: tuple[str | None, ...]
    unknown: tuple[str, ...]


def fit(listed: Mapping[str, object], photos: Sequence[Named], file: Path) -> Fit:
    """The name in a list that means each photo.

    A list names an image, not a suffix: what fits exactly is taken first, then what differs in spelling (`spelled`), then in the
    picture's suffix; then, for a name without folders, the file name alone, and that without its suffix.

    SourceError where two names of different values mean one photo, or one name two pictures that differ in their suffixes.
    """
    free = _by_spelling(listed, file)
    found: list[str | None] = [None] * len(photos)
    for level in _LEVELS:
        index: dict[str, list[str]] = defaultdict(list)
        for name, spellings in free.items():
            for key in {key for spelling in spellings for key in level.of_list(spelling)}:
                index[key].append(name)
        taken: dict[str, int] = {}
        for number, photo in enumerate(photos):
            fitting = index.get(level.of_photo(photo)) or (index.get(photo.id) if level.by_id else None)
            if found[number] is not None or not fitting:
                continue
            _refuse_contrary(fitting, listed, photo.relative, file)
            found[number] = fitting[0]
            for name in fitting:
                if taken.setdefault(name, number) != number and level.one_each:
                    both = f"{photos[taken[name]].relative!r} or {photo.relative!r}"
                    raise SourceError(f"{file}: {name!r} may mean {both}; write the whole name, or keep one of them")
        for name in taken:
            del free[name]
        if not free:
            break
    return Fit(tuple(found), tuple(free))


def _by_spelling(listed: Mapping[str, object], file: Path) -> dict[str, list[str]]:
    """The first of the names that are spellings of one → all of them."""
    same: dict[str, list[str]] = defaultdict(list)
    for name in listed:
        same[_path(name)].append(name)
    for path, spellings in same.items():
        _refuse_contrary(spellings, listed, path, file)
    return {spellings[0]: spellings for spellings in same.values()}


def _refuse_contrary(spellings: Sequence[str], listed: Mapping[str, object], photo: str, file: Path) -> None:
    first = spellings[0]
    for other in spellings[1:]:
        if not equal(listed[other], listed[first]):
            raise SourceError(
                f"{file}: {first!r} and {other!r} are the same photo, {photo!r}, and say different things of it"
            )


def equal(one: object, other: object) -> bool:
    """Whether two values of a list are the same, arrays too."""
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


@dataclass(frozen=True)
class _Level:
    """One way to compare names: the keys of a name in a list, that of a photo; `one_each`: a name means one photo."""

    of_list: Callable[[str], tuple[str, ...]]
    of_photo: Callable[[Named], str]
    one_each: bool = False
    by_id: bool = False


def _path(name: str) -> str:
    return _text(spelled(name))


def _text(name: str) -> str:
    try:
        return names.text(name)
    except UnicodeEncodeError:  # half a letter, in JSON or UTF-16; no file has that name
        return name


def _composed(photo: Named) -> str:
    return _composed_name(photo.relative)


def _bare(name: str) -> tuple[str, ...]:
    path = _path(name)
    return () if "/" in path else (path,)


_LEVELS = (
    _Level(lambda name: tuple({name, _text(name)}), lambda photo: photo.relative, by_id=True),
    _Level(lambda name: (_path(name),), _composed, one_each=True),
    _Level(lambda name: (without_suffix(_path(name)),), lambda photo: without_suffix(_composed(photo)), one_each=True),
    _Level(_bare, lambda photo: posixpath.basename(_composed(photo))),
    _Level(
        lambda name: tuple(map(without_suffix, _bare(name))),
        lambda photo: without_suffix(posixpath.basename(_composed(photo))),
    ),
)


class Index:
    """The names of a long list, asked after one photo at a time, in the order of `fit`."""

    def __init__(self, listed: Iterable[str], file: Path) -> None:
        self._listed = tuple(listed)
        self._file = file
        self._levels: list[dict[str, list[str]]] = []

    def find(self, photo: str) -> str | None:
        """The name that means a photo (its path in the source as text); SourceError where several do."""
        for number, level in enumerate(_LEVELS):
            fitting = self._level(number).get(level.of_photo(Named(photo)), [])
            if len(fitting) > 1:
                raise SourceError(f"{self._file}: {fitting[0]!r} and {fitting[1]!r} may both mean {photo!r}")
            if fitting:
                return fitting[0]
        return None

    def _level(self, number: int) -> dict[str, list[str]]:
        while len(self._levels) <= number:
            keys: dict[str, list[str]] = defaultdict(list)
            for name in self._listed:
                for key in _LEVELS[len(self._levels)].of_list(name):
                    keys[key].append(name)
            self._levels.append(keys)
        return self._levels[number]


class Locator:
    """Finds the file below a folder that a name in a list means; a folder is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[Path, tuple[dict[str, list[str]], dict[str, list[str]]]] = {}

    def find(self, name: str, file: Path) -> Path | None:
        """The path that a name in the list `file` means; None where nothing is there.

        As it stands, then by its one spelling, then with another suffix of a picture. SourceError where several pictures fit.
        """
        for spelling in dict.fromkeys((name, name.replace("\\", "/"), spelled(name))):
            if os.path.lexists(self.root / spelling):
                return self.root / spelling
        wanted = self.root / spelled(name)
        for key, there in zip((wanted.name, without_suffix(wanted.name)), self._names(wanted.parent), strict=True):
            fitting = there.get(key, [])
            if len(fitting) > 1:
                both = " or ".join(map(repr, fitting[:2]))
                raise SourceError(f"{file}: {name!r} may mean {both}; write the whole name")
            if fitting:
                return wanted.with_name(fitting[0])
        return None

    def _names(self, folder: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """The pictures of a folder by their composed names, and by those without suffix."""
        if folder not in self._folders:
            try:
                entries = sorted(entry.name for entry in os.scandir(folder))
            except OSError:
                entries = []
            whole: dict[str, list[str]] = defaultdict(list)
            stems: dict[str, list[str]] = defaultdict(list)
            for name in entries:
                if not name.startswith(".") and is_picture_name(name):
                    whole[_composed_name(name)].append(name)
                    stems[without_suffix(_composed_name(name))].append(name)
            self._folders[folder] = (whole, stems)
        return self._folders[folder]


def is_picture_name(name: str) -> bool:
    """Whether a name ends as those of pictures do."""
    return posixpath.splitext(name)[1].lower() in _PICTURES


def _composed_name(name: str) -> str:
    return unicodedata.normalize("NFC", name)
