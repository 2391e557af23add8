"""CelebA in its own layout, as downloaded: aligned (178x218) or in the wild, with whichever of its lists are there."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

import numpy as np

from fishprep.common import names
from fishprep.common.errors import SourceError
from fishprep.common.lists import Named, equal, fit
from fishprep.common.spelling import is_picture_name
from fishprep.common.status import Problem, Status
from fishprep.common.words import counted
from fishprep.faces.photo import Photo
from fishprep.landmarks.base import Box, Reference
from fishprep.landmarks.known_place import CELEBA_ALIGNED_EYES
from fishprep.places.file import File
from fishprep.sources.base import LeftOut, Listing, SourceRequest
from fishprep.sources.layout import Layout, survey
from fishprep.sources.links import link_problem
from fishprep.sources.points import PointsFile, PointsFiles
from fishprep.sources.tree import Tree, refused_photos
from fishprep.sources.walk import pictures_in, relative_text

LICENCE = "CelebA: non-commercial research only"
ALIGNED, WILD = "img_align_celeba", "img_celeba"
PARTITION_LIST = "list_eval_partition"
PARTITION = ("train", "val", "test")
LAST_OF_TRAIN, LAST_OF_VAL = 162_770, 182_637
"""Last numbers of the official ranges, for a copy without `list_eval_partition.txt`."""

T = TypeVar("T")


@dataclass(frozen=True)
class CelebASource:
    """CelebA below `root`. The aligned images are taken where both kinds are there, unless `wild`.

    Reads, wherever they lie below `root`, as `.txt` or as the `.csv` copies in circulation: `list_eval_partition`,
    `identity_CelebA`, `list_landmarks_align_celeba` (aligned) or `list_landmarks_celeba` and `list_bbox_celeba` (in the wild).
    A list names images whatever their suffix is: the lossless copy has `.png` files and lists that say `.jpg`.
    """

    root: Path
    wild: bool = False
    follow_links: bool = False
    points: Path | None = None
    exclude: Path | None = None
    layout: Layout | None = None
    kind: str = "celeba"

    def listing(self) -> Listing:
        """Images by number, with split, identity and reference points. A listed image that is not there is `missing`.

        SourceError where there is no folder of images, or where several folders or contrary lists fit.
        """
        layout = self.layout or survey(self.root, self.follow_links, self.exclude)
        folder = self._image_folder(layout)
        aligned = _kind(folder) == ALIGNED
        lists = _Lists(layout, folder)
        partition = lists.read(PARTITION_LIST, _partition)
        if partition and not partition.on_disk:
            raise SourceError(f"{partition.path}: names none of the images in {folder}")
        facts = _Facts(
            partition,
            lists.read("identity_CelebA", lambda values: values[0]),
            lists.read("list_landmarks_align_celeba" if aligned else "list_landmarks_celeba", _five_points),
            None if aligned else lists.read("list_bbox_celeba", _box),
            aligned,
        )
        on_disk = [path.name for path in lists.images]
        taken = [name for name in on_disk if not partition or name in partition.on_disk]
        listed = sorted({*taken, *(partition.missing if partition else ())})
        ids = names.photo_ids([relative_text(folder / name, self.root) for name in listed])
        finder = PointsFiles(self.root, self.points, self.follow_links)
        photos = (
            self._photo(folder / name, name, photo_id, facts, finder.of(folder / name), layout.tree)
            for name, photo_id in zip(listed, ids, strict=True)
        )
        refused = (
            replace(photo, split=_split_by_number(PurePosixPath(photo.relative).name) or "train")
            for photo in refused_photos(layout.tree, LICENCE)
        )
        return Listing(
            (*photos, *refused),
            tuple(self._notes(folder, partition)),
            self._left_out(layout, lists.images, len(on_disk) - len(taken)),
        )

    def _photo(self, path: Path, name: str, photo_id: str, facts: "_Facts", points: PointsFile, tree: Tree) -> Photo:
        """`name`: as the lists have it."""
        partition = facts.partition
        missing = partition is not None and name in partition.missing
        absent = Problem(Status.MISSING, f"in {PARTITION_LIST}, not on the disk") if missing else None
        return Photo(
            id=photo_id,
            place=File.at(path) if missing else tree.place(path),
            relative=relative_text(path, self.root),
            licence=LICENCE,
            split=(partition.of(name) or "") if partition else _split_by_number(name),
            identity=facts.identities.of(name) if facts.identities else None,
            points_file=points.path,
            points_problem=points.problem,
            reference=Reference(
                five=facts.five.of(name) if facts.five else None,
                box=facts.boxes.of(name) if facts.boxes else None,
                eyes=CELEBA_ALIGNED_EYES if facts.aligned else None,
            ),
            problem=absent or tree.problem(path) or self._link_problem(path),
        )

    def _image_folder(self, layout: Layout) -> Path:
        """The one folder that holds images of the kind that is wanted."""
        found = [folder for folder in image_folders(layout) if not self.wild or _kind(folder) == WILD]
        for kind in (ALIGNED, WILD):
            full = [folder for folder in found if _kind(folder) == kind and pictures_in(folder, layout.tree)]
            if len(full) > 1:
                told = " and ".join(
                    f"{relative_text(folder, self.root)} ({counted(len(pictures_in(folder, layout.tree)), 'image')})"
                    for folder in full
                )
                raise SourceError(f"{self.root}: several folders of images: {told}; keep one of them below SOURCE")
            if full:
                return full[0]
        if found:
            raise SourceError(f"{found[0]}: no images in it; unpack img_align_celeba.zip or img_celeba.7z here")
        closed = [entry for entry in layout.closed if _kind(entry.path) and entry.problem]
        if closed and closed[0].problem:
            raise SourceError(f"{closed[0].path}: {closed[0].problem.reason}")
        if self.wild:
            raise SourceError(f"{self.root}: --wild, but no {WILD} in it: unpack {WILD}.7z there, or leave --wild out")
        raise SourceError(
            f"{self.root}: neither {ALIGNED} nor {WILD} in it: give the folder that holds CelebA, and call the folder of"
            " its images by one of these names"
        )

    def _link_problem(self, path: Path) -> Problem | None:
        return link_problem(path, self.root, self.follow_links) if os.path.islink(path) else None  # noqa: PTH114

    def _left_out(self, layout: Layout, images: list[Path], unlisted: int) -> tuple[LeftOut, ...]:
        outside = layout.pictures - sum(is_picture_name(path.name) for path in images)
        found = [
            LeftOut(unlisted, "image", f"not in {PARTITION_LIST}"),
            LeftOut(outside, "picture", f"outside {relative_text(images[0].parent, self.root)}"),
        ]
        return (*(left_out for left_out in found if left_out.count > 0), *layout.waste)

    def _notes(self, folder: Path, partition: "_Known | None") -> list[str]:
        notes = [f"images from {relative_text(folder, self.root)}"]
        if not partition:
            notes.append(f"no {PARTITION_LIST}: split by the official ranges of numbers")
        return notes


def open_celeba(request: SourceRequest, layout: Layout) -> CelebASource:
    """CelebA below a folder."""
    return CelebASource(request.root, request.wild, request.follow_links, request.points, request.exclude, layout)


def marks(layout: Layout) -> list[Path]:
    """What tells that a folder holds CelebA."""
    return [*image_folders(layout), *layout.lists_named([PARTITION_LIST])]


def image_folders(layout: Layout) -> list[Path]:
    """Folders that are named as one of CelebA's, whatever is in them."""
    return [folder for folder in layout.folders if _kind(folder)]


