"""The photos that the names in a list mean: a list that somebody keeps names an image, in whatever spelling."""

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fishprep.common import names
from fishprep.common.errors import SourceError
from fishprep.common.spelling import composed, spelled, without_suffix


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
    return composed(photo.relative)


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
