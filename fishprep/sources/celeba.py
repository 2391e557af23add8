"""CelebA in its own layout, as downloaded: aligned (178x218) or in the wild, with whichever of its lists are there."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from fishprep import names
from fishprep.errors import SourceError
from fishprep.landmarks.base import Reference
from fishprep.landmarks.known_place import CELEBA_ALIGNED_EYES
from fishprep.photo import Photo
from fishprep.sources.base import LeftOut, Listing, link_problem, points_of, read_lines, relative_text
from fishprep.status import Problem, Status

LICENCE = "CelebA: non-commercial research only"
ALIGNED, WILD = "img_align_celeba", "img_celeba"
PARTITION = ("train", "val", "test")
LAST_OF_TRAIN, LAST_OF_VAL = 162_770, 182_637
"""Last numbers of the official ranges, for a copy without `list_eval_partition.txt`."""

T = TypeVar("T")


@dataclass(frozen=True)
class CelebASource:
    """CelebA below `root`. The aligned images are taken where both kinds are there, unless `wild`.

    Reads, wherever they lie below `root`, as `.txt` or as the `.csv` copies in circulation: `list_eval_partition`,
    `identity_CelebA`, `list_landmarks_align_celeba` (aligned) or `list_landmarks_celeba` and `list_bbox_celeba` (in the wild).
    """

    root: Path
    wild: bool = False
    follow_links: bool = False
    points: Path | None = None
    kind: str = "celeba"

    def listing(self) -> Listing:
        """Images by number, with split, identity and reference points. A listed image that is not there is `missing`."""
        folder = self._image_folder()
        aligned = folder.name == ALIGNED
        partition = self._table("list_eval_partition", _partition)
        on_disk = {entry.name: entry.is_symlink() for entry in os.scandir(folder) if not entry.name.startswith(".")}
        listed = sorted({*partition, *on_disk})
        if not listed:
            raise SourceError(f"{folder}: no images in it; unpack img_align_celeba.zip or img_celeba.7z here")
        identities = self._table("identity_CelebA", lambda values: values[0])
        five = self._table("list_landmarks_align_celeba" if aligned else "list_landmarks_celeba", _five_points)
        boxes = {} if aligned else self._table("list_bbox_celeba", _box)
        ids = names.photo_ids([relative_text(folder / name, self.root) for name in listed])
        eyes = CELEBA_ALIGNED_EYES if aligned else None
        photos = tuple(
            Photo(
                id=photo_id,
                path=folder / name,
                relative=relative_text(folder / name, self.root),
                licence=LICENCE,
                split=partition[name] if partition else _split_by_number(name),
                identity=identities.get(name),
                points_file=points_of(folder / name, self.root, self.points),
                reference=Reference(five=five.get(name), box=boxes.get(name), eyes=eyes),
                problem=self._problem(folder / name, on_disk.get(name)),
            )
            for name, photo_id in zip(listed, ids, strict=True)
            if not partition or name in partition
        )
        unlisted = len(set(on_disk) - set(partition)) if partition else 0
        left_out = (LeftOut(unlisted, "image", "not in list_eval_partition"),) if unlisted else ()
        return Listing(photos, tuple(self._notes(folder, partition)), left_out)

    def _image_folder(self) -> Path:
        for name in (WILD,) if self.wild else (ALIGNED, WILD):
            # deepest first: some copies hold img_align_celeba/img_align_celeba
            found = sorted(
                (p for p in [self.root, *self.root.rglob(name)] if p.name == name and p.is_dir()), reverse=True
            )
            if found:
                return found[0]
        if self.wild:
            raise SourceError(f"{self.root}: --wild, but no {WILD} in it: unpack {WILD}.7z there, or leave --wild out")
        raise SourceError(f"{self.root}: neither {ALIGNED} nor {WILD} in it: give the folder that holds CelebA")

    def _problem(self, path: Path, is_link: bool | None) -> Problem | None:
        if is_link is None:
            return Problem(Status.MISSING, "in list_eval_partition, not on the disk")
        return link_problem(path, self.root, self.follow_links) if is_link else None

    def _table(self, stem: str, parse: Callable[[list[str]], T]) -> Mapping[str, T]:
        paths = sorted(path for suffix in (".txt", ".csv") for path in self.root.rglob(stem + suffix))
        if not paths:
            return {}
        values: dict[str, T] = {}
        for number, line in read_lines(paths[0]):
            name, *rest = line.replace(",", " ").split()
            if "." not in name or not rest:  # the count in the first line, column names in the next
                if number > 2:
                    raise SourceError(f"{paths[0]}, line {number}: not an image name and its values: {line[:60]!r}")
                continue
            try:
                values[name] = parse(rest)
            except (ValueError, IndexError) as error:
                raise SourceError(f"{paths[0]}, line {number}: {line[:60]!r}: {error}") from error
        return values

    def _notes(self, folder: Path, partition: Mapping[str, str]) -> list[str]:
        notes = [f"images from {relative_text(folder, self.root)}"]
        if not partition:
            notes.append("no list_eval_partition: split by the official ranges of numbers")
        return notes


def _partition(values: list[str]) -> str:
    return PARTITION[int(values[0])]


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
