"""The walk through a folder that every reader of photos shares: what it enters, what it takes for a photo, what it leaves out."""

import os
import re
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fishprep.common import names
from fishprep.common.errors import SourceError
from fishprep.common.spelling import SUFFIXES, is_picture_name
from fishprep.common.status import Problem, Status
from fishprep.sources.base import LeftOut
from fishprep.sources.links import file_identity, link_problem
from fishprep.sources.points import POINTS_SUFFIXES
from fishprep.sources.tree import FolderTree, Scanned, Tree

_WASTE = re.compile(
    r"""
      @eadir | \#recycle | \#snapshot | @tmp                              # Synology
    | @recycle | @recently-snapshot | \.@__thumb | \.@__qini              # QNAP
    | recycle\ bin | trashbox | network\ trash\ folder | \.recycle        # Netgear, Buffalo, Samba
    | \$recycle\.bin | recycler | recycled | system\ volume\ information  # Windows
    | found\.\d\d\d | lost\+found | ~snapshot | \.snapshots?              # what a repair or a snapshot leaves
    | \.trash(es|-\d+)? | \.fseventsd | \.spotlight-v100                  # Linux, macOS
    | __macosx | \.appledouble | temporary\ items | ipod\ photo\ cache    # macOS
    | \.thumb(nail)?s? | \.picasaoriginals | \.dtrash | .*\.lrdata        # viewers' thumbnails and bins
    | .*\ previews\.lrdata | \.ipynb_checkpoints
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Folders in which systems and viewers keep copies, thumbnails and what was deleted: no photos of anybody's choice."""

_MASKS_OF_CELEBA = re.compile(r"celeba-?(mask-?)?hq-?(masks?|label)\b.*", re.IGNORECASE)
_MASKS = re.compile(r"masks?|labels?|pars(e|ing)s?|segmentations?", re.IGNORECASE)
_MASKED = re.compile(r"images?|imgs?", re.IGNORECASE)
"""Folders of masks of labelled faces: CelebAMask-HQ's by its own name, all others by that beside one of pictures."""


@dataclass(frozen=True)
class Entry:
    """A visible file or folder; `problem`: why it will not be opened or entered. Text, as millions of paths are slow to make."""

    place: str
    is_folder: bool
    problem: Problem | None = None

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.place)

    @property
    def suffix(self) -> str:
        """In small letters."""
        return os.path.splitext(self.place)[1].lower()  # noqa: PTH122