def _kind(folder: Path) -> str:
    """`img_align_celeba` for that name in any letters and for its lossless twin, likewise `img_celeba`; else empty."""
    name = re.sub(r"[-_. ]?(png|jpe?g|7z|zip|tar|rar)$", "", folder.name.lower().replace("-", "_").replace(" ", "_"))
    return name if name in (ALIGNED, WILD) else ""


@dataclass(frozen=True)
class _Known(Generic[T]):
    """What a list says of each image: by its name on the disk, and by the name in the list where it is not there."""

    path: Path
    on_disk: dict[str, T]
    missing: dict[str, T]

    def of(self, name: str) -> T | None:
        """What the list says of an image."""
        return self.on_disk.get(name, self.missing.get(name))

    def same(self, other: "_Known[T]") -> bool:
        """Whether two copies of a list say the same of every image."""
        mine, theirs = self.on_disk, other.on_disk
        return mine.keys() == theirs.keys() and all(equal(value, theirs[name]) for name, value in mine.items())


@dataclass(frozen=True)
class _Facts:
    """What CelebA's lists say, where they are there, and whether the images are the aligned ones."""

    partition: _Known[str] | None
    identities: _Known[str] | None
    five: _Known[np.ndarray] | None
    boxes: _Known[Box] | None
    aligned: bool


