"""What the folders of a source are by their names: CelebA, Helen, splits, and what looks like a test set and is not known."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from fishprep.common.errors import SourceError
from fishprep.common.spelling import SUFFIXES, is_archive_name, without_suffix
from fishprep.common.text_files import lines_of
from fishprep.common.words import counted
from fishprep.faces.photo import Photo
from fishprep.sources.base import LeftOut, Listing
from fishprep.sources.tree import FolderTree, Tree
from fishprep.sources.walk import Entry, Walk, relative_text

_WORDS = {
    "train": "train(?:ing)?|trn|trainval",
    "val": "val(?:id(?:ation)?)?",
    "test": "test(?:ing|s)?|tst",
}
_AROUND = "(?:(?:image|img|photo|picture|pic|face|data|set|split|list|name|file|label|id)s?)*"
_WHOLE = {split: re.compile(f"{_AROUND}(?:{word}){_AROUND}") for split, word in _WORDS.items()}
_TESTLIKE = re.compile(r"test(?!im|am|ic|in[oa]|os|a$)\w*|(?:valid|eval)(?:uation|ation|set|s)?|h[eo]ldout")
LISTS = (".txt", ".csv", ".tsv", ".lst", ".list")


@dataclass(frozen=True)
class Layout:
    """The visible folders below a root, and its files that may be lists; paths, each folder before what is in it.

    closed: links that lead out of the root. pictures: how many files are named as pictures. waste: those that are left out.
    archives: files named as those that hold many files. beside: lists that lie beside an archive.
    """

    root: Path
    folders: tuple[Path, ...]
    lists: tuple[Path, ...]
    closed: tuple[Entry, ...] = ()
    pictures: int = 0
    waste: tuple[LeftOut, ...] = ()
    archives: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    tree: Tree = field(default_factory=FolderTree)

    def lines(self, path: Path) -> Iterator[tuple[int, str]]:
        """Numbered lines of one of the lists, stripped, empty ones left out."""
        return lines_of(self.tree.text(path))

    def lists_named(self, stems: Iterable[str]) -> list[Path]:
        """The lists with one of these names, in any letters and with any suffix of a list."""
        return _named(self.lists, stems)

    def lists_for(self, stems: Iterable[str]) -> list[Path]:
        """As `lists_named`; where there is none those beside the archive, which alone say nothing of what that is."""
        return self.lists_named(stems) or _named(self.beside, stems)


def _named(lists: Iterable[Path], stems: Iterable[str]) -> list[Path]:
    wanted = {stem.lower() for stem in stems}
    return [path for path in lists if path.stem.lower() in wanted]


def survey(root: Path, follow_links: bool = False, exclude: Path | None = None, tree: Tree | None = None) -> Layout:
    """Look as deep as a source reads; SourceError where the folder is not there."""
    tree = tree or FolderTree()
    walk = Walk(root, follow_links, exclude, tree=tree)
    folders, lists, closed, archives, pictures = [root], [], [], [], 0
    for entry in walk.entries():
        if entry.problem is not None:
            closed.append(entry)
        elif entry.is_folder:
            folders.append(entry.path)
        elif entry.suffix in SUFFIXES:
            pictures += 1
        elif entry.suffix in LISTS:
            lists.append(entry.path)
        elif is_archive_name(entry.place):
            archives.append(entry.path)
    return Layout(
        root, tuple(folders), tuple(lists), tuple(closed), pictures, walk.left_out(), tuple(archives), tree=tree
    )


def split_of(name: str) -> str:
    """The split that the name of a folder or a word in a list means; empty for any other name.

    >>> [split_of(name) for name in ("Train", "test_images", "trainset", "val2017", "validation", "contest", "Valerie")]
    ['train', 'test', 'train', 'val', 'val', '', '']
    """
    letters = re.sub(r"[\W_\d]+", "", name).lower()
    return next((split for split, pattern in _WHOLE.items() if pattern.fullmatch(letters)), "")


def looks_like_test(name: str) -> bool:
    """Whether a name speaks of a test or validation set, in a way that `split_of` does not know for sure."""
    words = _word_list(name)
    return bool(split_of(name) in ("val", "test") or any(map(_TESTLIKE.fullmatch, (*words, "".join(words)))))


def by_folders(found: Listing, layout: Layout, asked: bool) -> Listing:
    """Photos with the splits that their folders' names mean; without any all are `train`.

    asked: the user has said what the source is. Otherwise SourceError where something looks like a test set and would be
    trained on: a folder, a list or file names in an unknown spelling, photos beside a test set without a `train`, a folder of
    one split within another.
    """
    splits = _Splits.of([photo.relative for photo in found.photos])
    known = [splits.of_photo(photo.relative) for photo in found.photos]
    outside = [photo for photo, split in zip(found.photos, known, strict=True) if not split]
    rest = "train" if "train" not in known else ""
    if not asked:
        _refuse_nested(splits, found.photos, layout.root)
        if rest and len(outside) == len(known):
            _refuse_unknown(layout, outside)
        elif rest and outside:
            raise SourceError(
                f"{layout.root}: has a folder of a test or validation set but none of a training set, and "
                f"{counted(len(outside), 'photo')} beside it, the first {outside[0].relative!r}: is that to be trained on? "
                + _WAYS_OUT
            )
    photos = tuple(replace(photo, split=split or rest) for photo, split in zip(found.photos, known, strict=True))
    return replace(found, photos=photos, notes=(*found.notes, *_notes(splits, len(outside) == len(known), layout.root)))


ALL_TRAIN = "a plain folder: all photos go into `train`"
"""The note of a source that has no split, which a drawn one takes back."""

_WAYS_OUT = "Say which photo is in which split with --split FILE, or --source folder to train on what is in no folder of a split"


def _notes(splits: "_Splits", plain: bool, root: Path) -> list[str]:
    if not plain:
        told = ", ".join(f"{folder}/ is {split}" for folder, split in list(splits.folders.items())[:6])
        return [f"splits by folders: {told}{', ...' if len(splits.folders) > 6 else ''}"]
    named = split_of(root.resolve().name)
    own = f", though SOURCE is called {root.resolve().name!r}" if named in ("val", "test") else ""
    return [f"{ALL_TRAIN}{own}"]


@dataclass(frozen=True)
class _Splits:
    """Folders (paths as text) that are a split by their names."""

    folders: dict[str, str]

    @classmethod
    def of(cls, photos: Iterable[str]) -> "_Splits":
        inside = dict.fromkeys(photo.rpartition("/")[0] for photo in photos)
        above = dict.fromkeys(parent for folder in inside if folder for parent in (*_parents(folder), folder))
        sure = {folder: split for folder in above if (split := split_of(PurePosixPath(folder).name))}
        return cls(sure | _siblings([folder for folder in above if folder not in sure]))

    def of_photo(self, photo: str) -> str:
        """The split of the outermost folder that is one."""
        if not self.folders:
            return ""
        return next((self.folders[folder] for folder in _parents(photo) if folder in self.folders), "")


def _siblings(folders: Sequence[str]) -> dict[str, str]:
    """Folders side by side whose names differ in the word for a split alone: `WIDER_train` and `WIDER_val`."""
    groups: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
    for folder in folders:
        path = PurePosixPath(folder)
        words = _word_list(path.name)
        at = [number for number, word in enumerate(words) if split_of(word)]
        if len(at) == 1:
            rest = (str(path.parent), (*words[: at[0]], "*", *words[at[0] + 1 :]))
            groups.setdefault(rest, {})[folder] = split_of(words[at[0]])
    return {
        folder: split
        for group in groups.values()
        if "train" in group.values() and len(set(group.values())) > 1
        for folder, split in group.items()
    }


def _refuse_nested(splits: _Splits, photos: Iterable[Photo], root: Path) -> None:
    for photo in photos:
        named = {splits.folders[folder]: folder for folder in _parents(photo.relative) if folder in splits.folders}
        if len(named) > 1:
            raise SourceError(
                f"{root}: {photo.relative!r} lies in a folder of `{'` within one of `'.join(reversed(named))}`. "
                "Say which photo is in which split with --split FILE, or --source folder to go by the outer folder"
            )


def _refuse_unknown(layout: Layout, photos: Sequence[Photo]) -> None:
    """Nothing is known to be a split: see that nothing looks like one either."""
    folders = dict.fromkeys(parent for photo in photos for parent in _parents(photo.relative))
    odd = [f"the folder {folder}/" for folder in folders if looks_like_test(PurePosixPath(folder).name)]
    if not odd:
        stems = {without_suffix(photo.relative) for photo in photos}
        lists = [path for path in layout.lists if looks_like_test(path.stem)]
        beside = [relative_text(path, layout.root) for path in lists]
        odd = [f"the list {name}" for name in beside if name.rpartition(".")[0] not in stems]
    if not odd:
        odd = _both_in_names(photos)
    if odd:
        raise SourceError(
            f"{layout.root}: {odd[0]} looks like a test set, but not in a way that is known, and all photos would be trained on. "
            + _WAYS_OUT
        )


def _both_in_names(photos: Iterable[Photo]) -> list[str]:
    """File names that speak of a test set, where others speak of a training set."""
    said: dict[str, str] = {}
    for photo in photos:
        name = photo.relative.rpartition("/")[2]
        for word in _word_list(without_suffix(name)):
            if split := split_of(word):
                said.setdefault("train" if split == "train" else "test", photo.relative)
    return [f"the name {said['test']!r}"] if len(said) == 2 else []


def _word_list(name: str) -> list[str]:
    """The words of a name, in small letters: `WIDER_trainSet2` → wider, train, set."""
    parted = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return re.sub(r"[\W_\d]+", " ", parted).lower().split()


def _parents(path: str) -> list[str]:
    """The folders above a path, the outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
