"""Which files go in, and the name that each one's results bear."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from fishfsr.errors import ConfigurationError
from fishprep.common import names
from fishprep.faces.photo import Problem
from fishprep.sources.base import LeftOut
from fishprep.sources.walk import Walk, relative_text


@dataclass(frozen=True)
class Input:
    """One file. path: absolute. name: of its results: text, with / between folders, without suffix; unlike any other input's.

    problem: why it is not opened.
    """

    path: Path
    name: str
    problem: Problem | None = None

    @property
    def key(self) -> str:
        """Its absolute path as text, by which a later run knows it again."""
        return names.text(self.path)


@dataclass(frozen=True)
class _Candidate:
    """A file, and its path below the folder that was given (for a file that was given: its name) as text."""

    path: Path
    relative: str
    problem: Problem | None


def collect(
    given: Sequence[Path],
    out: Path,
    follow_links: bool = False,
    taken: Mapping[str, str] | None = None,
    passed_over: Callable[[Sequence[LeftOut]], None] = lambda left_out: None,
) -> list[Input]:
    """All pictures in the folders given, and the files given, each once, sorted by path.

    A result is named as its input; where two would have the same name, or `taken` (`Input.key` → name, of earlier runs) has given
    it to another input, as many folders are put before it as tell them apart. Names differ by more than case. `passed_over` is
    told of the files in each folder that are no pictures of a known format.

    Raises SourceError for a folder that is not there, ConfigurationError for nothing to do and for inputs inside `out`.
    """
    found: dict[Path, _Candidate] = {}
    left_out: list[LeftOut] = []
    for path in given:
        for candidate in _candidates(_absolute(path), _absolute(out), follow_links, left_out.extend):
            found.setdefault(candidate.path, candidate)
    if not found:
        there = f", but {' and '.join(map(str, left_out))}" if left_out else ""
        raise ConfigurationError(f"no pictures in {', '.join(str(path) for path in given)}{there}")
    passed_over(left_out)
    candidates = sorted(found.values(), key=lambda candidate: candidate.path)
    return _named(candidates, dict(taken or {}))


def _candidates(
    path: Path, out: Path, follow_links: bool, passed_over: Callable[[Sequence[LeftOut]], None]
) -> Iterator[_Candidate]:
    if path == out or out in path.parents:
        raise ConfigurationError(f"{path}: lies in the output folder {out}; give another --out")
    if not path.is_dir():
        yield _Candidate(path, names.text(path.name), None)
        return
    walk = Walk(path, follow_links, exclude=out)
    for file, problem in walk.files():
        yield _Candidate(file, relative_text(file, path), problem)
    passed_over(walk.left_out())


def _named(candidates: Sequence[_Candidate], taken: dict[str, str]) -> list[Input]:
    used = {name.casefold() for name in taken.values()}
    inputs = []
    for candidate in candidates:
        name = taken.get(names.text(candidate.path)) or _free_name(candidate, used)
        used.add(name.casefold())
        inputs.append(Input(candidate.path, name, candidate.problem))
    return inputs


def _free_name(candidate: _Candidate, used: set[str]) -> str:
    """The shortest name that no other input has."""
    return next(name for name in _names(candidate) if name.casefold() not in used)


def _names(candidate: _Candidate) -> Iterator[str]:
    relative = candidate.relative
    yield names.photo_ids([relative])[0]
    yield relative
    folder = candidate.path.parents[relative.count("/")]
    above = [names.text(part) for part in folder.parts if part != folder.anchor]
    for depth in range(1, len(above) + 1):
        yield "/".join([*above[-depth:], relative])
    yield from (f"{relative}~{number}" for number in count(2))


def _absolute(path: Path) -> Path:
    """Without `..`, but with symbolic links as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve would follow links)