class _Lists:
    """CelebA's lists below a root, for the images of one folder."""

    def __init__(self, layout: Layout, folder: Path) -> None:
        self._layout = layout
        self.images = pictures_in(folder, layout.tree)
        self._named = [Named(names.text(path.name)) for path in self.images]

    def read(self, stem: str, parse: Callable[[list[str]], T]) -> "_Known[T] | None":
        """The list of that name, None where there is none.

        Of several that one which names images that are here; SourceError where two such say different things.
        """
        read = [
            self._fitted(path, _values(path, self._layout.lines(path), parse))
            for path in self._layout.lists_for([stem])
        ]
        fitting = [known for known in read if known.on_disk] or [known for known in read if known.missing]
        for other in fitting[1:]:
            if not fitting[0].same(other):
                raise SourceError(
                    f"{fitting[0].path} and {other.path} say different things; keep one of them below SOURCE"
                )
        return fitting[0] if fitting else None

    def _fitted(self, path: Path, values: dict[str, T]) -> "_Known[T]":
        fitted = fit(values, self._named, path)
        pairs = zip(self.images, fitted.names, strict=True)
        return _Known(
            path,
            {image.name: values[name] for image, name in pairs if name is not None},
            {name: values[name] for name in fitted.unknown},
        )


def _values(path: Path, lines: Iterator[tuple[int, str]], parse: Callable[[list[str]], T]) -> dict[str, T]:
    """Image → what a list says of it. SourceError names the line."""
    values: dict[str, T] = {}
    for number, line in lines:
        name, *rest = _fields(line)
        if number <= 2 and (not rest or not any(letter.isdigit() for letter in name)):
            continue  # the count in the first line, column names in the next
        if not rest or not any(letter.isdigit() for letter in name):
            raise SourceError(f"{path}, line {number}: not an image name and its values: {line[:60]!r}")
        try:
            value = parse(rest)
        except (ValueError, IndexError) as error:
            raise SourceError(f"{path}, line {number}: {line[:60]!r}: {error}") from error
        if name in values and not equal(values[name], value):
            raise SourceError(f"{path}, line {number}: {name!r} stands above already, with something else")
        values[name] = value
    return values


def _fields(line: str) -> list[str]:
    """The values of a line of a list or of a CSV copy of it, without the numbers that pandas puts first."""
    fields = [field.strip("\"'") for field in re.split(r"\s*[,;|]\s*|\s+", line)]
    return fields[1:] if len(fields) > 2 and fields[0].isdecimal() and is_picture_name(fields[1]) else fields


def _partition(values: list[str]) -> str:
    number = int(values[0])
    if not 0 <= number < len(PARTITION):
        raise ValueError(f"split {number}; expected 0, 1 or 2")
    return PARTITION[number]


def _five_points(values: list[str]) -> np.ndarray:
    points = np.array([float(value) for value in values], np.float32)
    if points.shape != (10,) or not np.isfinite(points).all():
        raise ValueError(f"{len(values)} values, expected the x and y of 5 points")
    return points.reshape(5, 2)


def _box(values: list[str]) -> tuple[float, float, float, float]:
    x, y, width, height = (float(value) for value in values)
    return x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5


def _split_by_number(name: str) -> str:
    digits = name.partition(".")[0]
    if not digits.isdecimal():
        return ""
    number = int(digits)
    return "train" if number <= LAST_OF_TRAIN else "val" if number <= LAST_OF_VAL else "test"