@dataclass(frozen=True)
class Walk:
    """A recursive walk: what it takes for a photo, and how it treats symbolic links.

    Hidden files and folders are passed over (a Mac's `._` files are such), and so is `exclude` (the output, where it lies inside
    the source). Thumbnails and waste bins of systems and viewers are left out, and the pictures in them counted in `waste`; so are
    the masks of labelled faces, in `masks`. A link to a file is taken where its target lies inside the root; `follow_links` takes
    targets anywhere and enters linked folders, each real folder once. `others` counts the files that are no candidates by their
    suffixes, as the walk comes to them.
    """

    root: Path
    follow_links: bool = False
    exclude: Path | None = None
    others: Counter[str] = field(default_factory=Counter, repr=False)
    waste: Counter[str] = field(default_factory=Counter, repr=False)
    masks: Counter[str] = field(default_factory=Counter, repr=False)
    tree: Tree = field(default_factory=FolderTree)
    _seen: set[Hashable] = field(default_factory=set, repr=False)

    def files(self) -> Iterator[tuple[Path, Problem | None]]:
        """Paths of candidate photos and, for those that will not be opened, why; in no particular order."""
        for entry in self.entries():
            if entry.problem is not None:
                if entry.is_folder or entry.suffix in SUFFIXES:
                    yield entry.path, entry.problem
            elif not entry.is_folder:
                if entry.suffix in SUFFIXES or _begins_like_picture(entry, self.tree):
                    yield entry.path, None
                elif entry.suffix not in POINTS_SUFFIXES:
                    self.others[entry.suffix] += 1

    def entries(self) -> Iterator[Entry]:
        """Everything that is visible, a folder before what is in it; SourceError where there is no such folder."""
        if isinstance(self.tree, FolderTree) and not self.root.is_dir():
            raise SourceError(f"{self.root}: no such folder; give the folder that holds the photos")
        output = file_identity(self.exclude) if self.exclude is not None else None
        if output is not None and output != file_identity(self.root):
            self._seen.add(output)  # however it was typed
        waiting = [self.root]  # a list and no calls within calls: folders may lie deeper than Python can call
        while waiting:
            found = list(self._listed(waiting.pop()))
            yield from found
            waiting += [entry.path for entry in reversed(found) if self._enters(entry)]

    def _enters(self, entry: Entry) -> bool:
        if not entry.is_folder or entry.problem is not None:
            return False
        return self.follow_links or not os.path.islink(entry.place)  # noqa: PTH114 (names in archives may be too long for a path)

    def _listed(self, folder: Path) -> Iterator[Entry]:
        """What is visible in one folder; nothing where the walk was there before."""
        if (identity := self.tree.identity(folder)) in self._seen:
            return
        if identity is not None:
            self._seen.add(identity)
        try:
            entries = self.tree.scan(folder)
        except OSError as error:
            yield Entry(str(folder), True, Problem(Status.UNREADABLE, f"folder cannot be listed: {error.strerror}"))
            return
        masked = any(_MASKED.fullmatch(entry.name) for entry in entries)
        for entry in entries:
            if (counts := self._left(entry, masked)) is not None:
                if not entry.is_symlink() and (count := _pictures_below(Path(entry.path), self.tree)):
                    counts[entry.name] += count
            elif not entry.name.startswith("."):
                linked = link_problem(Path(entry.path), self.root, self.follow_links) if entry.is_symlink() else None
                yield Entry(entry.path, _is_folder(entry), linked or self.tree.problem(Path(entry.path)))

    def _left(self, entry: Scanned, masked: bool) -> Counter[str] | None:
        """Where the pictures in a folder are counted that is not entered; None for all else."""
        waste = _WASTE.fullmatch(entry.name)
        masks = _MASKS_OF_CELEBA.fullmatch(entry.name) or (masked and _MASKS.fullmatch(entry.name))
        if not (waste or masks) or not (entry.is_symlink() or entry.is_dir(follow_symlinks=False)):
            return None
        if waste:
            return self.waste
        return self.masks if _MASKS_OF_CELEBA.fullmatch(entry.name) or _only_png(entry.path, self.tree) else None

    def left_out(self) -> tuple[LeftOut, ...]:
        """What `others`, `waste` and `masks` have counted."""
        found = []
        if self.waste:
            found.append(LeftOut(self.waste.total(), "picture", f"in thumbnails or waste bins ({_told(self.waste)})"))
        if self.masks:
            found.append(LeftOut(self.masks.total(), "picture", f"in folders of masks ({_told(self.masks)})"))
        if self.others:
            found.append(LeftOut(self.others.total(), "file", f"of other formats ({_told(self.others)})"))
        return tuple(found)


def _told(counts: Counter[str]) -> str:
    common = sorted(counts.items(), key=lambda kind: (-kind[1], not kind[0], kind[0]))[:4]
    kinds = [f"{count:,} {names.text(name) or 'without suffix'}" for name, count in common]
    return ", ".join(kinds) + (", ..." if len(counts) > len(kinds) else "")


def _pictures_below(folder: Path, tree: Tree) -> int:
    """How many files below a folder are named as pictures; links are not followed, what cannot be listed counts as nothing."""
    count, waiting = 0, [folder]
    while waiting:
        try:
            entries = tree.scan(waiting.pop())
        except OSError:
            continue
        folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        files = (entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
        count += sum(is_picture_name(name) and not name.startswith("._") for name in files)
        waiting += folders
    return count


def _only_png(folder: str, tree: Tree) -> bool:
    """Whether nothing else lies in a folder, as masks must lose nothing: no lists, no photos."""
    try:
        found = [entry.name for entry in tree.scan(Path(folder)) if not entry.name.startswith(".")]
    except OSError:
        return False
    return bool(found) and all(name.lower().endswith(".png") for name in found)


def _is_folder(entry: Scanned) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a loop
        return False


def pictures_in(folder: Path, tree: Tree | None = None) -> list[Path]:
    """The pictures that lie in one folder, without those below it: visible files that are named like one, or begin like one."""
    tree = tree or FolderTree()
    try:
        found = tree.scan(folder)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be listed: {error.strerror}") from error
    entries = (Entry(entry.path, False) for entry in found if not entry.name.startswith(".") and not _is_folder(entry))
    return [entry.path for entry in entries if entry.suffix in SUFFIXES or _begins_like_picture(entry, tree)]


def _begins_like_picture(entry: Entry, tree: Tree) -> bool:
    return entry.suffix not in POINTS_SUFFIXES and tree.is_file(entry.path) and tree.begins_like_picture(entry.path)


def relative_text(path: Path, root: Path) -> str:
    """`path` below `root` as text with / between folders."""
    whole, above = str(path), f"{root}/"
    if os.sep == "/" and whole.startswith(above):  # as nearly always, and a fifth of the time of what Path does
        return names.text(whole[len(above) :])
    return names.text(path.relative_to(root).as_posix())
