"""Which photo goes to train, val or test: the source's official split, the paper's counts, or a file of the user's."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from fishprep.builds.configuration import FILE_RULE
from fishprep.common.canonical import sha256_json
from fishprep.common.errors import ConfigurationError, SourceError
from fishprep.common.lists import Named, fit
from fishprep.common.tables import read_table
from fishprep.common.text_files import read_lines
from fishprep.common.words import counted
from fishprep.faces.photo import Photo
from fishprep.shards.schema import SPLITS
from fishprep.sources.layout import split_of

NAME_COLUMNS = ("id", "path", "photo", "name", "file", "filename", "file_name", "image", "image_id")
"""Columns of a table of splits that may hold the names; the first that is there is taken."""


@dataclass(frozen=True)
class Split:
    """Photos with their splits; `left_out` are in none, for the reason `why`. `notes` says what was decided and must be known.

    rule: how it was split, as a build records it, where that is not as it was typed: of a file the SHA-256 over what it says,
    wherever it lies and however that is written.
    """

    photos: tuple[Photo, ...]
    left_out: tuple[Photo, ...]
    why: str
    notes: tuple[str, ...]
    rule: str = ""


@dataclass(frozen=True)
class PaperCounts:
    """Sizes of a source in the paper, and of the pools that they are drawn from in the whole data set."""

    train: int
    val: int
    test: int
    train_val_pool: int
    test_pool: int


PAPER_COUNTS = {
    "celeba": PaperCounts(168_854, 100, 1_000, train_val_pool=182_637, test_pool=19_962),
    "helen": PaperCounts(1_955, 50, 50, train_val_pool=2_000, test_pool=330),
}
"""Section IV-A of the paper, following DIC."""


def assign(photos: Sequence[Photo], rule: str, kind: str, seed: int) -> Split:
    """Apply a split rule to the photos of a source of `kind`, which come with their official splits.

    rule: `official`, `dic`, or the path of a file with lines `name split` or `name,split`, where a name is an id, a relative
    path or a file name.

    Raises ConfigurationError where the rule does not fit the source, SourceError where its file is wrong.
    """
    if rule == "official":
        return _divide(photos, "that the source puts in no split", ())
    if rule == "dic":
        if kind not in PAPER_COUNTS:
            raise ConfigurationError(f"--split dic knows CelebA and Helen, not a source of kind {kind}; use a file")
        return paper_split(photos, PAPER_COUNTS[kind], kind, seed)
    return file_split(photos, Path(rule))


def paper_split(photos: Sequence[Photo], counts: PaperCounts, kind: str, seed: int) -> Split:
    """The paper's counts, drawn with `seed`; no identity in two splits where identities are known.

    Test is drawn from the official test photos. CelebA: val is drawn from the official val photos, train from all of train
    and val but the identities of val. Helen: train and val are drawn from everything else. A smaller set is scaled by its
    own share of the pools.
    """
    rng = np.random.default_rng(seed)
    order = [photos[i] for i in rng.permutation(len(photos))]
    test_pool = [photo for photo in order if photo.split == "test"]
    rest = [photo for photo in order if photo.split in ("train", "val")]
    test = test_pool[: _scaled(counts.test, len(test_pool), counts.test_pool)]
    if kind == "helen":
        rest += test_pool[len(test) :]
        train_val_pool = counts.train + counts.val
    else:
        train_val_pool = counts.train_val_pool
    official_val = [photo for photo in rest if photo.split == "val"]
    val = (official_val or rest)[: _scaled(counts.val, len(rest), train_val_pool)]
    taken = {photo.id for photo in (*val, *test)}
    strangers = {photo.identity for photo in (*val, *test)} - {None}
    free = [photo for photo in rest if photo.id not in taken and photo.identity not in strangers]
    train = free[: _scaled(counts.train, len(rest), train_val_pool)]

    chosen = {photo.id: name for name, part in (("train", train), ("val", val), ("test", test)) for photo in part}
    notes = ["split `dic`: the paper's counts, drawn by this project with a seed; it is not DIC's own list"]
    if (len(train), len(val), len(test)) != (counts.train, counts.val, counts.test):
        notes.append(
            f"scaled to the photos that are here: {len(train):,} / {len(val):,} / {len(test):,} instead of "
            f"{counts.train:,} / {counts.val:,} / {counts.test:,} (train / val / test)"
        )
    if not any(photo.identity for photo in photos):
        notes.append("identities are not known: the same person may be in two splits")
    return _divide(
        [replace(photo, split=chosen.get(photo.id, "")) for photo in photos], "not drawn by --split dic", notes
    )


@dataclass(frozen=True)
class Placed:
    """A photo that is in a split already."""

    named: Named
    split: str


def file_split(photos: Sequence[Photo], path: Path, placed: Sequence[Placed] = ()) -> Split:
    """The split that a file gives. Photos that it does not name are left out; SourceError where it names unknown ones.

    placed: further photos that it may name, which stay where they are; that it says otherwise of them is told.
    """
    listed = _listed(path)
    own = [Named(photo.relative, photo.id) for photo in photos]
    fitted = fit(listed, [*own, *(each.named for each in placed)], path)
    if fitted.unknown:
        unknown = min(fitted.unknown)
        raise SourceError(f"{path}: not in the source: {counted(len(fitted.unknown), 'name')}, the first {unknown!r}")
    names, others = fitted.names[: len(photos)], fitted.names[len(photos) :]
    contrary = sum(name is not None and listed[name] != is_.split for name, is_ in zip(others, placed, strict=True))
    stay = f"{path} puts {counted(contrary, 'photo')} of the build into another split: they stay where they are"
    return _divide(
        [replace(photo, split=listed[name] if name else "") for photo, name in zip(photos, names, strict=True)],
        f"not named in {path}",
        (stay,) if contrary else (),
        FILE_RULE + sha256_json(listed),
    )


def is_file_rule(rule: str) -> bool:
    """Whether a recorded rule is that of a file."""
    return rule.startswith(FILE_RULE)


def _listed(path: Path) -> dict[str, str]:
    """Name → split, from lines `name split` or from a CSV with a column `split` and one of names."""
    listed: dict[str, str] = {}
    for number, name, word in _named_splits(path):
        split = split_of(word)
        if not split or not name:
            line = f"{name} {word}".strip()[:60]
            raise SourceError(f"{path}, line {number}: {line!r}; expected a name and one of {', '.join(SPLITS)}")
        if listed.setdefault(name, split) != split:
            raise SourceError(f"{path}, line {number}: {name!r} is in `{listed[name]}` already")
    return listed


def _named_splits(path: Path) -> Iterator[tuple[int, str, str]]:
    lines = read_lines(path)
    first = next(lines, (0, ""))
    words = [word.strip("\"' ").lower() for word in re.split(r"[,;|\s]", first[1])]
    if "split" in words:
        yield from _table_splits(path)
        return
    for number, line in chain([first] if first[1] else [], lines):
        found = re.fullmatch(r"(.*?)\s*[,;|\s]\s*([^,;|\s]+)", line)
        yield number, *((part.strip("\"' ") for part in found.groups()) if found else ("", line))


def _table_splits(path: Path) -> Iterator[tuple[int, str, str]]:
    table = read_table(path)
    assert table is not None
    split = table.column("split")
    known = [column for name in NAME_COLUMNS if (column := table.column(name)) is not None]
    if split is None or not known:
        raise SourceError(
            f"{path}, line {table.line}: columns {', '.join(filter(None, table.columns))}; expected split and one of"
            f" {', '.join(NAME_COLUMNS)}"
        )
    yield from ((number, values[known[0]], values[split]) for number, values in table.rows)


def _scaled(count: int, here: int, whole: int) -> int:
    """`count` of `whole`, for `here` of them: at least one where there is one."""
    return min(here, count if here >= whole else max(1, round(count * here / whole)))


def _divide(photos: Iterable[Photo], why: str, notes: Sequence[str], rule: str = "") -> Split:
    photos = tuple(photos)
    kept = tuple(photo for photo in photos if photo.split)
    left_out = tuple(photo for photo in photos if not photo.split)
    return Split(kept, left_out, why, tuple(notes), rule)
